//! The embedded EKS, EC2 and Auto Scaling of cast-spot, in virtual time.
//!
//! The production handler, its real adapters included, runs over a world that lives in this process and
//! speaks the real wire formats: Kubernetes under `kube::Client`, the AWS query and REST protocols under the
//! AWS SDKs. Two minutes pass in milliseconds, and every figure is exact and repeatable.
//!
//! ```text
//! WorldSpec (plain data) --> run() --> Outcome
//!                             |  world/     instances, groups, nodes, pods, budgets, and what moves them
//!                             |  wire/      HTTP in front of it: Kubernetes, EC2, Auto Scaling, EKS
//!                             |  faults     what goes wrong with calls
//!                             |  facts      what happened, in order
//!                             |  observer   checks the handler's laws by the facts
//! ```
//!
//! ```no_run
//! use cast_spot_rehearsal::{Action, WorldSpec, run};
//!
//! let mut spec = WorldSpec::baseline(7, 3, 20); // seed, nodes, pods on each
//! spec.interrupt(0, Action::Terminate, 0);
//! let outcome = run("baseline", spec);
//! assert!(outcome.world.violations.is_empty());
//! ```

mod facts;
pub mod faults;
mod function;
mod law;
pub mod live;
mod notices;
mod observer;
pub mod outcome;
mod run;
pub mod scenario;
pub mod simulation;
#[cfg(test)]
mod tests;
pub mod timeline;
mod wire;
pub mod world;

pub use faults::{Api, Fault, FaultKind};
pub use law::Law;
pub use outcome::Outcome;
pub use run::run;
pub use simulation::simulate;
pub use world::spec::*;

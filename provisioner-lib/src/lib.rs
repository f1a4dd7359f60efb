//! The provisioner: onboards an EKS cluster for the handler, and offboards it again.
//!
//! ```text
//! spec ──► desired ──┐
//!                    ├──► plan (pure diff) ──► apply ──► report        verify = plan is empty + live checks
//! provider.observe ──┘               offboard = plan(desired = nothing), managed resources only, in reverse order
//! ```
//!
//! There is no state file: names follow from the cluster, tags mark managed resources. A foreign resource of the same name
//! is a conflict, and nothing is written. [`apply`] stops at the first failure and reports what was done; running it again
//! is the recovery. Plans of concurrent runs converge: a run whose resources were changed by another plans again.
//!
//! [`connect`] is the read-only half: the same stages over the API server alone.
//!
//! A plan is data, and takes no call if the facts are known. [`onboard::plan`] reads them from AWS and the cluster, and
//! [`onboard::onboard`] applies the plan (`examples/onboard.rs`):
//!
#![doc = "```"]
#![doc = include_str!("../examples/plan_json.rs")]
#![doc = "```"]
//!
//! Policies, event patterns and RBAC are those of `infra/`, embedded. [`cloudformation`] writes the same state as templates.

pub mod address;
pub mod apply;
pub mod aws_auth;
pub mod call;
mod check;
pub mod cloudformation;
pub mod commands;
pub mod connect;
pub mod console;
mod converge;
pub mod desired;
pub mod endpoints;
pub mod facts;
pub mod fault;
pub mod invisible;
pub mod names;
mod observed;
pub mod offboard;
pub mod onboard;
pub mod package;
pub mod plan;
pub mod policy;
pub mod provider;
pub mod recall;
mod record;
pub mod report;
pub mod resource;
pub mod spec;
pub mod verify;

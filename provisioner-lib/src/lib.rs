//! The provisioner: onboards an EKS cluster for the handler, and takes all of it out again.
//!
//! ```text
//! spec ──► desired ──┐
//!                    ├──► plan (pure diff) ──► apply ──► report      verify = plan is empty + live checks
//! provider.observe ──┘               offboard = plan(desired = nothing), what is ours only, in reverse order
//! ```
//!
//! There is no state file: names follow from the cluster, tags say what is ours. A foreign object of the same name
//! is a conflict, and nothing is written. `apply` stops at the first failure and says what stands; running it
//! again is the recovery.
//!
//! [`connect`] is the read-only half of it, by the same stages and over the API server alone.
//!
//! An onboarding tool does what the command line does:
//!
//! ```no_run
//! use cast_spot_provisioner::{
//!     apply::{CancelToken, Progress},
//!     onboard::{PlanError, onboard, plan},
//!     provider::{Aws, Connection},
//!     spec::Request,
//! };
//!
//! # async fn example(zip: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let request = Request {
//!     cluster: "prod".to_owned(),
//!     principal: Some("arn:aws:iam::210987654321:user/console".to_owned()),
//!     external_id: Some("3f0c91d2".to_owned()),
//!     package: Some(zip),
//!     ..Request::default()
//! };
//! let spec = request.validate()?;
//! let aws = Aws::connect(&Connection::default()).await.map_err(PlanError::Calls)?;
//! let planned = plan(&spec, &aws).await?;
//! for step in planned.plan.writes() {
//!     println!("{:?} {}", step.action, step.id);
//! }
//! let mut shown = |progress: Progress<'_>| {
//!     if let Progress::Done(step) = progress {
//!         println!("done: {}", step.id);
//!     }
//! };
//! let report = onboard(&spec, planned, &aws, &CancelToken::new(), &mut shown).await?;
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! ```
//!
//! The words that the handler is held to as well, policies, event pattern and RBAC, are those of `infra/`,
//! embedded; the handler never reads them.

pub mod apply;
pub mod aws_auth;
pub mod call;
mod check;
pub mod commands;
pub mod connect;
pub mod console;
mod converge;
pub mod desired;
pub mod endpoints;
pub mod facts;
pub mod fault;
pub mod names;
mod observed;
pub mod offboard;
pub mod onboard;
pub mod package;
pub mod plan;
pub mod policy;
pub mod provider;
pub mod recall;
pub mod report;
pub mod resource;
pub mod spec;
pub mod verify;

//! Estimates what an EKS cluster could save: finds the cheapest nodes on which every pod schedules, On-Demand and with
//! Spot, and compares them with today's.
//!
//! ```
//! use cast_spot_savings::{
//!     choices::Choices,
//!     compare::compare,
//!     render,
//!     snapshot::Snapshot,
//! };
//!
//! // A file of `cast-spot savings --save-snapshot`, or of `kubectl get nodes,pods,… -A -o json`.
//! let file = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop.json"));
//! let snapshot = Snapshot::parse(file)?;
//! let now = "2026-11-27T08:40:00Z".parse()?;
//! let comparison = compare(&snapshot, snapshot.prices.as_ref(), &Choices::default(), now);
//! // "Saves $1,400 to $2,116 of $3,011 a month (46.5 to 70.3 %), $16,809 to $25,401 a year."
//! assert!(render::headline(&comparison.report).starts_with("Saves $1,"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The stages, all pure but `provider`:
//!
//! ```text
//! snapshot ─► demand ──┐
//!    │                 ├─► pack ─► nodes ──► compare ─► report ─► render: table, page, …
//!    │  prices ─► offers                        │    └────────► apply: NodePools, patches
//!    └──► machines, verdict ────────────────────┘
//! ```
//!
//! - [`snapshot`] holds the objects of a cluster, [`prices`] a [`catalog`] of instance types and prices with its date.
//! - [`offers`] are the nodes that can be bought: a type in a zone, with price, labels and taints.
//! - [`demand`] holds the pods to place, with requests and constraints.
//! - [`fit`] has the kube-scheduler's filters for a pod and an empty node.
//! - [`pack`] finds the nodes.
//! - [`machines`] are today's nodes; [`verdict`] decides which workloads tolerate Spot.
//! - [`usage`] makes a snapshot whose pods request what they use, for a configuration of its own.
//! - [`choices`] are the user's; [`compare`] makes the [`report`] of all configurations, [`render`] its table, page,
//!   Markdown and CSV, [`apply`] the objects that make the cluster what is proposed.
//! - `provider`, behind the feature `live`, reads the cluster and AWS.

pub mod apply;
pub mod catalog;
pub mod choices;
pub mod compare;
pub mod demand;
pub mod fit;
pub mod labels;
pub mod machines;
pub mod markets;
pub mod money;
mod objects;
pub mod offers;
pub mod pack;
pub mod pins;
pub mod prices;
mod protection;
#[cfg(feature = "live")]
pub mod provider;
pub mod quantity;
pub mod render;
pub mod report;
pub mod shown;
pub mod snapshot;
pub mod template;
pub mod usage;
pub mod verdict;

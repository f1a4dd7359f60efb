//! What an EKS cluster could save: the cheapest nodes onto which every one of its pods schedules.
//!
//! ```text
//! snapshot ─► demand ──┐
//!    │                 ├─► pack ─► nodes ──► compare ─► report: table, JSON, page
//!    │  prices ─► offers                        │
//!    └──► machines, verdict ────────────────────┘
//! ```
//!
//! - [`snapshot`] is what was read of the cluster, [`prices`] what was read of AWS.
//! - [`catalog`] is what could be bought: types, prices, and the [`offers::{Offer}`]s that they make.
//! - [`demand`] reads from a snapshot which pods are to be placed and what each asks of its node.
//! - [`fit`] says whether a node takes a pod, in the sense of the kube-scheduler.
//! - [`pack`] finds the nodes.
//! - [`machines`] are today's nodes, [`verdict`] says which workloads could run on Spot, and why.
//! - [`compare`] puts three configurations side by side, and [`risk`] says what a rehearsal of the one with Spot needs.
//! - `provider`, behind the feature `live`, reads cluster and AWS.
//! - [`report`] is the result, and its table and page.

pub mod catalog;
pub mod compare;
pub mod demand;
pub mod fit;
pub mod machines;
pub mod money;
pub mod offers;
pub mod pack;
pub mod prices;
#[cfg(feature = "live")]
pub mod provider;
pub mod quantity;
pub mod render;
pub mod report;
pub mod risk;
pub mod snapshot;
pub mod template;
pub mod verdict;

//! What an EKS cluster could save: the cheapest nodes onto which every one of its pods schedules.
//!
//! ```text
//! snapshot ─► demand ──┐
//!                      ├─► pack ─► nodes, and the pods that none takes
//! catalog ─► offers ───┘
//! ```
//!
//! - [`snapshot`] is what was read of the cluster.
//! - [`catalog`] is what could be bought: types, prices, and the [`catalog::Offer`]s that they make.
//! - [`demand`] reads from a snapshot which pods are to be placed and what each asks of its node.
//! - [`fit`] says whether a node takes a pod, in the sense of the kube-scheduler.
//! - [`pack`] finds the nodes.

pub mod catalog;
pub mod demand;
pub mod fit;
pub mod money;
mod offers;
pub mod pack;
pub mod quantity;
pub mod snapshot;
pub mod template;

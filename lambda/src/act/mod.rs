//! The two independent halves of the work. This is the only stage that waits; what it waits for and for
//! how long the plan says.
//!
//! ```text
//!            ┌─ cordon ─┐
//! drain leg  ┤          ├─► evictions (wave 1, wave 2) ─► watch until gone   drain.rs; waves.rs: the one loop
//!            └─ LIST ───┘
//! replacement leg ─► read the group ─► choose ─► detach, or watch it         replace.rs
//!        └─► reads the group: replaced? when does it end the instance?       group_watch.rs
//! ```
//!
//! A self-test is neither: `review.rs` asks the APIs what the two would be answered, and writes nothing.

mod candidate;
mod cordon;
mod drain;
mod evict;
mod find_node;
mod group_watch;
pub(crate) mod guard;
mod identity;
mod pdb_lists;
mod replace;
pub(crate) mod review;
mod tracked;
mod watch;
mod waves;

use jiff::Timestamp;

use crate::{
    budget::Budget,
    event::Notice,
    locate::Target,
    plan::{Policy, course::Course},
};

/// What a leg works on, over the Kubernetes API of the cluster or over EC2 Auto Scaling.
#[derive(Debug)]
pub(crate) struct Leg<'a, A> {
    /// The API.
    pub(crate) api: &'a A,
    /// The instance.
    pub(crate) target: &'a Target,
    /// The notice.
    pub(crate) notice: &'a Notice,
    /// The course of the notice.
    pub(crate) course: &'a Course,
    /// The operator's choices.
    pub(crate) policy: &'a Policy,
    /// Time and calls.
    pub(crate) budget: &'a Budget,
    /// Wall clock at the handler's entry.
    pub(crate) entered: Timestamp,
}

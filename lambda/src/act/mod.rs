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
pub(crate) mod drain;
mod evict;
mod find_node;
mod group_watch;
pub(crate) mod guard;
mod identity;
mod pdb_lists;
pub(crate) mod replace;
pub(crate) mod review;
mod tracked;
mod watch;
mod waves;

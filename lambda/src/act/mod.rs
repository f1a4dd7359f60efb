//! The two independent halves of the work. This is the only stage that waits; what it waits for and for
//! how long the plan says.
//!
//! ```text
//!            ┌─ cordon ─┐
//! drain leg  ┤          ├─► evictions (wave 1, wave 2) ─► watch until gone   drain.rs: the one loop
//!            └─ LIST ───┘
//! replacement leg ─► read the group ─► choose ─► ask, or watch it            replace.rs
//!        └─► looks at the group: replaced? when does it end the instance?      group_watch.rs
//! ```
//!
//! A self-test is neither: `review.rs` asks what the two would be answered, and writes nothing.

mod account;
pub mod cordon;
pub mod drain;
mod evict;
mod group_watch;
mod identity;
pub mod replace;
pub mod review;
mod tracked;
mod watch;

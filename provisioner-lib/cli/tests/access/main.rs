//! The way to a cluster and to AWS: kubeconfigs, profiles, certificates, and the policies of a place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod aws;
mod kubeconfigs;
mod policies;
mod prices;
#[path = "../script/mod.rs"]
mod script;
mod sign_in;

//! The provisioner's stages over an account in memory: whatever fails, whenever it is killed, whoever is faster,
//! running it again ends in the state of an undisturbed run, and offboarding leaves nothing but what was there.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

mod account;
mod drift;
mod failures;
mod merge;
mod races;
mod situation;

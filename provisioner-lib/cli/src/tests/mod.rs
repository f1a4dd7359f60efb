//! Fakes for the tests of all commands.

pub(crate) mod account;

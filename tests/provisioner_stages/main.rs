//! Onboarding and offboarding over an in-memory account, as strict as AWS about order, races and half-made resources:
//! a step can end between two of its calls, calls of one run overlap when it is killed, with concurrent runs and
//! unrelated resources present.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

mod account;
mod choices;
mod concurrent;
mod concurrent_edits;
mod connecting;
mod demanded;
mod drift;
mod endpoints;
mod foreign;
mod interrupted;
mod keys;
mod last_look;
mod others;
mod planted;
mod random;
mod repeated;
mod shared;
mod situation;
mod stopped;
mod unmanaged;
mod upgrade;

//! Onboarding and offboarding over an account that is played call by call, as strict as AWS where an order, a race
//! or a half-made resource matters: a step can end between two of its calls, calls of one run overlap when it dies,
//! others work at the same time, and neighbours look on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

mod account;
mod choices;
mod connecting;
mod drift;
mod endpoints;
mod foreign;
mod interrupted;
mod keys;
mod meddled;
mod others;
mod random;
mod repeated;
mod shared;
mod situation;
mod stopped;
mod together;
mod upgrade;

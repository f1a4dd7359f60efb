//! The command over a provider in memory.

//! Prints in one sentence what a cluster could save, from a file of `cast-spot savings --save-snapshot`:
//!
//! ```text
//! cargo run -p cast-spot-savings --example savings_from_file -- provisioner-lib/savings/examples/shop.json
//! ```

#![expect(clippy::print_stdout, reason = "the result of the example")]

use std::{env, error::Error, fs};

use cast_spot_savings::{choices::Choices, compare::compare, render, snapshot::Snapshot};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: savings_from_file SNAPSHOT")?;
    println!("{}", headline(&path)?);
    Ok(())
}

/// The headline of the report on a snapshot.
pub(crate) fn headline(path: &str) -> Result<String, Box<dyn Error>> {
    let snapshot = Snapshot::parse(&fs::read_to_string(path)?)?;
    let now = snapshot.read_at.unwrap_or_default();
    let comparison = compare(&snapshot, snapshot.prices.as_ref(), &Choices::default(), now);
    Ok(render::headline(&comparison.report))
}

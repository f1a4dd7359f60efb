//! The table at the end of `cargo xtask test`: each tier with its wall time and its result.

use std::{fmt::Write, time::Duration};

use crate::process::{Failure, Outcome};

/// A tier that has ended.
pub(crate) struct Row {
    tier: &'static str,
    took: Duration,
    result: &'static str,
}

impl Row {
    /// The row of a tier with its wall time and its outcome.
    pub(crate) fn new(tier: &'static str, took: Duration, outcome: &Outcome) -> Self {
        let result = match outcome {
            Ok(()) => "passed",
            Err(Failure::Missing(_)) => "SKIPPED",
            Err(_) => "FAILED",
        };
        Self { tier, took, result }
    }
}

/// One line for each tier, below a heading.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = format!("{:<10} {:>7}  result\n", "tier", "minutes");
    for Row { tier, took, result } in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{tier:<10} {:>7.1}  {result}", took.as_secs_f64() / 60.0);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_minutes_and_the_result_of_each_tier() {
        let exited = Failure::Exited { program: "cargo test".to_owned(), code: 101 };
        let rows = [
            Row::new("fast", Duration::from_secs(372), &Ok(())),
            Row::new("function", Duration::from_secs(31), &Err(exited)),
            Row::new("real", Duration::ZERO, &Err(Failure::Missing("go".to_owned()))),
        ];
        assert_eq!(
            table(&rows),
            "tier       minutes  result\n\
             fast           6.2  passed\n\
             function       0.5  FAILED\n\
             real           0.0  SKIPPED\n"
        );
    }
}

//! The figures of a bench, as a table and as JSON.

use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Unit of a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Bytes, shown in MiB.
    Bytes,
    /// Milliseconds.
    Millis,
}

/// One measured value.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Key in the JSON, with its unit.
    pub(crate) key: &'static str,
    /// Name in the table.
    pub(crate) name: &'static str,
    unit: Unit,
    value: Option<f64>,
    limit: Option<f64>,
}

impl Figure {
    /// A figure; `value` is `None` where this machine or build cannot tell it.
    pub(crate) fn new(
        key: &'static str,
        name: &'static str,
        unit: Unit,
        value: Option<f64>,
        limit: Option<f64>,
    ) -> Self {
        Self { key, name, unit, value, limit }
    }

    /// Whether the value is over its limit.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.value.zip(self.limit).is_some_and(|(value, limit)| value > limit)
    }

    fn show(&self, value: Option<f64>, absent: &str) -> String {
        match (value, self.unit) {
            (None, _) => absent.to_owned(),
            (Some(bytes), Unit::Bytes) => format!("{:.2} MiB", bytes / f64::from(1 << 20)),
            (Some(millis), Unit::Millis) => format!("{millis:.1} ms"),
        }
    }
}

/// Median of `value` over all runs that have it.
pub(crate) fn median<T>(runs: &[T], value: impl Fn(&T) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// One line for each figure.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut table = format!("{:<42} {:>12} {:>12}\n", "", "measured", "limit");
    for figure in figures {
        let measured = figure.show(figure.value, "not measured");
        let limit = figure.show(figure.limit, "");
        let verdict = if figure.is_exceeded() { "  EXCEEDED" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{:<42} {measured:>12} {limit:>12}{verdict}", figure.name);
    }
    table
}

/// `{"profile","runs","figures":{..},"limits":{..},"exceeded":[..]}`
pub(crate) fn json(profile: &str, runs: usize, figures: &[Figure]) -> Value {
    let by_key = |value: fn(&Figure) -> Option<f64>| -> Map<String, Value> {
        figures.iter().map(|figure| (figure.key.to_owned(), json!(value(figure)))).collect()
    };
    let exceeded: Vec<_> =
        figures.iter().filter(|figure| figure.is_exceeded()).map(|figure| figure.key).collect();
    json!({
        "profile": profile,
        "runs": runs,
        "figures": by_key(|figure| figure.value),
        "limits": by_key(|figure| figure.limit),
        "exceeded": exceeded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: Option<f64>) -> Figure {
        Figure::new("zip_bytes", "zip", Unit::Bytes, value, Some(1024.0))
    }

    #[test]
    fn a_value_at_its_limit_passes_and_one_above_fails() {
        assert!(!figure(Some(1024.0)).is_exceeded());
        assert!(figure(Some(1024.5)).is_exceeded());
        assert!(!figure(None).is_exceeded());
    }

    #[test]
    fn an_exceeded_limit_is_in_the_table_and_in_the_json() {
        let figures = [figure(Some(2048.0))];
        assert!(table(&figures).contains("EXCEEDED"));
        assert_eq!(json("release", 15, &figures)["exceeded"], json!(["zip_bytes"]));
    }
}

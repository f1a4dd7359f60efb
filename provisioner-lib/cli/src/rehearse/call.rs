//! Reads the options: a scenario and its choices, or all that is wrong with them at once.

use std::str::FromStr;
use std::{fs, io};

use cast_spot_rehearsal::scenario::{self, ALL, EventFile, Options, PDB_AT_DEADLINE, REPLACEMENT, Scenario};

use super::Args;
use crate::session::now;
use crate::terminal::Complaint;

const SEE_HELP: &str = "see `cast-spot rehearse --help`";
const SEE_EVENTS: &str =
    "FILE must hold the payload of the function: an EventBridge event, or an SQS batch of them";

/// The scenario and the choices.
pub(super) fn read(args: &Args) -> Result<(&'static Scenario, Options), Vec<Complaint>> {
    let mut reader = Reader::default();
    let usual = Options::default();
    let scenario = reader.scenario(args.name.as_deref().unwrap_or(&args.scenario));
    let options = Options {
        nodes: args.nodes.as_deref().and_then(|text| reader.number("--nodes", text)),
        cluster_nodes: args.cluster_nodes.as_deref().and_then(|text| reader.number("--cluster-nodes", text)),
        pods_per_node: reader.number("--pods-per-node", &args.pods_per_node).unwrap_or(usual.pods_per_node),
        latency_ms: reader.number("--latency-ms", &args.latency_ms).unwrap_or(usual.latency_ms),
        seed: reader.number("--seed", &args.seed).unwrap_or(usual.seed),
        cold: args.cold,
        pdb_at_deadline: (reader)
            .word("--pdb-at-deadline", &args.pdb_at_deadline, &PDB_AT_DEADLINE)
            .unwrap_or(usual.pdb_at_deadline),
        replacement: (reader)
            .word("--replacement", &args.replacement, &REPLACEMENT)
            .unwrap_or(usual.replacement),
        event: None,
    };
    let options = Options { event: args.event.as_deref().and_then(|file| reader.event(file)), ..options };
    // Of an unknown scenario the choices are still read; the first one stands for it.
    reader.ranges(scenario.unwrap_or(&ALL[0]), &options);
    // Equal hints side by side.
    reader.complaints.sort_by_key(|complaint| complaint.hint == SEE_EVENTS);
    match scenario {
        Some(scenario) if reader.complaints.is_empty() => Ok((scenario, options)),
        _ => Err(reader.complaints),
    }
}

/// Reads one option after the other and remembers what is wrong.
#[derive(Default)]
struct Reader {
    complaints: Vec<Complaint>,
    /// Options whose values are unknown.
    unread: Vec<&'static str>,
}

impl Reader {
    fn complain(&mut self, error: String, hint: impl Into<String>) {
        self.complaints.push(Complaint { error, hint: hint.into() });
    }

    fn scenario(&mut self, name: &str) -> Option<&'static Scenario> {
        let found = scenario::find(name);
        if found.is_none() {
            let hint = match nearest(name) {
                Some(near) => format!("did you mean `{near}`? `cast-spot rehearse --list` has all"),
                None => "see `cast-spot rehearse --list`".to_owned(),
            };
            self.complain(format!("--scenario {name}: no such scenario"), hint);
        }
        found
    }

    fn number<T: FromStr>(&mut self, option: &'static str, text: &str) -> Option<T> {
        let number = text.parse().ok();
        if number.is_none() {
            let why = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
                "too large"
            } else {
                "not a whole number of 0 or more"
            };
            self.unread.push(option);
            self.complain(format!("{option} {text}: {why}"), SEE_HELP);
        }
        number
    }

    fn word<T: Copy>(&mut self, option: &str, text: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.complain(format!("{option} {text}: not one of {}", words.join(", ")), SEE_HELP);
        }
        found.map(|(_, value)| *value)
    }

    fn event(&mut self, file: &str) -> Option<EventFile> {
        let text = if file == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
        let event = match text {
            Ok(text) => EventFile::parse(&text, now()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        event.map_err(|error| self.complain(format!("--event {file}: {error}"), SEE_EVENTS)).ok()
    }

    /// What is out of range, as far as the values in question could be read.
    fn ranges(&mut self, scenario: &Scenario, options: &Options) {
        for fault in scenario.faults(options) {
            if !self.unread.iter().any(|option| fault.contains(option)) {
                self.complain(fault, SEE_HELP);
            }
        }
    }
}

/// The scenario that was meant, if one has nearly this name.
fn nearest(name: &str) -> Option<&'static str> {
    let distances = ALL.iter().map(|scenario| (distance(name, scenario.name), scenario.name));
    let (distance, near) = distances.min()?;
    (distance <= near.len() / 3).then_some(near)
}

/// Letters to insert, remove or change (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (column, &other) in to.iter().enumerate() {
            let changed = corner + usize::from(letter != other);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_scenario() {
        for (typed, meant) in [
            ("pdb-bloked", Some("pdb-blocked")),
            ("Storm", Some("storm")),
            ("wrong-nodename", Some("wrong-node-name")),
            ("earthquake", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn distance_counts_letters() {
        for (from, to, letters) in
            [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("stop", "stop", 0)]
        {
            assert_eq!(distance(from, to), letters, "{from} {to}");
        }
    }
}

//! The laws: what the handler promises, and the observer checks after every run (docs/architecture.md, "The laws").

use std::fmt;

use serde::{Serialize, Serializer};

/// One promise of the handler. It is shown by its number, on the terminal and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the documentation describes each")]
pub enum Law {
    OneReport = 1,
    RightNode,
    LastMoment,
    OneReplacement,
    IndependentLegs,
    InTime,
    Resumption,
    UidAndGrace,
    Order,
    RetryAfter,
    NoEarlierEnd,
    EveryPod,
    NoCircles,
    ForeignNotice,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (*self as u8).fmt(f)
    }
}

impl Serialize for Law {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All laws with their titles, by number.
    const TITLES: [(Law, &str); 14] = [
        (Law::OneReport, "One report"),
        (Law::RightNode, "The right node"),
        (Law::LastMoment, "The last moment"),
        (Law::OneReplacement, "One replacement"),
        (Law::IndependentLegs, "Independent legs"),
        (Law::InTime, "In time"),
        (Law::Resumption, "Resumption"),
        (Law::UidAndGrace, "UID and grace"),
        (Law::Order, "Order"),
        (Law::RetryAfter, "Retry-After"),
        (Law::NoEarlierEnd, "No earlier end"),
        (Law::EveryPod, "Every pod"),
        (Law::NoCircles, "No circles"),
        (Law::ForeignNotice, "Foreign notices"),
    ];

    #[test]
    fn the_documentation_lists_the_laws() {
        let text = include_str!("../../../docs/architecture.md");
        let section = text.split("\n## ").find(|section| section.starts_with("The laws\n")).unwrap();
        let listed: Vec<&str> = section.lines().filter(|line| line.contains(". **")).collect();
        assert_eq!(listed.len(), TITLES.len());
        for (number, ((law, title), line)) in (1..).zip(TITLES.into_iter().zip(listed)) {
            assert_eq!(law as usize, number);
            assert!(line.starts_with(&format!("{law}. **{title}.** ")), "{law}: {line}");
        }
    }

    #[test]
    fn a_law_is_a_number_in_json() {
        assert_eq!(serde_json::json!(Law::RetryAfter), 10);
    }
}

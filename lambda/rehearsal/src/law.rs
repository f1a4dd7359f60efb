//! The laws: what the handler promises, and the observer checks after every run (docs/architecture.md, "The laws").

use std::fmt;

use serde::{Serialize, Serializer};

/// One promise of the handler. It is shown by its number, on the terminal and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`title` names each")]
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

impl Law {
    /// All laws with their titles, by number.
    pub const ALL: [(Self, &str); 14] = [
        (Self::OneReport, "One report"),
        (Self::RightNode, "The right node"),
        (Self::LastMoment, "The last moment"),
        (Self::OneReplacement, "One replacement"),
        (Self::IndependentLegs, "Independent legs"),
        (Self::InTime, "In time"),
        (Self::Resumption, "Resumption"),
        (Self::UidAndGrace, "UID and grace"),
        (Self::Order, "Order"),
        (Self::RetryAfter, "Retry-After"),
        (Self::NoEarlierEnd, "No earlier end"),
        (Self::EveryPod, "Every pod"),
        (Self::NoCircles, "No circles"),
        (Self::ForeignNotice, "Foreign notices"),
    ];

    /// Its number in the list of the laws.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its title in the list of the laws.
    #[must_use]
    pub fn title(self) -> &'static str {
        Self::ALL[usize::from(self.number()) - 1].1
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl Serialize for Law {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_the_laws() {
        let text = include_str!("../../../docs/architecture.md");
        let section = text.split("\n## ").find(|section| section.starts_with("The laws\n")).unwrap();
        let listed: Vec<&str> = section.lines().filter(|line| line.contains(". **")).collect();
        assert_eq!(listed.len(), Law::ALL.len());
        for ((law, title), line) in Law::ALL.into_iter().zip(listed) {
            assert_eq!(law.title(), title);
            assert!(line.starts_with(&format!("{law}. **{title}.** ")), "{law}: {line}");
        }
    }

    #[test]
    fn a_law_is_a_number_in_json() {
        assert_eq!(serde_json::json!(Law::RetryAfter), 10);
    }
}

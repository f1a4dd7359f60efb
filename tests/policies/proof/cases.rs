//! Finite cases: for the patterns that policies compare a text with, one text of every kind that they tell apart.
//!
//! A pattern is a small automaton. All of them run side by side over every text that the form of the value allows; two
//! texts that the same patterns match are one case. So the cases are complete, however wildcards overlap.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// A character that no policy mentions: any other text.
pub(crate) const OTHER: char = '~';

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Char(char),
    /// One character, or one that is not a colon.
    One {
        colon: bool,
    },
    /// Any number of them.
    Many {
        colon: bool,
    },
}

/// What a text is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
    ignores_case: bool,
}

impl Pattern {
    /// This text alone.
    pub(crate) fn exact(text: &str) -> Self {
        let tokens = text.chars().map(|c| Token::Char(without_mark(c))).collect();
        Self { tokens, ignores_case: false }
    }

    /// Every text.
    pub(crate) fn any() -> Self {
        Self { tokens: vec![Token::Many { colon: true }], ignores_case: false }
    }

    /// A text with the wildcards `*` and `?`.
    pub(crate) fn glob(text: &str) -> Self {
        let tokens = text.chars().map(|c| wildcard(c, true)).collect();
        Self { tokens, ignores_case: false }
    }

    /// An ARN whose first five parts are compared each for itself, as `ArnLike` does.
    pub(crate) fn arn(text: &str) -> Self {
        let mut colons = 0;
        let token = |c| {
            colons += usize::from(c == ':');
            wildcard(c, colons >= 5)
        };
        Self { tokens: text.chars().map(token).collect(), ignores_case: false }
    }

    /// The form of a resource's ARN in the Service Authorization Reference. `${..}` is one character or more,
    /// without colons, which no name has.
    pub(crate) fn form(text: &str, partition: &str) -> Self {
        let mut tokens = Vec::new();
        for (index, part) in text.replace("${Partition}", partition).split("${").enumerate() {
            let (variable, rest) = if index == 0 { ("", part) } else { part.split_once('}').unwrap() };
            if !variable.is_empty() {
                tokens.extend([Token::One { colon: false }, Token::Many { colon: false }]);
            }
            tokens.extend(rest.chars().map(Token::Char));
        }
        Self { tokens, ignores_case: false }
    }

    /// The ARNs in regions of this pattern.
    pub(crate) fn in_region(&self) -> Self {
        let mut tokens = Self::arn("arn:*:*:").tokens;
        tokens.extend(&self.tokens);
        tokens.extend([Token::Char(':'), Token::Many { colon: true }]);
        Self { tokens, ignores_case: self.ignores_case }
    }

    pub(crate) fn ignoring_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let end = text.chars().fold(self.start(), |at, c| self.step(&at, c));
        self.accepts(&end)
    }

    fn start(&self) -> Places {
        self.closed(vec![0])
    }

    fn accepts(&self, at: &Places) -> bool {
        at.last() == Some(&self.tokens.len())
    }

    /// With the places to which wildcards that match nothing lead on. Sorted, because states are compared.
    fn closed(&self, mut at: Places) -> Places {
        let mut index = 0;
        while let Some(&place) = at.get(index) {
            if matches!(self.tokens.get(place), Some(Token::Many { .. })) && !at.contains(&(place + 1)) {
                at.push(place + 1);
            }
            index += 1;
        }
        at.sort_unstable();
        at.dedup();
        at
    }

    fn step(&self, at: &Places, c: char) -> Places {
        let next = at.iter().filter_map(|&place| match self.tokens.get(place)? {
            Token::Char(wanted) => self.same(*wanted, c).then_some(place + 1),
            Token::One { colon } => (*colon || c != ':').then_some(place + 1),
            Token::Many { colon } => (*colon || c != ':').then_some(place),
        });
        self.closed(next.collect())
    }

    fn same(&self, wanted: char, found: char) -> bool {
        wanted == found || self.ignores_case && wanted.eq_ignore_ascii_case(&found)
    }

    /// Characters that lead elsewhere than any other one would.
    fn expected(&self, at: &Places) -> impl Iterator<Item = char> {
        at.iter().filter_map(|&place| self.tokens.get(place)).flat_map(|token| match token {
            Token::Char(c) if self.ignores_case => vec![*c, c.to_ascii_uppercase(), c.to_ascii_lowercase()],
            Token::Char(c) => vec![*c],
            _ => vec![':'],
        })
    }
}

/// Places in a pattern that a text may have reached.
type Places = Vec<usize>;

fn wildcard(c: char, colon: bool) -> Token {
    match c {
        '*' => Token::Many { colon },
        '?' => Token::One { colon },
        c => Token::Char(without_mark(c)),
    }
}

/// Characters that stand for wildcards without a meaning.
const MARKED: [(char, char); 2] = [('*', '\u{e000}'), ('?', '\u{e001}')];

/// The text, so that its wildcards are characters like any other.
pub(crate) fn literal(text: &str) -> String {
    MARKED.iter().fold(text.to_owned(), |text, (wildcard, mark)| text.replace(*wildcard, &mark.to_string()))
}

fn without_mark(c: char) -> char {
    MARKED.iter().find(|(_, mark)| *mark == c).map_or(c, |(wildcard, _)| *wildcard)
}

/// The cases of a form, and which of them each pattern matches.
#[derive(Debug)]
pub(crate) struct Cases {
    pub(crate) texts: Vec<String>,
    matched: BTreeMap<Pattern, Vec<bool>>,
}

impl Cases {
    /// The cases that one of the patterns matches.
    pub(crate) fn matched(&self, patterns: &[Pattern]) -> Vec<bool> {
        let by_one = |index| patterns.iter().any(|pattern| self.matched[pattern][index]);
        (0..self.texts.len()).map(by_one).collect()
    }
}

/// The shortest text of each case among the texts of this form.
pub(crate) fn cases(form: &Pattern, patterns: &BTreeSet<Pattern>) -> Cases {
    let all: Vec<&Pattern> = [form].into_iter().chain(patterns).collect();
    let start: Vec<Places> = all.iter().map(|pattern| pattern.start()).collect();
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([(start, String::new())]);
    let mut found: BTreeMap<Vec<bool>, String> = BTreeMap::new();
    while let Some((state, text)) = queue.pop_front() {
        let parts = || all.iter().zip(&state);
        if form.accepts(&state[0]) {
            let matched = parts().map(|(pattern, at)| pattern.accepts(at)).collect();
            found.entry(matched).or_insert_with(|| text.clone());
        }
        let characters: BTreeSet<char> = parts().flat_map(|(pattern, at)| pattern.expected(at)).collect();
        for c in [OTHER].into_iter().chain(characters) {
            let next: Vec<Places> = parts().map(|(pattern, at)| pattern.step(at, c)).collect();
            if !next[0].is_empty() && seen.insert(next.clone()) {
                queue.push_back((next, format!("{text}{c}")));
            }
        }
    }
    // An empty text only where no other one stands for its case.
    if let Some(empty) = found.values_mut().find(|text| text.is_empty())
        && all.iter().all(|pattern| pattern.matches("") == pattern.matches(&OTHER.to_string()))
    {
        *empty = OTHER.to_string();
    }
    let of = |(index, pattern): (usize, &Pattern)| {
        (pattern.clone(), found.keys().map(|matched| matched[index + 1]).collect())
    };
    Cases { matched: patterns.iter().enumerate().map(of).collect(), texts: found.into_values().collect() }
}

#[test]
fn cases_tell_apart_whatever_patterns_do() {
    let patterns = BTreeSet::from(["cast:*", "Name", "*:a?"].map(Pattern::glob));
    let texts = cases(&Pattern::any(), &patterns).texts;
    let matched: BTreeSet<Vec<bool>> =
        texts.iter().map(|text| patterns.iter().map(|pattern| pattern.matches(text)).collect()).collect();
    assert_eq!((texts.len(), matched.len()), (5, 5), "{texts:?}");
    let folded = [Pattern::exact("ab"), Pattern::exact("ab").ignoring_case()];
    assert_eq!(cases(&Pattern::any(), &folded.into()).texts, ["~", "AB", "ab"]);
}

#[test]
fn a_wildcard_of_an_arn_stays_in_its_part() {
    let arn = Pattern::arn("arn:aws:ec2:*:1:vpc/*");
    assert!(arn.matches("arn:aws:ec2:eu:1:vpc/v:w"));
    assert!(!arn.matches("arn:aws:ec2:eu:2:1:vpc/v"));
    assert!(Pattern::glob("arn:aws:ec2:*:1:vpc/*").matches("arn:aws:ec2:eu:2:1:vpc/v"));
    let form = Pattern::form("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", "aws");
    assert_eq!(cases(&form, &BTreeSet::new()).texts, ["arn:aws:iam::~:role/~"]);
}

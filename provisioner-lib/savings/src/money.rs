//! Money in whole millionths, so that sums are exact up to the greatest amount.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Mul, Sub},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// US dollars, kept in millionths. Written as a decimal string (`"0.096"`), never as a float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From millionths of a dollar.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// What is left when `percent` of it, at most 100, is taken off; rounded to the nearest millionth.
    #[must_use]
    pub fn less_percent(self, percent: u32) -> Self {
        let left = i128::from(self.0) * i128::from(100 - percent.min(100));
        Self(((left + 50 * left.signum()) / 100) as i64)
    }

    /// `part` of `whole` equal parts of it, rounded down to the millionth.
    #[must_use]
    pub fn part(self, part: u128, whole: u128) -> Self {
        let micros = u128::from(self.0.unsigned_abs()).saturating_mul(part).checked_div(whole).unwrap_or(0);
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        Self(if self.0 < 0 { -micros } else { micros })
    }

    /// Millionths of a dollar.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Money {
    /// At least two places, at most six: `0.096`, `12.50`, `-1.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{part:06}");
        let digits = digits.trim_end_matches('0');
        write!(f, "{}{whole}.{digits:0<2}", if self.0 < 0 { "-" } else { "" })
    }
}

/// A text that is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no amount of money; hint: write dollars as a decimal number, such as 0.096")]
pub struct NoAmount(String);

impl FromStr for Money {
    type Err = NoAmount;

    /// Reads a decimal number, rounded to the nearest millionth (AWS lists up to ten places).
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let fault = || NoAmount(text.to_owned());
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let number = |text: &str| text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || !number(whole) || !number(part) {
            return Err(fault());
        }
        let places = format!("{part:0<7}");
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| fault())? };
        let tenths: i64 = places[..7].parse().map_err(|_| fault())?;
        let micros = whole.checked_mul(1_000_000).and_then(|micros| micros.checked_add((tenths + 5) / 10));
        micros.map(|micros| Self(sign * micros)).ok_or_else(fault)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// Reads decimal text, and numbers, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Amount::deserialize(deserializer)? {
            Amount::Text(text) => text,
            Amount::Whole(number) => number.to_string(),
            // Never in the form 1e-7.
            Amount::Part(number) => format!("{number:.7}"),
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "dollars are a decimal number, such as \"0.096\"")]
enum Amount {
    Text(String),
    Whole(i64),
    Part(f64),
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<i64> for Money {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_as_decimals() {
        for (text, micros, written) in [
            ("0.096", 96_000, "0.096"),
            ("12.5", 12_500_000, "12.50"),
            ("3", 3_000_000, "3.00"),
            (".5", 500_000, "0.50"),
            ("0.0959999999", 96_000, "0.096"),
            ("0.0000004", 0, "0.00"),
            ("-1", -1_000_000, "-1.00"),
        ] {
            let amount: Money = text.parse().unwrap();
            assert_eq!((amount.micros(), amount.to_string()), (micros, written.to_owned()), "{text}");
        }
        for text in ["", ".", "1,5", "1e3", "$1", "1.2.3", "+1", "99999999999999999999"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_discount_leaves_the_nearest_millionth() {
        for (micros, percent, left) in [
            (96_000, 28, 69_120),
            (1, 28, 1),
            (1, 51, 0),
            (-3, 50, -2),
            (5, 0, 5),
            (5, 100, 0),
            (5, 200, 0),
            (i64::MAX, 0, i64::MAX),
        ] {
            let found = Money::from_micros(micros).less_percent(percent);
            assert_eq!(found.micros(), left, "{micros} less {percent} %");
        }
    }

    #[test]
    fn a_number_is_read_as_its_text() {
        for (json, micros) in [
            ("0.107", Some(107_000)),
            ("1e-7", Some(0)),
            ("3", Some(3_000_000)),
            ("-1", Some(-1_000_000)),
            ("\"0.107\"", Some(107_000)),
            ("\"dear\"", None),
            ("true", None),
        ] {
            let found = serde_json::from_str::<Money>(json);
            assert_eq!(found.ok().map(Money::micros), micros, "{json}");
        }
    }

    #[test]
    fn sums_stop_at_the_greatest_amount() {
        let (most, least) = (Money::from_micros(i64::MAX), Money::from_micros(i64::MIN));
        let one = Money::from_micros(1);
        let mut sum = most;
        sum += one;
        for (case, found, expected) in [
            ("a sum", most + one, most),
            ("a sum in place", sum, most),
            ("a difference", least - one, least),
            ("a product", most * 720, most),
            ("a product below zero", least * 720, least),
            ("many", [most, most].into_iter().sum(), most),
        ] {
            assert_eq!(found, expected, "{case}");
        }
    }
}

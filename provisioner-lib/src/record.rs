//! Choices as tags of IAM record them.

use std::fmt::Write;

use crate::resource::Tags;

/// Characters of a tag's value ("IAM and AWS STS quotas" in the IAM User Guide).
pub(crate) const LIMIT: usize = 256;

/// `text` with what a tag of IAM cannot have, the space and `@` itself as `@` and two hex digits for each byte ("Rules for
/// tagging" in the IAM User Guide).
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.:/=+-".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "@{byte:02x}");
        }
    }
    encoded
}

/// The text that was [`encoded`]; any other one as it is.
pub(crate) fn decoded(record: &str) -> String {
    let mut parts = record.split('@');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = byte else { return record.to_owned() };
        bytes.push(byte);
        bytes.extend(part.bytes().skip(2));
    }
    String::from_utf8(bytes).unwrap_or_else(|_| record.to_owned())
}

/// The tag that records `text`, unless it is too long for one.
pub(crate) fn tag(key: &str, text: &str) -> Option<(String, String)> {
    Some((key.to_owned(), encoded(text))).filter(|(_, record)| record.len() <= LIMIT)
}

/// What the tag of this key records.
pub(crate) fn read(tags: &Tags, key: &str) -> Option<String> {
    tags.get(key).map(|record| decoded(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back_from_what_a_tag_can_have() {
        for text in ["", "a,b", "10.0.0.0/8,.svc me@example", "100% ü@2c", "http://proxy.example:3128"] {
            let record = encoded(text);
            assert!(record.chars().all(|c| c.is_ascii_alphanumeric() || "_.:/=+-@".contains(c)), "{record}");
            assert_eq!(decoded(&record), text);
        }
        assert_eq!(decoded("me@example"), "me@example", "of an earlier build");
        assert_eq!(tag("key", &"x".repeat(257)), None);
    }
}

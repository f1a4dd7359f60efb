//! The agent's token, which identifies the cluster to the console. It appears in no output.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};

/// An API key: one word of visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Parses a token, without the white space that files have around it. The error never repeats the text.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("empty");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("not one word of visible ASCII characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// The value in a Secret.
    pub(super) fn encoded(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }

    /// Reads the value of a Secret.
    pub(super) fn decode(encoded: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(encoded).ok()?;
        Self::read(std::str::from_utf8(&bytes).ok()?).ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_not_shown() {
        assert_eq!(Token::read(" abc-123\n"), Ok(Token("abc-123".to_owned())));
        for text in ["", " \n", "two words", "line\nline", "t\u{f6}ken"] {
            assert!(Token::read(text).is_err_and(|problem| !problem.contains("ken")), "{text:?}");
        }
        assert_eq!(format!("{:?}", Token::read("abc")), "Ok(Token(..))");
    }

    #[test]
    fn a_token_survives_its_secret() {
        let token = Token::read("abc-123").unwrap();
        assert_eq!(Token::decode(&token.encoded()), Some(token));
        assert_eq!(Token::decode("!"), None);
    }
}

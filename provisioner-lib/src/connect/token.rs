//! The agent's token: by it the console knows which cluster reports. It is in nothing that is shown.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};

/// A token that can be an API key: visible ASCII, in one word.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads it; what stands around it is white space of a file. Or why it cannot be one; that never repeats it.
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

    /// As a Secret holds it.
    pub(super) fn encoded(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }

    /// Out of a Secret.
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
    fn a_secret_gives_back_what_was_put_in() {
        let token = Token::read("abc-123").unwrap();
        assert_eq!(Token::decode(&token.encoded()), Some(token));
        assert_eq!(Token::decode("!"), None);
    }
}

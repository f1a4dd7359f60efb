//! Words of the printed commands.

use std::borrow::Cow;

/// A word of a command line. Names in a file may be anything.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_command_is_one_word() {
        assert_eq!(quoted("eks.amazonaws.com/nodegroup=a-1"), "eks.amazonaws.com/nodegroup=a-1");
        assert_eq!(quoted("$(id)'s"), r"'$(id)'\''s'");
    }
}

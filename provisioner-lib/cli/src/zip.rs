//! `--zip`: the function's code, from the file that is named and from nowhere else, with its origin shown.

use std::fs;

use cast_spot_provisioner::resource::Code;
use serde_json::{Value, json};

use crate::terminal::Diagnostic;

const BUILD: &str =
    "`cargo build-lambda --output-format zip` builds target/lambda/cast-spot-handler/bootstrap.zip";
/// Digits of a SHA-256 in hex.
const DIGITS: usize = 64;

/// A zip that was named. Nothing has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zip {
    pub(crate) name: String,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
}

impl Zip {
    /// The zip in the file `name`.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        Self { name: name.to_owned(), sha256: Code::of(content.to_vec()).hex() }
    }

    /// What is known of its origin.
    pub(crate) fn origin(&self) -> String {
        format!("{}, unsigned, SHA-256 {}", self.name, self.sha256)
    }

    /// The same in JSON.
    pub(crate) fn json(&self) -> Value {
        json!({ "path": self.name, "sha256": self.sha256, "signed": false })
    }
}

/// The line below a plan.
pub(crate) fn line(zip: Option<&Zip>) -> String {
    zip.map_or_else(String::new, |zip| format!("Zip: {}\n", zip.origin()))
}

/// Content of the file `name`, if it is the expected one.
pub(crate) fn read(
    name: Option<&str>,
    expected: Option<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<u8>> {
    let expected = expected.map(|hex| (hex, hex.to_ascii_lowercase()));
    let mut fault = |error: String, hint: &str| diagnostics.push(Diagnostic::new(error, hint));
    if let Some((given, hex)) = &expected
        && (hex.len() != DIGITS || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        fault(format!("--zip-sha256 {given}: not {DIGITS} hex digits"), "`sha256sum FILE` prints them");
        return None;
    }
    let Some(name) = name else {
        if let Some((given, _)) = expected {
            fault(
                format!("--zip-sha256 {given}: there is no zip to compare with"),
                "name it with --zip FILE",
            );
        }
        return None;
    };
    let content = match fs::read(name) {
        Ok(content) => content,
        Err(error) => {
            fault(format!("--zip {name}: {error}"), BUILD);
            return None;
        }
    };
    let found = Zip::of(name, &content).sha256;
    match expected {
        Some((_, hex)) if hex != found => {
            let hint = "deploy neither before you know which of the two is wrong";
            fault(format!("--zip {name}: its SHA-256 is {found}, not {hex} of --zip-sha256"), hint);
            None
        }
        _ => Some(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_with_another_hash_is_refused() {
        let path = std::env::temp_dir().join(format!("cast-spot-zip-{}", std::process::id()));
        fs::write(&path, "abc").unwrap();
        let name = path.to_str().unwrap();
        // FIPS 180-2, appendix B.1.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let other = hash.replace('b', "c");
        let upper = hash.to_uppercase();
        for (zip, expected, fault) in [
            (Some(name), None, None),
            (Some(name), Some(hash), None),
            (Some(name), Some(upper.as_str()), None),
            (Some(name), Some(other.as_str()), Some("its SHA-256 is ba78")),
            (Some(name), Some("cd78"), Some("--zip-sha256 cd78: not 64 hex digits")),
            (Some("nowhere"), Some(hash), Some("--zip nowhere: ")),
            (None, Some(hash), Some("there is no zip to compare with")),
        ] {
            let mut diagnostics = Vec::new();
            let content = read(zip, expected, &mut diagnostics);
            let faults: Vec<_> = diagnostics.iter().map(|found| found.error.as_str()).collect();
            assert_eq!(content.is_some(), fault.is_none(), "{faults:?}");
            assert!(fault.is_none_or(|fault| faults.len() == 1 && faults[0].contains(fault)), "{faults:?}");
        }
        fs::remove_file(path).unwrap();
        assert!(Zip::of("b.zip", b"abc").origin().ends_with(&format!("b.zip, unsigned, SHA-256 {hash}")));
    }
}

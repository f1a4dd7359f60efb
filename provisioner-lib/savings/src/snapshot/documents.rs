//! The documents of a file: JSON one after another, or YAML; compressed by gzip or not.

use std::{borrow::Cow, io::Read};

use flate2::read::MultiGzDecoder;
use serde_json::{Deserializer, Value};

use super::FileError;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const UTF16: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];
/// The byte order mark, which PowerShell's `Set-Content -Encoding UTF8` writes.
const MARK: char = '\u{feff}';

/// All documents of a file, in their order.
pub(super) fn documents(content: &[u8]) -> Result<Vec<Value>, FileError> {
    let content = unzipped(content)?;
    if UTF16.iter().any(|mark| content.starts_with(mark)) {
        return Err(FileError::Utf16);
    }
    let text = std::str::from_utf8(&content).map_err(|error| FileError::NotText(error.to_string()))?;
    let text = begin(text);
    if text.is_empty() {
        Err(FileError::Empty)
    } else if text.starts_with(['{', '[']) {
        json(text)
    } else {
        yaml(text)
    }
}

fn unzipped(content: &[u8]) -> Result<Cow<'_, [u8]>, FileError> {
    if !content.starts_with(&GZIP) {
        return Ok(content.into());
    }
    let mut unzipped = Vec::new();
    let read = MultiGzDecoder::new(content).read_to_end(&mut unzipped);
    read.map(|_| unzipped.into()).map_err(|error| FileError::Gzip(error.to_string()))
}

/// Documents one after another. Without `--output-directory`, `kubectl cluster-info dump` prints the logs of containers
/// after them.
fn json(text: &str) -> Result<Vec<Value>, FileError> {
    let (mut documents, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        let Some(document) = stream.next() else { break };
        let place = documents.len() + 1;
        documents.push(document.map_err(|error| FileError::Json(place, error.to_string()))?);
        rest = without_logs(begin(&rest[stream.byte_offset()..]));
    }
    Ok(documents)
}

fn without_logs(mut text: &str) -> &str {
    while let Some(log) = text.strip_prefix("==== START logs ") {
        let (container, log) = log.split_once('\n').unwrap_or((log, ""));
        let end = format!("==== END logs {container}");
        text = begin(log.split_once(&end).map_or("", |(_, rest)| rest));
    }
    text
}

fn yaml(text: &str) -> Result<Vec<Value>, FileError> {
    // The usual limits are those of a configuration.
    let budget = serde_saphyr::budget! {
        max_events: usize::MAX,
        max_nodes: usize::MAX,
        max_total_scalar_bytes: usize::MAX,
        max_documents: usize::MAX,
    };
    let options = serde_saphyr::options! { budget: budget, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| FileError::Yaml(error.to_string()))
}

/// The text from the first character that is more than space.
fn begin(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == MARK || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn documents_are_read_one_after_another() {
        let two = [json!({ "a": 1 }), json!({ "b": "2" })];
        let dump = "{\"a\":1}\n==== START logs for container c of pod n/p ====\n{\"not\": a\ndocument==== END logs \
                    for container c of pod n/p ====\n==== START logs for container d of pod n/p ====\n\n==== END \
                    logs for container d of pod n/p ====\n{\"b\":\"2\"}\n";
        for (case, content) in [
            ("JSON", b"{\"a\":1}\n\n{\"b\":\"2\"}\n".to_vec()),
            ("JSON lines with marks", "\u{feff}{\"a\":1}\r\n\u{feff}{\"b\":\"2\"}".into()),
            ("a dump with logs", dump.into()),
            ("YAML", b"a: 1\n---\nb: \"2\"\n".to_vec()),
            ("YAML with a mark", "\u{feff}---\na: 1\n---\nb: '2'\n".into()),
            ("gzip", gzip("{\"a\":1}{\"b\":\"2\"}")),
            ("two files of gzip", [gzip("{\"a\":1}"), gzip("{\"b\":\"2\"}")].concat()),
        ] {
            assert_eq!(documents(&content).as_deref(), Ok(&two[..]), "{case}");
        }
    }

    #[test]
    fn an_unreadable_file_is_refused_by_its_form() {
        for (content, words) in [
            (&b""[..], "empty"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"{\"a\": \"\xe9\"}", "UTF-8"),
            (b"\x1f\x8bnothing", "gzip"),
            (b"{\"a\": 1}{\"b\"", "document 2 is not JSON"),
            (b"a: [", "nor YAML: "),
        ] {
            let error = documents(content).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}

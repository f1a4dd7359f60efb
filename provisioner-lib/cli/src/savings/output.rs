//! The report on the screen and in files.

use std::{fs, path::Path};

use cast_spot_savings::report::{Report, page, table};

use super::{args::Call, source::not_written};
use crate::{refusal::Refusal, terminal::Screen};

/// The table, or the JSON.
pub(super) fn show(report: &Report, call: &Call, screen: &mut Screen) -> Result<(), Refusal> {
    let text = if call.json {
        report.to_json().map_err(std::io::Error::other)?
    } else {
        table::render(report, screen.width)
    };
    Ok(screen.print(&text)?)
}

/// The page.
pub(super) fn page(report: &Report) -> Result<String, Refusal> {
    Ok(page::render(report).map_err(std::io::Error::other)?)
}

/// A file, whole or not at all: what was there before stays if this one cannot be written.
pub(super) fn save(path: &Path, option: &str, text: &str) -> Result<(), Refusal> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let written = fs::write(part, text).and_then(|()| fs::rename(part, path));
    written.map_err(|error| {
        // It may never have come to be.
        let _ = fs::remove_file(part);
        not_written(option, path, &error)
    })
}

//! The report on the screen and in files.

use std::{fs, path::Path};

use cast_spot_provisioner::invisible::escaped_json;
use cast_spot_savings::{render::table, report::Report};

use crate::{error::CliError, terminal::Screen};

/// Prints the table, or the JSON.
pub(super) fn show(report: &Report, as_json: bool, screen: &mut Screen) -> Result<(), CliError> {
    let text = if as_json {
        escaped_json(&report.to_json().map_err(std::io::Error::other)?)
    } else {
        table::render(report, screen.width)
    };
    Ok(screen.print(&text)?)
}

/// Writes a file, whole or not at all: a failure keeps its previous content.
pub(super) fn save(path: &Path, option: &str, text: &str) -> Result<(), CliError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let written = fs::write(part, text).and_then(|()| fs::rename(part, path));
    written.map_err(|error| {
        // It may not exist.
        let _ = fs::remove_file(part);
        CliError::not_written(format!("{option} {}", path.display()), &error)
    })
}

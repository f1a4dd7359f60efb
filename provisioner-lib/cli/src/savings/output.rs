//! The report on the screen and in files.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use cast_spot_provisioner::invisible::escaped_json;
use cast_spot_savings::{
    apply,
    compare::Comparison,
    render::{csv, markdown, table},
    snapshot::Snapshot,
};

use super::args::Format;
use crate::{
    error::{CliError, EXIT_INCOMPLETE},
    terminal::Screen,
};

/// Prints the report, or the proposal as objects.
pub(super) fn show(
    comparison: &Comparison,
    snapshot: &Snapshot,
    format: Format,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let report = &comparison.report;
    let text = match format {
        Format::Table => table::render(report, screen.width),
        Format::Json => escaped_json(&report.to_json().map_err(std::io::Error::other)?),
        Format::Csv => csv::workloads(report).map_err(std::io::Error::other)?,
        Format::CsvNodes => csv::nodes(report).map_err(std::io::Error::other)?,
        Format::Markdown => markdown::render(report),
        Format::Nodepool => node_pools(comparison, snapshot)?,
    };
    Ok(screen.print(&text)?)
}

fn node_pools(comparison: &Comparison, snapshot: &Snapshot) -> Result<String, CliError> {
    let prices = snapshot.prices.clone().unwrap_or_default();
    let found = apply::manifests(comparison, snapshot, &prices).map_err(|nothing| {
        let hint = "`cast-spot savings` shows today's nodes, and what is missing";
        CliError::new(EXIT_INCOMPLETE, format!("--output nodepool: {nothing}"), hint)
    })?;
    Ok(found.to_yaml().map_err(io::Error::other)?)
}

/// Writes a file, whole or not at all: a failure keeps its previous content. Devices and pipes are written to.
pub(crate) fn save(path: &Path, option: &str, text: &str) -> Result<(), CliError> {
    let is_device = (path.starts_with("/dev") && !path.starts_with("/dev/shm"))
        || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let written = if is_device {
        OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()))
    } else {
        replace(path, text)
    };
    written.map_err(|error| CliError::not_written(format!("{option} {}", path.display()), &error))
}

/// The new file has a name that others cannot know before, so that none can be there already.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let readable = Permissions::from_mode(0o666);
    let mut part = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    part.write_all(text.as_bytes())?;
    part.persist(path).map_err(|error| error.error).map(drop)
}

//! The report on the screen and in files.

use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

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
    replace(path, text).map_err(|error| CliError::not_written(format!("{option} {}", path.display()), &error))
}

/// The new file has a name that others cannot know before, so that none can be there already.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let readable = Permissions::from_mode(0o666);
    let mut part = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    part.write_all(text.as_bytes())?;
    part.persist(path).map_err(|error| error.error).map(drop)
}

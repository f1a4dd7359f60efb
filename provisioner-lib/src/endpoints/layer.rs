//! Endpoints that do not fit into the environment, as the zip of a Lambda layer. Pure.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipResult, write::SimpleFileOptions};

use super::Endpoints;
use crate::resource::Code;

/// The handler's setting that names a file with endpoints (docs/configuration.md).
pub const FILE_VARIABLE: &str = "CAST_SPOT_ENDPOINTS_FILE";
/// The file, as the function sees it: Lambda unpacks layers into `/opt`.
pub const FILE: &str = "/opt/cast-spot/endpoints.json";
/// The same file in the zip.
const ENTRY: &str = "cast-spot/endpoints.json";

/// Packs the layer's zip. The same endpoints give the same bytes: it has no date and is not compressed.
#[must_use]
pub fn pack(endpoints: &Endpoints) -> Option<Code> {
    zip(&endpoints.text()).ok().map(Code::of)
}

fn zip(text: &str) -> ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(ENTRY, options)?;
    zip.write_all(text.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_layer_never_change() {
        let endpoints = Endpoints::read(r#"{"a":{"server":"https://a.example","ca":"YQ=="}}"#).unwrap();
        // Another hash would publish a layer at every release.
        assert_eq!(pack(&endpoints).unwrap().sha256, "JyD1IAcQFD+jpCCMhCC+s1MbAgSpLuIh6CNnZguPSZo=");
    }
}

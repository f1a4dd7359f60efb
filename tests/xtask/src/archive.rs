//! The function's zip, with nothing in it but the program: cargo-lambda writes the time of the build and the mode that
//! the umask has left, and with them two zips of one program differ.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use zip::{DateTime, ZipArchive, ZipWriter, result::ZipResult};

use crate::process::{Failure, Outcome};

/// All may read and run it, as Lambda demands.
const MODE: u32 = 0o755;

/// Gives every entry the same time and mode, if there is such a zip. What is fixed already stays as it is.
pub(crate) fn fix_metadata(zip: &Path) -> Outcome {
    if !zip.is_file() {
        return Ok(());
    }
    let failed = |error| Failure::of(zip.display(), &error);
    let before = fs::read(zip).map_err(failed)?;
    let after = fixed(&before).map_err(|error| Failure::Other(format!("{}: {error}", zip.display())))?;
    if after == before {
        return Ok(());
    }
    // Beside it and then in its place: a function under test may be reading it.
    let new = zip.with_extension("zip.new");
    fs::File::create(&new).and_then(|mut file| file.write_all(&after)).map_err(failed)?;
    fs::rename(new, zip).map_err(failed)
}

fn fixed(zip: &[u8]) -> ZipResult<Vec<u8>> {
    let mut before = ZipArchive::new(Cursor::new(zip))?;
    let named = (0..before.len()).map(|index| Ok((before.by_index_raw(index)?.name_raw().to_vec(), index)));
    let mut entries = named.collect::<ZipResult<Vec<_>>>()?;
    entries.sort();
    let mut after = ZipWriter::new(Cursor::new(Vec::new()));
    for (_, index) in entries {
        // The earliest time that a zip can say: 1980.
        after.raw_copy_file_touch(before.by_index_raw(index)?, DateTime::default(), Some(MODE))?;
    }
    Ok(after.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(second: u8, mode: u32, names: [&str; 2]) -> Vec<u8> {
        let time = DateTime::from_date_and_time(2026, 11, 30, 1, 2, second).unwrap();
        let options = SimpleFileOptions::default().last_modified_time(time).unix_permissions(mode);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(name, options).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn two_zips_of_one_program_are_the_same_bytes() {
        let one = zipped(4, 0o755, ["bootstrap", "licences"]);
        let other = zipped(58, 0o700, ["licences", "bootstrap"]);
        assert_ne!(one, other);
        let fixed_one = fixed(&one).unwrap();
        assert_eq!(fixed_one, fixed(&other).unwrap());
        assert_eq!(fixed_one, fixed(&fixed_one).unwrap());

        let mut zip = ZipArchive::new(Cursor::new(fixed_one)).unwrap();
        let mut program = zip.by_name("bootstrap").unwrap();
        assert_eq!(program.unix_mode().map(|mode| mode & 0o777), Some(MODE));
        let mut text = String::new();
        program.read_to_string(&mut text).unwrap();
        assert_eq!(text, "bootstrap");
    }
}

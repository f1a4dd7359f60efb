//! Two builds of the function in different places, from nothing, which have to give the same zip.

use std::{fs, io, os::unix::fs::symlink, path::Path};

use super::{sha256, sources};
use crate::{
    cache, cargo_lambda,
    place::Place,
    process::{Failure, Outcome, headline},
};

/// Builds the function in two places, one after the other, and writes the zip to `result` if both are the same.
pub(crate) fn build_twice(args: &[String], result: &Path) -> Outcome {
    // Of different lengths and depths: neither may show in the program.
    let folders =
        [cache::folder()?.join("dist/verify"), cache::folder()?.join("dist/in-another/deeper/folder")];
    let [first, second] = &folders;
    let (first, second) = (prepared(first)?, prepared(second)?);
    let zips = [zip_of(&first, args)?, zip_of(&second, args)?];
    for folder in &folders {
        empty(folder)?;
    }
    let hashes = zips.each_ref().map(|zip| sha256(zip));
    if hashes[0] != hashes[1] {
        let [one, other] = hashes;
        return Err(Failure::Other(format!("two builds of the function differ: sha256 {one} and {other}")));
    }
    eprintln!("two builds in different folders give one zip: sha256 {}", hashes[0]);
    fs::write(result, &zips[0]).map_err(|error| Failure::of(result.display(), &error))
}

/// A copy of the sources in `folder`.
fn prepared(folder: &Path) -> Outcome<Place> {
    let place = Place {
        root: folder.join("sources"),
        target: folder.join("target"),
        cargo_home: folder.join("cargo-home"),
    };
    empty(folder)?;
    sources::copy_to(&place.root)?;
    let home = Place::of_this_clone()?.cargo_home;
    linked(&home, &place.cargo_home).map_err(|error| Failure::of(home.display(), &error))?;
    Ok(place)
}

/// Builds the function and returns its zip. The artifacts, some gigabytes, are deleted.
fn zip_of(place: &Place, args: &[String]) -> Outcome<Vec<u8>> {
    headline(format!("a build of the function in {}", place.root.display()));
    cargo_lambda::build_in(place, args)?;
    let zip = cargo_lambda::output_in(place, "cast-spot-handler").join("bootstrap.zip");
    let bytes = fs::read(&zip).map_err(|error| Failure::of(zip.display(), &error))?;
    empty(&place.target)?;
    Ok(bytes)
}

fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Failure::of(folder.display(), &error))?;
    }
    Ok(())
}

/// Another name for Cargo's home: the same downloads and settings, under different paths.
fn linked(home: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(home)?;
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        symlink(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(())
}

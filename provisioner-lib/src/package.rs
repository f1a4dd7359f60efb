//! The function's zip: its validity and its architecture.

use std::{
    fmt,
    io::{Cursor, Read},
    str::FromStr,
};

use crate::resource::Code;

/// Processor architecture, as Lambda names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "x86_64" => Ok(Self::X86_64),
            "arm64" => Ok(Self::Arm64),
            other => Err(format!("architecture `{other}` is neither `x86_64` nor `arm64`")),
        }
    }
}

/// A zip that Lambda can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The zip.
    pub code: Code,
    /// The architecture of its program.
    pub architecture: Architecture,
}

/// The program that runtime `provided.al2023` starts ("Building a custom runtime" in the Lambda developer guide).
const PROGRAM: &str = "bootstrap";
/// The largest zip in a request of `CreateFunction` (Lambda API reference).
const LIMIT: usize = 50 * 1024 * 1024;

impl Package {
    /// Validates a zip. The error is a phrase for people.
    pub fn read(zip: &[u8], wanted: Option<Architecture>) -> Result<Self, String> {
        if zip.len() > LIMIT {
            return Err(format!("{} MB; Lambda takes 50", zip.len() / 1024 / 1024));
        }
        let mut archive =
            zip::ZipArchive::new(Cursor::new(zip)).map_err(|error| format!("not a zip file ({error})"))?;
        let mut program = archive.by_name(PROGRAM).map_err(|_| format!("there is no `{PROGRAM}` in it"))?;
        let mut head = [0; 20];
        let whole = program.read_exact(&mut head).is_ok();
        let architecture = machine(&head)
            .filter(|_| whole)
            .ok_or_else(|| format!("`{PROGRAM}` is not a Linux program for x86_64 or arm64"))?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != architecture) {
            return Err(format!("`{PROGRAM}` was built for {architecture}, not for {wanted}"));
        }
        Ok(Self { code: Code::of(zip.to_vec()), architecture })
    }
}

/// `e_machine` of a 64-bit ELF file.
fn machine(head: &[u8; 20]) -> Option<Architecture> {
    let is_elf64 = head[..5] == [0x7f, b'E', b'L', b'F', 2];
    match u16::from_le_bytes([head[18], head[19]]) {
        0x3e if is_elf64 => Some(Architecture::X86_64),
        0xb7 if is_elf64 => Some(Architecture::Arm64),
        _ => None,
    }
}

/// A zip with a program for `machine`, as `e_machine` of ELF numbers them.
#[cfg(test)]
pub(crate) fn sample(name: &str, machine: u16) -> Vec<u8> {
    use std::io::Write;

    let mut program = vec![0x7f, b'E', b'L', b'F', 2];
    program.resize(18, 0);
    program.extend(machine.to_le_bytes());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("a file");
    zip.write_all(&program).expect("its bytes");
    zip.finish().expect("a zip").into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_determines_the_architecture() {
        for (machine, wanted) in [(0x3e, Architecture::X86_64), (0xb7, Architecture::Arm64)] {
            let package = Package::read(&sample("bootstrap", machine), None).expect("a package");
            assert_eq!(package.architecture, wanted);
        }
    }

    #[test]
    fn an_unusable_zip_is_rejected_with_the_reason() {
        for (zip, wanted, reason) in [
            (b"PK".to_vec(), None, "not a zip file"),
            (sample("main", 0x3e), None, "no `bootstrap`"),
            (sample("bootstrap", 0x28), None, "not a Linux program"),
            (sample("bootstrap", 0x3e), Some(Architecture::Arm64), "for x86_64, not for arm64"),
        ] {
            let error = Package::read(&zip, wanted).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
    }
}

//! Resource usage of the function's processes, and the machine that they ran on; from /proc, on Linux only.

use std::{fs, thread};

use anyhow::{Context, Result};
use serde::Serialize;

/// USER_HZ, a constant of the Linux interface to programs.
const TICKS: f64 = 100.0;

/// Sums over processes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) processes: usize,
    pub(crate) cpu_seconds: f64,
    /// Peak memory of the largest process.
    pub(crate) peak_memory_kib: u64,
}

impl Usage {
    /// Usage of all functions under `parent`.
    pub(crate) fn under(parent: u32) -> Result<Self> {
        let mut all = Self::default();
        for entry in fs::read_dir("/proc")?.flatten() {
            // A process that has just ended has no files any more.
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            // The name in parentheses may hold blanks; after it: state, parent, ...
            let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
            let fields: Vec<&str> = rest.split(' ').collect();
            if fields.get(1) != Some(&parent.to_string().as_str()) || !name.ends_with("(bootstrap") {
                continue;
            }
            let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
            let (user, system) = ticks(11).zip(ticks(12)).context("utime and stime")?;
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            all.processes += 1;
            all.cpu_seconds += (user + system) / TICKS;
            all.peak_memory_kib = all.peak_memory_kib.max(kib(&status, "VmHWM:").unwrap_or_default());
        }
        Ok(all)
    }
}

/// The machine on which the figures were taken.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    /// Load average of the last minute, including the bench.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn this() -> Result<Self> {
        let memory = fs::read_to_string("/proc/meminfo")?;
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            cores: thread::available_parallelism()?.get(),
            memory_gib: kib(&memory, "MemTotal:").context("MemTotal")? >> 20,
            load: load.split(' ').next().context("load")?.parse()?,
        })
    }
}

fn kib(words: &str, key: &str) -> Option<u64> {
    let line = words.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

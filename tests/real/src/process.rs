//! Programs that run beside the tests: each in a process group of its own, stopped by its process id with its child
//! processes, its output in a file.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::{Instant, sleep};

/// Time limit for a program to end by itself.
const GOODBYE: Duration = Duration::from_secs(5);
/// Number of log lines in the error of a failed program.
const TAIL: usize = 20;

/// A running program; dropping it ends the program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    folder: PathBuf,
    left_running: bool,
}

impl Process {
    /// Starts `command` with its output in `FOLDER/NAME.log` and its process id in `FOLDER/NAME.pid`.
    pub fn start(folder: &Path, name: &str, command: &mut Command) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = File::options().create(true).append(true).open(folder.join(format!("{name}.log")))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", command.get_program().display()))?;
        fs::write(folder.join(format!("{name}.pid")), child.id().to_string())?;
        Ok(Self { name: name.to_owned(), child, folder: folder.to_owned(), left_running: false })
    }

    /// Waits until `check` holds; fails with the end of the log if the program ends before, or after `patience`.
    pub async fn ready(&mut self, patience: Duration, check: impl AsyncFn() -> bool) -> Result<()> {
        let end = Instant::now() + patience;
        while !check().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}):\n{}", self.name, self.last_words());
            }
            if Instant::now() > end {
                bail!("{} is not ready after {patience:?}:\n{}", self.name, self.last_words());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its output so far.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Ends the program and its child processes, by SIGTERM first.
    pub fn stop(&mut self) {
        let pid = Pid::from_child(&self.child);
        let _ = kill_process_group(pid, Signal::TERM);
        for _ in 0..GOODBYE.as_millis() / 20 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            thread_sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.child.wait();
        let _ = fs::remove_file(self.folder.join(format!("{}.pid", self.name)));
    }

    /// Kills the program, as a crash does.
    pub fn kill(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }

    /// Lets the program run after this value is dropped. [`stop_left_running`] ends it.
    pub fn leave_running(&mut self) {
        self.left_running = true;
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.left_running {
            self.stop();
        }
    }
}

/// Ends the programs that an earlier run has left in `folder`, by the recorded process ids, and returns their number. A
/// process id that now belongs to another program is ignored.
pub fn stop_left_running(folder: &Path) -> Result<usize> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(0) };
    let mut stopped = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "pid") {
            continue;
        }
        let pid = fs::read_to_string(&path)?.trim().parse().ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|pid| belongs_to(*pid, folder)) {
            let _ = kill_process_group(pid, Signal::TERM);
            stopped.push(pid);
        }
        fs::remove_file(&path)?;
    }
    for pid in &stopped {
        for _ in 0..GOODBYE.as_millis() / 20 {
            if rustix::process::test_kill_process(*pid).is_err() {
                break;
            }
            thread_sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(*pid, Signal::KILL);
        let _ = kill_process(*pid, Signal::KILL);
    }
    Ok(stopped.len())
}

/// Whether the process writes to a log in `folder`: process ids are reused. Without /proc, the file is trusted.
fn belongs_to(pid: Pid, folder: &Path) -> bool {
    if !Path::new("/proc/self").exists() {
        return true;
    }
    let stdout = fs::read_link(format!("/proc/{}/fd/1", pid.as_raw_nonzero()));
    stdout.is_ok_and(|file| fs::canonicalize(folder).is_ok_and(|folder| file.starts_with(folder)))
}

/// A free loopback port.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether a loopback port has a listener.
pub async fn listens(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

#[expect(clippy::disallowed_methods, reason = "real processes end in real time, and Drop cannot await")]
fn thread_sleep(time: Duration) {
    thread::sleep(time);
}

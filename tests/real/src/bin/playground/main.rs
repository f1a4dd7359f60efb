//! The stack for a person to play with: `cargo xtask up` and `cargo xtask down` call this.
//!
//! ```text
//! up ───► Stack ──► demo      a shop on three Spot instances
//!    └──► cloud               keeps running: what EC2 and the kubelets do after a notice
//!    └──► FOLDER/env          what a shell needs to talk to all of it
//! down ─► every FOLDER/*.pid
//! ```

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program for people talks to their terminal"
)]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use cast_spot_real::{
    process::{self, Process},
    stack::Stack,
    tools::Tools,
};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::address::Address;

mod address;
mod cloud;
mod demo;

/// The exit code of a program that Ctrl-C has ended, by the convention of shells.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(about = "The real parts, left running; called by `cargo xtask up` and `cargo xtask down`")]
struct Cli {
    /// Folder of logs, process ids, `env`
    #[arg(long)]
    folder: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start everything and leave it running
    Up {
        /// Start again, even if it is running
        #[arg(long)]
        fresh: bool,
        /// Without cast-spot, to onboard it by hand
        #[arg(long)]
        bare: bool,
    },
    /// End everything
    Down,
    /// Play AWS between its services, until it is ended
    Cloud,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { folder, task } = Cli::parse();
    let done = match task {
        Task::Up { fresh, bare } => up(&folder, fresh, bare).await,
        Task::Down => down(&folder),
        Task::Cloud => cloud::run(&folder).await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn up(folder: &Path, fresh: bool, bare: bool) -> Result<ExitCode> {
    if !fresh && let Some(running) = Address::of_running(folder).await {
        eprintln!("already up (`cargo xtask up --fresh` starts it again, with the current function)");
        show(&running.shell(), folder);
        return Ok(ExitCode::SUCCESS);
    }
    // Programs started by then end with the future that holds them.
    let address = tokio::select! {
        started = start(folder, bare) => started?,
        signalled = interruption() => {
            signalled?;
            process::stop_left_running(folder)?;
            eprintln!("interrupted: nothing is left running");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    show(&address.shell(), folder);
    Ok(ExitCode::SUCCESS)
}

async fn start(folder: &Path, bare: bool) -> Result<Address> {
    let tools = Tools::from_environment()?;
    let progress = |step: &str| eprintln!("{step}");
    let mut stack = if bare {
        Stack::bare(tools, folder, progress).await?
    } else {
        Stack::start(tools, folder, progress).await?
    };
    eprintln!("starting the demo: namespace {}, three Spot instances", demo::NAME);
    demo::open(&stack).await?;
    let address = Address::of(&stack)?;
    address.write()?;
    let mut cloud = std::process::Command::new(address::program()?);
    cloud.arg("--folder").arg(&address.folder).arg("cloud");
    let mut cloud = Process::start(folder, "cloud", &mut cloud)?;
    cloud.leave_running();
    stack.leave_running();
    Ok(address)
}

fn down(folder: &Path) -> Result<ExitCode> {
    match process::stop_left_running(folder)? {
        0 => eprintln!("nothing was running"),
        count => eprintln!("stopped {count} programs; their logs are in {}", folder.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or what `kill` sends.
async fn interruption() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("SIGTERM")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("SIGINT"),
        _ = terminated.recv() => Ok(()),
    }
}

/// The environment goes to stdout alone, for programs that want it.
fn show(shell: &str, folder: &Path) {
    print!("{shell}");
    eprintln!(
        "
Everything is up. Take the above into your shell, and look around:
  . {}
  kubectl get nodes
  kubectl get pods -n {name} -o wide -w
  aws autoscaling describe-auto-scaling-groups --query 'AutoScalingGroups[].Instances[].[InstanceId,LifecycleState]' --output text
How to send a Spot notice: docs/playground.md. How to onboard: docs/onboarding.md. The end of it all: cargo xtask down",
        folder.join("env").display(),
        name = demo::NAME,
    );
}

//! `cargo xtask up` and `cargo xtask down`: the real parts for a person to play with
//! (`tests/real/src/bin/playground/`).

use std::{os::unix::process::CommandExt, path::PathBuf, process::Command};

use crate::{
    build, cache,
    process::{Failure, Outcome, run},
    setup,
};

/// Starts everything and leaves it running.
pub(crate) fn up(fresh: bool, bare: bool) -> Outcome {
    build::announce_first_build()?;
    let environment = setup::environment()?;
    setup::function()?;
    build()?;
    let mut playground = playground()?;
    playground.arg("up").args(fresh.then_some("--fresh")).args(bare.then_some("--bare"));
    // The function is deployed with `cargo deploy-lambda`, which wants the same target folder.
    build::share_target(&mut playground)?;
    become_it(playground.envs(environment))
}

/// Ends all that [`up`] has started.
pub(crate) fn down() -> Outcome {
    if !program()?.is_file() {
        build()?;
    }
    become_it(playground()?.arg("down"))
}

/// Takes this process' place, so that Ctrl-C returns to the shell only when nothing runs any more.
fn become_it(playground: &mut Command) -> Outcome {
    Err(Failure::of("cannot run the playground", &playground.exec()))
}

fn build() -> Outcome {
    let mut cargo = build::cargo("build")?;
    cargo.args(["--workspace", "--bin", "playground"]);
    build::quiet_unless_watched(&mut cargo);
    run(&mut cargo)
}

fn playground() -> Outcome<Command> {
    let mut command = Command::new(program()?);
    command.arg("--folder").arg(cache::root().join("target/real/playground"));
    Ok(command)
}

fn program() -> Outcome<PathBuf> {
    Ok(cache::target()?.join("debug/playground"))
}

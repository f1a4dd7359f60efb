//! What a drain costs on the real control plane, against the bar that the best tuned rival sets: how soon nodes are
//! cordoned and pods evicted, how many calls, connections, CPU seconds and bytes it takes. `cargo xtask bench`
//! runs it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to its terminal")]

mod case;
mod field;
mod goals;
mod onboarding;
mod round;
mod table;
mod usage;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use cast_spot_real::{process, proxy::Fault, stack::Stack, tools::Tools};
use clap::Parser;
use serde_json::json;

use crate::{
    case::{CASES, Case},
    round::{Round, Start},
};

/// What each answer to the function comes later: so much longer is every round trip.
const LATENCY: Duration = Duration::from_millis(20);

/// Measure drains on the real control plane.
#[derive(Parser)]
struct Arguments {
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only this case, as NODESxPODS; can be given several times
    #[arg(long = "case", value_name = "CASE")]
    cases: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Box::pin(run(&Arguments::parse())).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all goals are kept.
async fn run(arguments: &Arguments) -> Result<bool> {
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| arguments.cases.is_empty() || arguments.cases.contains(&case.name()))
        .collect();
    let tools = Tools::from_environment()?;
    let folder = tools.workspace.join("target/real/bench");
    end_when_interrupted(folder.clone());
    let stack = Stack::start(tools.clone(), &folder, |step| eprintln!("{step}")).await?;
    let wires = &stack.wires;
    for wire in [&wires.kubernetes, &wires.ec2, &wires.auto_scaling, &wires.eks] {
        wire.fault(Fault::Latency(LATENCY)).await?;
    }
    let mut results = Vec::new();
    for case in cases {
        results.push((case, rounds(&stack, case).await.with_context(|| case.name())?));
    }
    let goals: Vec<_> = results.iter().flat_map(|(case, rounds)| goals::of(case, rounds)).collect();
    let machine = usage::Machine::this()?;
    drop(stack);
    let commands = onboarding::measure(tools, &folder).await.context("onboarding")?;
    println!("{}", table::markdown(&machine, &results, &goals));
    println!("{}", onboarding::markdown(&commands));
    if let Some(file) = &arguments.json {
        let cases: Vec<_> =
            results.iter().map(|(case, rounds)| json!({ "case": case.name(), "rounds": rounds })).collect();
        let all = json!({
            "schema": "cast-spot.bench.control-plane/1",
            "machine": machine, "latency_ms": LATENCY.as_millis() as u64, "cases": cases, "goals": goals,
            "onboarding": commands,
        });
        fs::write(file, format!("{all:#}\n")).with_context(|| file.display().to_string())?;
    }
    let idle = commands.iter().find(|command| command.name == onboarding::NOTHING_TO_DO);
    Ok(goals.iter().all(|goal| goal.kept) && idle.is_some_and(|command| command.writes == 0))
}

#[expect(clippy::exit, reason = "an interrupted run leaves no program behind")]
fn end_when_interrupted(folder: PathBuf) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = process::stop_left_running(&folder);
            std::process::exit(130);
        }
    });
}

/// Cold first: the function is new. It stays warm for the others, as a daemon always is.
async fn rounds(stack: &Stack, case: &Case) -> Result<Vec<Round>> {
    let function = stack.another_function(&format!("bench-{}", case.name()), &[]).await?;
    let mut rounds = Vec::new();
    for (start, exit_seconds) in [(Start::Cold, 0), (Start::Warm, 0), (Start::Warm, 5)] {
        eprintln!("{}: {start}, pods exit after {exit_seconds} s", case.name());
        let round = round::play(stack, &function, case, start, exit_seconds).await?;
        eprintln!("  last eviction after {:.2} s, pods gone after {:.2} s", round.last_eviction, round.gone);
        rounds.push(round);
    }
    Ok(rounds)
}

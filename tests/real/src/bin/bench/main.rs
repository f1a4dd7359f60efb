//! Benchmark of drains on the real control plane, beside the same cordons and evictions by a client that does nothing
//! else: times of cordons and evictions, calls, connections, CPU seconds, memory. `cargo xtask bench` runs it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to its terminal")]

mod aws;
mod bare;
mod case;
mod crew;
mod field;
mod goals;
mod loopback;
mod onboarding;
mod round;
mod table;
mod usage;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use cast_spot_real::{process, stack::Stack, tools::Tools};
use clap::Parser;
use serde_json::json;

use crate::{
    aws::Aws,
    case::{CASES, Case},
    crew::Crew,
    goals::Played,
    round::Start,
};

/// Warm rounds and bare ones, by turns; their medians count. Odd.
const ROUNDS: usize = 5;

/// Measure drains on the real control plane.
#[derive(Parser)]
struct Arguments {
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only this case, as NODESxPODS or NODESxPODS-budget; can be given several times
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
    let aws = Aws::listen().await?;
    let mut results = Vec::new();
    for case in cases {
        results.push((case, rounds(&stack, &aws, case).await.with_context(|| case.name())?));
    }
    let goals: Vec<_> = results.iter().flat_map(|(case, played)| goals::of(case, played)).collect();
    let machine = usage::Machine::this()?;
    drop(stack);
    let commands = onboarding::measure(tools, &folder).await.context("onboarding")?;
    println!("{}", table::markdown(&machine, &results, &goals));
    println!("{}", onboarding::markdown(&commands));
    if let Some(file) = &arguments.json {
        let cases: Vec<_> =
            results.iter().map(|(case, played)| json!({ "case": case.name(), "played": played })).collect();
        let all = json!({
            "schema": "cast-spot.bench.control-plane/3",
            "machine": machine, "cases": cases, "goals": goals,
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

/// Plays the rounds of a case: the first with a new, cold function, the others with the same, warm one.
async fn rounds(stack: &Stack, aws: &Aws, case: &Case) -> Result<Played> {
    let name = case.name();
    let mut crew = Crew::none(stack, aws, &name).await?;
    eprintln!("{name}: cold");
    let mut rounds =
        vec![round::play(stack, (aws, &mut crew), case, Start::Cold, &format!("{name}-cold")).await?];
    let mut bare = Vec::new();
    for number in 1..=ROUNDS {
        eprintln!("{name}: {number} of {ROUNDS}, warm and bare");
        let round =
            round::play(stack, (aws, &mut crew), case, Start::Warm, &format!("{name}-{number}")).await?;
        let alone = bare::play(stack, case, &format!("{name}-bare-{number}")).await?;
        eprintln!(
            "  located after {:.2} s, last cordon after {:.2} s (bare {:.2}), last eviction after {:.2} s (bare {:.2}), {} answered 429",
            round.located,
            round.cordon_last,
            alone.cordons,
            round.last_eviction,
            alone.cordons + alone.evictions,
            round.throttled,
        );
        rounds.push(round);
        bare.push(alone);
    }
    Ok(Played { rounds, bare })
}

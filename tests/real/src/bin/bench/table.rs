//! The figures as tables for `docs/benchmarks.md`.

use std::fmt::Write;

use crate::{
    case::Case,
    goals::{Goal, Played, median},
    round::{Round, Start},
    usage::Machine,
};

/// Tables: the rounds, the calls, the goals.
pub(crate) fn markdown(machine: &Machine, results: &[(&Case, Played)], goals: &[Goal]) -> String {
    let mut out = format!(
        "{} cores, {} GiB of memory; load at the end {:.1}\n\n",
        machine.cores, machine.memory_gib, machine.load
    );
    out += "| nodes x pods | function | located, last | cordon, median | cordon, last | last eviction | pods gone | handshakes | \
            CPU a node | peak memory |\n|---|---|---|---|---|---|---|---|---|---|\n";
    for (case, start, rounds) in each(results) {
        let of = |value: fn(&Round) -> f64| median(rounds.iter().map(|round| value(round)));
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {} | {start} | {:.2} s | {:.2} s | {:.2} s | {:.2} s | {:.2} s | {:.0} | {:.3} s | {:.1} MiB |",
            case.name(),
            of(|round| round.located),
            of(|round| round.cordon_median),
            of(|round| round.cordon_last),
            of(|round| round.last_eviction),
            of(|round| round.gone),
            of(|round| round.handshakes as f64),
            of(|round| round.cpu_seconds) / case.nodes as f64,
            of(|round| round.peak_memory_kib as f64) / 1024.0,
        );
    }
    out += "\n| nodes x pods | function | calls | calls a node | by verb |\n|---|---|---|---|---|\n";
    for (case, start, rounds) in each(results) {
        let Some(round) = rounds.last() else { continue };
        let a_node = round.all_calls() as f64 / case.nodes as f64;
        let verbs: Vec<_> = round.calls.iter().map(|(verb, count)| format!("{count} {verb}")).collect();
        let _ = writeln!(
            out,
            "| {} | {start} | {} | {a_node:.1} | {} |",
            case.name(),
            round.all_calls(),
            verbs.join(", "),
        );
    }
    out += "\n| nodes x pods | bare cordons | bare evictions | last cordon | last eviction | AWS Node Termination Handler, \
            tuned: last cordon | its last eviction |\n|---|---|---|---|---|---|---|\n";
    for (case, played) in results {
        let bare = |value: fn(&crate::bare::Bare) -> f64| median(played.bare.iter().map(value));
        let warm = |value: fn(&Round) -> f64| {
            median(played.rounds.iter().filter(|round| round.start == Start::Warm).map(value))
        };
        let range = |of: Option<(f64, f64)>| match of {
            None => String::new(),
            Some((best, worst)) if best < worst => format!("{best}–{worst} s"),
            Some((_, worst)) => format!("{worst} s"),
        };
        let _ = writeln!(
            out,
            "| {} | {:.2} s | {:.2} s | {:.2} s | {:.2} s | {} | {} |",
            case.name(),
            bare(|bare| bare.cordons),
            bare(|bare| bare.evictions),
            warm(|round| round.cordon_last),
            warm(|round| round.last_eviction),
            range(case.daemon.as_ref().map(|daemon| daemon.cordon_last)),
            range(case.daemon.as_ref().map(|daemon| daemon.last_eviction)),
        );
    }
    out += "\n| nodes x pods | warm | ours | bare | at most | kept |\n|---|---|---|---|---|---|\n";
    for goal in goals {
        let bare = goal.bare.map_or_else(String::new, |bare| format!("{bare:.2}"));
        let kept = if goal.kept { "yes" } else { "NO" };
        let _ = writeln!(
            out,
            "| {} | {} | {:.2} | {bare} | {:.2} | {kept} |",
            goal.case, goal.what, goal.ours, goal.at_most
        );
    }
    out
}

/// The rounds of each case, cold and warm.
fn each<'a>(results: &'a [(&Case, Played)]) -> impl Iterator<Item = (&'a Case, Start, Vec<&'a Round>)> {
    results.iter().flat_map(|(case, played)| {
        [Start::Cold, Start::Warm]
            .map(|start| (*case, start, played.rounds.iter().filter(|round| round.start == start).collect()))
    })
}

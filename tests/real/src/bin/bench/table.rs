//! The figures as `docs/benchmarks.md` has them.

use std::fmt::Write;

use crate::{case::Case, goals::Goal, round::Round, usage::Machine};

/// Tables: the rounds, the calls, the goals.
pub(crate) fn markdown(machine: &Machine, results: &[(&Case, Vec<Round>)], goals: &[Goal]) -> String {
    let mut out = format!(
        "{} cores, {} GiB of memory; load at the end {:.1}\n\n",
        machine.cores, machine.memory_gib, machine.load
    );
    out += "| nodes x pods | function | pods exit after | cordon, median | cordon, last | last eviction | pods gone | \
            handshakes | CPU a node | peak memory |\n|---|---|---|---|---|---|---|---|---|---|\n";
    for (case, round) in each(results) {
        #[expect(clippy::cast_precision_loss, reason = "at most 50 nodes, and less than 2^53 KiB")]
        let (cpu, peak) = (round.cpu_seconds / case.nodes as f64, round.peak_memory_kib as f64 / 1024.0);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} s | {:.2} s | {:.2} s | {:.2} s | {:.2} s | {} | {cpu:.3} s | {peak:.1} MiB |",
            case.name(),
            round.start,
            round.exit_seconds,
            round.cordon_median,
            round.cordon_last,
            round.last_eviction,
            round.gone,
            round.handshakes,
        );
    }
    out += "\n| nodes x pods | function | pods exit after | calls | calls a node | by verb |\n|---|---|---|---|---|---|\n";
    for (case, round) in each(results) {
        #[expect(clippy::cast_precision_loss, reason = "some thousand calls at most")]
        let a_node = round.all_calls() as f64 / case.nodes as f64;
        let verbs: Vec<_> = round.calls.iter().map(|(verb, count)| format!("{count} {verb}")).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} s | {} | {a_node:.1} | {} |",
            case.name(),
            round.start,
            round.exit_seconds,
            round.all_calls(),
            verbs.join(", "),
        );
    }
    out += "\n| nodes x pods | warm, pods exit at once | ours | best tuned rival | at most | kept |\n|---|---|---|---|---|---|\n";
    for goal in goals {
        let bar = goal.bar.map_or_else(String::new, |(best, worst)| {
            if best < worst { format!("{best}–{worst}") } else { worst.to_string() }
        });
        let best_beaten = goal.bar.is_some_and(|(best, _)| goal.ours <= best / 3.0);
        let kept = match (goal.kept, best_beaten) {
            (false, _) => "NO",
            (true, true) => "yes, and a third of its best run",
            (true, false) => "yes",
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.2} | {bar} | {:.2} | {kept} |",
            goal.case, goal.what, goal.ours, goal.at_most
        );
    }
    out
}

fn each<'a>(results: &'a [(&Case, Vec<Round>)]) -> impl Iterator<Item = (&'a Case, &'a Round)> {
    results.iter().flat_map(|(case, rounds)| rounds.iter().map(move |round| (*case, round)))
}

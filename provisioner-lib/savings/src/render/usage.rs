//! Usage beside requests, in words.

use std::fmt::Write;

use super::words::{amounts, count, memory, minute, name, thousands};
use crate::{
    report::{Name, Report, Usage, Workload, WorkloadUsage},
    usage::LEAST,
};

/// What the cluster requests and uses, how that was measured, and what the configuration by usage is.
pub(super) fn sentences(report: &Report, usage: &Usage) -> Vec<String> {
    let shares = |cpu: Option<u32>, memory: Option<u32>| {
        let percent = |share: Option<u32>| share.map_or_else(|| "–".to_owned(), |share| format!("{share} %"));
        format!("{} of CPU and {} of memory", percent(cpu), percent(memory))
    };
    let when = match (usage.days, usage.measured_at) {
        (Some(days), _) => {
            let days = count(days as usize, "day");
            format!("over {days} (95th percentile of CPU, greatest memory)")
        }
        (None, Some(at)) => format!("at one moment ({})", minute(at)),
        (None, None) => "at one moment".to_owned(),
    };
    let mut lines = vec![format!(
        "Of today's nodes {} are requested, and {} are used ({}). {} of {} are measured, {when}.",
        shares(report.today.cpu_percent, report.today.memory_percent),
        shares(usage.cpu_percent, usage.memory_percent),
        amounts(usage.cpu_millis, usage.memory_mib),
        thousands(usage.measured),
        count(usage.pods, "pod"),
    )];
    let Some(proposal) = &usage.proposal else { return lines };
    let mut sized = format!(
        "{}: each pod requests the greatest usage of a pod in its workload and {} % more, at least {}m CPU and {}, and \
         at most its limits; that may be less than today, or more. Jobs, pods with a priority below 0, and \
         workloads without a measured pod keep their requests. Each workload is on Spot or On-Demand as in {}. The \
         savings above do not include it.",
        name(Name::Usage),
        usage.headroom_percent,
        LEAST.cpu,
        memory(LEAST.memory / (1024 * 1024)),
        name(Name::Spot),
    );
    if proposal.as_today {
        sized += " No such nodes cost less than today's, so it is as today.";
    }
    let kept = usage.unplaced.iter().filter(|pod| pod.keeps_node.is_some()).count();
    if kept > 0 {
        let pods = count(kept, "pod");
        let _ = write!(sized, " {pods} without a new node: those of today stay, and are counted.");
    }
    lines.push(sized);
    lines
}

/// `uses 300m CPU, 1.2 GiB (30 % and 60 % of requests); sized 450m CPU, 1.8 GiB`.
pub(super) fn of_workload(workload: &Workload, usage: &WorkloadUsage) -> String {
    format!("uses {}; sized by usage {}", of_used(workload, usage), of_sized(usage))
}

pub(super) fn of_used(workload: &Workload, usage: &WorkloadUsage) -> String {
    let shares = [(usage.cpu_percent, "CPU"), (usage.memory_percent, "memory")].into_iter();
    let shares = shares.filter_map(|(share, of)| Some(format!("{} % of requested {of}", thousands(share?))));
    let mut about: Vec<String> = shares.collect();
    if usage.measured < workload.pods {
        about.push(format!("{} of {} measured", usage.measured, count(workload.pods, "pod")));
    }
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    amounts(usage.cpu_millis, usage.memory_mib) + &about
}

pub(super) fn of_sized(usage: &WorkloadUsage) -> String {
    amounts(usage.sized_cpu_millis, usage.sized_memory_mib)
}

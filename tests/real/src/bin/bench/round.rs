//! One round of a case: full nodes, all notices at once, measured by the API server's audit log.

use std::{collections::BTreeMap, fmt, fs, process, time::Duration};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    audit, clock,
    lab::Lab,
    notice::Notice,
    stack::{HANDLER_GROUP, Stack},
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    aws::Aws,
    case::Case,
    crew::Crew,
    field::{self, Load},
    usage::Usage,
};

/// State of the function before the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Start {
    /// It has no process.
    Cold,
    /// It has drained as many nodes before.
    Warm,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Cold { "cold" } else { "warm" })
    }
}

/// The figures of a round. Times in seconds from before the first notice was sent until the API server had answered.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) start: Start,
    /// Time at which EC2 had described the last instance; its cordon cannot be sent before.
    pub(crate) located: f64,
    pub(crate) cordon_median: f64,
    pub(crate) cordon_last: f64,
    pub(crate) last_eviction: f64,
    pub(crate) gone: f64,
    /// Calls to the API server, by verb and resource, of all nodes.
    pub(crate) calls: BTreeMap<String, usize>,
    /// Calls that the API server has answered 429. The budget of the bench never causes one.
    pub(crate) throttled: usize,
    /// Connections to the API server, each with its TLS handshake.
    pub(crate) handshakes: usize,
    pub(crate) processes: usize,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_memory_kib: u64,
}

impl Round {
    pub(crate) fn all_calls(&self) -> usize {
        self.calls.values().sum()
    }
}

/// Plays one round, with a unique `name`.
pub(crate) async fn play(
    stack: &Stack,
    (aws, crew): (&Aws, &mut Crew),
    case: &Case,
    start: Start,
    name: &str,
) -> Result<Round> {
    let mut lab = Lab::open(stack, name).await?;
    field::fill(&mut lab, case).await?;
    // Controllers and scheduler become idle.
    sleep(Duration::from_secs(5)).await;
    aws.set_machines(&lab.machines);
    let functions = process::id();
    let (load, used, connected) =
        (Load::of(&lab, case).await?, Usage::under(functions)?, connections(stack)?);
    let notices: Vec<_> = lab.machines.iter().map(|machine| Notice::of(machine).event()).collect();

    let sent = clock::now();
    crew.grow(case.nodes)?;
    notices.into_iter().try_for_each(|notice| crew.invoke(notice))?;
    let ((), gone) = tokio::try_join!(crew.reports(case.nodes), load.gone())?;

    let usage = Usage::under(functions)?;
    let handshakes = connections(stack)? - connected;
    let mut calls = stack.control_plane.audit().entries()?;
    calls.retain(|call| {
        call.received >= sent && call.groups.iter().any(|group| group.starts_with(HANDLER_GROUP))
    });
    let since = |at: Timestamp| (at - sent).total(jiff::Unit::Second);
    let cordons = cordons(&lab, &calls)?;
    let evictions = calls.iter().filter(|call| call.is_eviction() && call.code == 201);
    let last_eviction = evictions.map(|call| call.completed).max().context("no eviction")?;
    let round = Round {
        start,
        located: since(aws.located().context("no instance was described")?)?,
        cordon_median: since(cordons[cordons.len() / 2])?,
        cordon_last: since(cordons[cordons.len() - 1])?,
        last_eviction: since(last_eviction)?,
        gone: since(gone)?,
        calls: by_verb(&calls),
        throttled: calls.iter().filter(|call| call.code == 429).count(),
        handshakes,
        processes: usage.processes,
        cpu_seconds: usage.cpu_seconds - used.cpu_seconds,
        peak_memory_kib: usage.peak_memory_kib,
    };
    field::clear(&lab).await?;
    Ok(round)
}

/// The times of the cordons, in order.
fn cordons(lab: &Lab<'_>, calls: &[audit::Entry]) -> Result<Vec<Timestamp>> {
    let mut first = BTreeMap::new();
    let patches = calls.iter().filter(|call| (&*call.resource, &*call.verb) == ("nodes", "patch"));
    for call in patches.filter(|call| call.code == 200) {
        let at = first.entry(call.name.clone()).or_insert(call.completed);
        *at = call.completed.min(*at);
    }
    ensure!(first.len() == lab.machines.len(), "{} nodes were patched", first.len());
    let mut cordons: Vec<_> = first.into_values().collect();
    cordons.sort();
    Ok(cordons)
}

fn by_verb(calls: &[audit::Entry]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for call in calls {
        let parts = [Some(call.resource.as_str()), call.subresource.as_deref()];
        let resource = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        *count.entry(format!("{} {resource}", call.verb)).or_default() += 1;
    }
    count
}

/// Number of connections that Toxiproxy has accepted for the API server, by its log.
fn connections(stack: &Stack) -> Result<usize> {
    let log = fs::read_to_string(stack.folder.join("toxiproxy.log"))?;
    Ok(log
        .lines()
        .filter(|line| line.contains("Accepted client") && line.contains(r#""name":"kubernetes""#))
        .count())
}

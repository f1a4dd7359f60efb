//! Workloads or nodes as CSV, for spreadsheets. Money and quantities are plain numbers, in the units of the JSON.

use std::borrow::Cow;

use csv::Writer;
use serde::Serialize;

use super::words;
use crate::{
    catalog::Market,
    money::Money,
    report::{Name, Report, Verdict},
};

/// A row of [`workloads`].
#[derive(Serialize)]
struct Workload<'a> {
    namespace: Cow<'a, str>,
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
    pods: usize,
    cpu_millis: u64,
    memory_mib: u64,
    verdict: Verdict,
    on_spot_today: usize,
    monthly_today: Option<Money>,
    monthly_proposed: Option<Money>,
    currency: &'a str,
    killed: Option<usize>,
    reasons: Cow<'a, str>,
    cautions: Cow<'a, str>,
    measured: Option<usize>,
    used_cpu_millis: Option<u64>,
    used_memory_mib: Option<u64>,
    sized_cpu_millis: Option<u64>,
    sized_memory_mib: Option<u64>,
}

/// A row of [`nodes`].
#[derive(Serialize)]
struct Nodes<'a> {
    configuration: Name,
    instance_type: Cow<'a, str>,
    market: Option<Market>,
    zone: Option<Cow<'a, str>>,
    count: usize,
    vcpus: u32,
    memory_mib: u64,
    hourly_each: Option<Money>,
    monthly: Option<Money>,
    currency: &'a str,
}

/// All workloads, the riskiest first, then the most expensive.
pub fn workloads(report: &Report) -> Result<String, csv::Error> {
    let rows = words::by_risk(report, |_| true).into_iter().map(|workload| {
        let texts = |reasons: &[crate::verdict::Reason]| {
            plain(reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; "))
        };
        let usage = workload.usage.as_ref();
        Workload {
            namespace: plain(workload.namespace.as_str()),
            kind: plain(workload.kind.as_str()),
            name: plain(workload.name.as_str()),
            pods: workload.pods,
            cpu_millis: workload.cpu_millis,
            memory_mib: workload.memory_mib,
            verdict: workload.verdict,
            on_spot_today: workload.on_spot_today,
            monthly_today: workload.cost.monthly_today,
            monthly_proposed: workload.cost.monthly_proposed,
            currency: &report.currency,
            killed: workload.risk.as_ref().map(|risk| risk.killed),
            reasons: texts(&workload.reasons),
            cautions: texts(&workload.cautions),
            measured: usage.map(|usage| usage.measured),
            used_cpu_millis: usage.map(|usage| usage.cpu_millis),
            used_memory_mib: usage.map(|usage| usage.memory_mib),
            sized_cpu_millis: usage.map(|usage| usage.sized_cpu_millis),
            sized_memory_mib: usage.map(|usage| usage.sized_memory_mib),
        }
    });
    table(rows)
}

/// The nodes of all configurations.
pub fn nodes(report: &Report) -> Result<String, csv::Error> {
    let of_all = report.configurations().into_iter().flat_map(|(name, configuration, _)| {
        configuration.nodes.iter().map(move |nodes| Nodes {
            configuration: name,
            instance_type: plain(nodes.instance_type.as_str()),
            market: nodes.market,
            zone: nodes.zone.as_deref().map(plain),
            count: nodes.count,
            vcpus: nodes.vcpus,
            memory_mib: nodes.memory_mib,
            hourly_each: nodes.hourly_each,
            monthly: nodes.monthly,
            currency: &report.currency,
        })
    });
    table(of_all)
}

/// Text that spreadsheets do not take for a formula.
fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text }
}

fn table(rows: impl Iterator<Item = impl Serialize>) -> Result<String, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

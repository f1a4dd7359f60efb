//! Where the figures come from: files, or the cluster and AWS.

use std::path::Path;

use cast_spot_cloud::Access;
use cast_spot_savings::{
    prices::PriceList,
    provider,
    snapshot::{Snapshot, parse_prices},
};
use jiff::Timestamp;

use super::args::Call;
use crate::{
    refusal::{NOT_GOOD, Refusal},
    session,
    target::Target,
    terminal::{Complaint, Screen},
};

/// What was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) snapshot: Snapshot,
    pub(super) prices: Option<PriceList>,
}

impl Source {
    /// As a file for --snapshot, prices included.
    pub(super) fn as_file(&self) -> Result<String, Refusal> {
        let whole = Snapshot { prices: self.prices.clone(), ..self.snapshot.clone() };
        Ok(whole.to_json().map_err(std::io::Error::other)?)
    }
}

/// Reads it all; what is wrong with the files is said at once.
pub(super) async fn read(call: &Call, now: Timestamp, screen: &mut Screen) -> Result<Source, Refusal> {
    let mut complaints = Vec::new();
    let snapshot = call
        .snapshot
        .as_deref()
        .and_then(|path| file(path, "--snapshot", SNAPSHOTS, Snapshot::parse, &mut complaints));
    let prices =
        call.prices.as_deref().and_then(|path| file(path, "--prices", PRICES, parse_prices, &mut complaints));
    if !complaints.is_empty() {
        return Err(Refusal::wrong_call(complaints));
    }
    let Some(target) = &call.target else {
        let snapshot = snapshot.unwrap_or_default();
        let prices = prices.or_else(|| snapshot.prices.clone());
        return Ok(Source { snapshot, prices });
    };
    live(call, target, prices, now, screen).await
}

async fn live(
    call: &Call,
    target: &Target,
    prices: Option<PriceList>,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<Source, Refusal> {
    let access = Access::open(&target.connection).await.map_err(|error| vec![error])?;
    session::hold_against(&access, target.account.as_ref()).await?;
    screen.progress(&format!("reading cluster {}", target.cluster));
    let read = provider::read_cluster(&access, &target.cluster, now).await;
    screen.progress("");
    let mut snapshot = read?;
    if let Some(prices) = prices {
        return Ok(Source { snapshot, prices: Some(prices) });
    }
    screen.progress(&format!("reading instance types and prices of {}", access.region()));
    let prices = provider::read_prices(&access, &mut snapshot, call.spot_days, now).await;
    screen.progress("");
    Ok(Source { snapshot, prices: Some(prices) })
}

const SNAPSHOTS: &str = "`cast-spot savings --save-snapshot FILE` writes one";
const PRICES: &str =
    "a file with the schema cast-spot.prices/1 (docs/savings.md), or one that --save-snapshot has written";

fn file<T, E: std::fmt::Display>(
    path: &Path,
    option: &str,
    hint: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    complaints: &mut Vec<Complaint>,
) -> Option<T> {
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = read.and_then(|text| parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(read) => Some(read),
        Err(error) => {
            complaints.push(Complaint::new(format!("{option} {}: {error}", path.display()), hint));
            None
        }
    }
}

/// A file that cannot be written.
pub(super) fn not_written(option: &str, path: &Path, error: &std::io::Error) -> Refusal {
    let complaint = Complaint::new(
        format!("{option} {}: {error}", path.display()),
        "give it a place that can be written, with room enough",
    );
    Refusal { complaints: vec![complaint], code: NOT_GOOD }
}

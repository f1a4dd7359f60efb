//! The source of the figures: files, or the cluster and AWS.

use std::path::Path;

use cast_spot_cloud::Access;
use cast_spot_savings::{
    provider::{self, USUAL_SPOT_DAYS},
    snapshot::{Snapshot, parse_prices},
};
use jiff::Timestamp;

use super::{Args, args::Format};
use crate::{
    error::{self, CliError},
    session,
    target::Target,
    terminal::{Diagnostic, Screen},
};

/// Reads the cluster with its prices, or fails with every fault of the files.
pub(super) async fn read(
    args: &Args,
    target: Option<&Target>,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<Snapshot, CliError> {
    let mut diagnostics = Vec::new();
    let snapshot = args
        .snapshot
        .as_deref()
        .and_then(|path| file(path, "--snapshot", SNAPSHOTS, Snapshot::parse, &mut diagnostics));
    let prices = args
        .prices
        .as_deref()
        .and_then(|path| file(path, "--prices", PRICES, parse_prices, &mut diagnostics));
    error::check(diagnostics)?;
    let mut snapshot = snapshot.unwrap_or_default();
    if let Some(target) = target {
        snapshot = live(args, target, prices.is_none(), now, screen).await?;
    }
    snapshot.prices = prices.or(snapshot.prices);
    Ok(snapshot)
}

/// The earlier snapshot to compare with, if there is one.
pub(super) fn earlier(args: &Args) -> Result<Option<Snapshot>, CliError> {
    let mut diagnostics = Vec::new();
    let path = args.against.as_deref();
    let snapshot =
        path.and_then(|path| file(path, "--against", SNAPSHOTS, Snapshot::parse, &mut diagnostics));
    error::check(diagnostics)?;
    Ok(snapshot)
}

async fn live(
    args: &Args,
    target: &Target,
    with_prices: bool,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<Snapshot, CliError> {
    let connection =
        session::with_mfa_code(&target.connection, args.format() == Format::Json, screen).await?;
    let access = Access::open(&connection).await?;
    session::check_account(&access, target.account.as_ref(), screen).await?;
    screen.progress(&format!("reading cluster {}", target.cluster));
    let read = provider::read_cluster(&access, &target.cluster, now).await;
    screen.progress("");
    let mut snapshot = read?;
    if with_prices {
        screen.progress(&format!("reading instance types and prices of {}", access.region()));
        let days = args.spot_days.unwrap_or(USUAL_SPOT_DAYS);
        snapshot.prices = Some(provider::read_prices(&access, &mut snapshot, days, now).await);
        screen.progress("");
    }
    Ok(snapshot)
}

const SNAPSHOTS: &str = "`cast-spot savings --save-snapshot FILE` writes one";
const PRICES: &str =
    "a file with the schema cast-spot.prices/1 (docs/savings.md), or one that --save-snapshot has written";

fn file<T, E: std::fmt::Display>(
    path: &Path,
    option: &str,
    hint: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<T> {
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = read.and_then(|text| parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(read) => Some(read),
        Err(error) => {
            diagnostics.push(Diagnostic::new(format!("{option} {}: {error}", path.display()), hint));
            None
        }
    }
}

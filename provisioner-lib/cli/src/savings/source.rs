//! The source of the figures: files, or the cluster and AWS.

use std::{
    fmt::Display,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use cast_spot_cloud::{Access, Connection};
use cast_spot_savings::{
    machines::region,
    provider::{self, USUAL_SPOT_DAYS},
    report::Missing,
    snapshot::{File, Snapshot, read_prices},
};
use jiff::Timestamp;

use super::{
    Args,
    args::{Format, Origin},
};
use crate::{
    error::{self, CliError},
    prices, session,
    target::Target,
    terminal::{Diagnostic, Screen},
};

/// Reads the cluster with its prices, or fails with every fault of the files.
pub(super) async fn read(
    args: &Args,
    origin: &Origin,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<Snapshot, CliError> {
    let mut diagnostics = Vec::new();
    let snapshot = files("--snapshot", &args.snapshot, &mut diagnostics);
    let prices = args.prices.as_deref().and_then(|path| {
        let read = content(path).and_then(|content| read_prices(&content).map_err(|error| error.to_string()));
        read.map_err(|error| diagnostics.push(fault("--prices", path.display(), &error, PRICES))).ok()
    });
    if args.spot_days.is_some() && snapshot.as_ref().is_some_and(|snapshot| snapshot.prices.is_some()) {
        let error = "--spot-days together with a snapshot that has prices: they are what they are";
        diagnostics.push(Diagnostic::new(error, "leave it out, or give prices by --prices"));
    }
    error::check(diagnostics)?;
    let mut snapshot = snapshot.unwrap_or_default();
    snapshot.cluster = snapshot.cluster.or_else(|| args.cluster().map(str::to_owned));
    match origin {
        Origin::Cluster(target) => snapshot = live(args, target, prices.is_none(), now, screen).await?,
        Origin::Files(connection) => {
            if prices.is_none() && snapshot.prices.is_none() && !snapshot.nodes.is_empty() {
                add_prices(args, connection, &mut snapshot, now, screen).await;
            }
        }
    }
    snapshot.prices = prices.or(snapshot.prices);
    if let Some(url) = &args.prometheus {
        screen.progress(&format!("reading {} days of usage from {url}", args.usage_days));
        let read = provider::read_usage(url, args.usage_days, now, &mut snapshot).await;
        screen.progress("");
        read?;
    }
    Ok(snapshot)
}

/// The objects of all files; none if there are faults.
fn files(option: &str, paths: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Option<Snapshot> {
    let mut contents = Vec::new();
    for path in paths {
        match content(path) {
            Ok(content) => contents.push((path.display().to_string(), content)),
            Err(error) => diagnostics.push(fault(option, path.display(), &error, SNAPSHOTS)),
        }
    }
    let files: Vec<File<'_>> = contents.iter().map(|(name, content)| File { name, content }).collect();
    let read = Snapshot::read(&files);
    read.map_err(|faults| {
        let faults = faults.iter().map(|(name, error)| fault(option, name, error, error.hint()));
        diagnostics.extend(faults);
    })
    .ok()
}

/// The earlier snapshot to compare with, if there is one.
pub(super) fn earlier(args: &Args) -> Result<Option<Snapshot>, CliError> {
    let mut diagnostics = Vec::new();
    let snapshot = files("--against", args.against.as_slice(), &mut diagnostics);
    error::check(diagnostics)?;
    Ok(snapshot.filter(|_| args.against.is_some()))
}

/// Reads prices of the region of the nodes. Without access to AWS the report is one without prices.
async fn add_prices(
    args: &Args,
    connection: &Connection,
    snapshot: &mut Snapshot,
    now: Timestamp,
    screen: &mut Screen,
) {
    let of_nodes = snapshot.nodes.iter().find_map(region).or(snapshot.region.as_deref());
    let connection = Connection {
        region: connection.region.clone().or_else(|| of_nodes.map(str::to_owned)),
        ..connection.clone()
    };
    let (as_json, days) = (args.format() == Format::Json, args.spot_days.unwrap_or(USUAL_SPOT_DAYS));
    match Box::pin(prices::read(&connection, days, snapshot, (as_json, now), screen)).await {
        Ok(prices) => snapshot.prices = Some(prices),
        Err(error) => snapshot.missing.extend(error.diagnostics.into_iter().map(|fault| Missing {
            what: format!("prices could not be read ({})", fault.error),
            hint: fault.hint,
        })),
    }
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

const SNAPSHOTS: &str =
    "`cast-spot savings --save-snapshot FILE` writes one, and `kubectl get … -o json > FILE`";
const PRICES: &str = "`cast-spot prices --output FILE` writes one (schema cast-spot.prices/1, docs/savings.md), or --save-snapshot";

/// The content of a file; - is standard input.
fn content(path: &Path) -> Result<Vec<u8>, String> {
    let read = if path == Path::new("-") {
        let mut content = Vec::new();
        io::stdin().read_to_end(&mut content).map(|_| content)
    } else {
        fs::read(path)
    };
    read.map_err(|error| error.to_string())
}

fn fault(option: &str, file: impl Display, error: impl Display, hint: &str) -> Diagnostic {
    Diagnostic::new(format!("{option} {file}: {error}"), hint)
}

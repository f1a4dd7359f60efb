//! `cast-spot prices`: instance types and prices of a region, as a file for `cast-spot savings --prices`.

use std::path::PathBuf;

use cast_spot_cloud::{Access, Connection};
use cast_spot_savings::{
    prices::PriceList,
    provider::{self, MOST_SPOT_DAYS, USUAL_SPOT_DAYS},
    snapshot::Snapshot,
};
use clap::value_parser;
use jiff::Timestamp;

use crate::{
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE, EXIT_REFUSED},
    savings::save,
    session,
    terminal::Screen,
};

/// Write instance types and prices of a region to a file
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    /// The region [default: AWS_REGION, AWS_DEFAULT_REGION or the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Profile of ~/.aws [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// Days that a Spot price is the mean of, 1 to 90
    #[arg(long, value_name = "N", default_value_t = USUAL_SPOT_DAYS)]
    #[arg(value_parser = value_parser!(u32).range(1..=i64::from(MOST_SPOT_DAYS)))]
    spot_days: u32,

    /// The file [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let connection = Connection {
            region: args.region.clone().or_else(|| environment.region.clone()),
            profile: args.profile.clone(),
            ..Connection::default()
        };
        let mut snapshot = Snapshot::default();
        let prices =
            read(&connection, args.spot_days, &mut snapshot, (false, session::now()), screen).await?;
        for missing in &snapshot.missing {
            screen.eprint(&format!("note: {}\n", missing.what));
            if !missing.hint.is_empty() {
                screen.eprint(&format!("hint: {}\n", missing.hint));
            }
        }
        let text = serde_json::to_string(&prices).map_err(std::io::Error::other)? + "\n";
        match &args.output {
            Some(path) => save(path, "--output", &text)?,
            None => screen.print(&text)?,
        }
        Ok(if snapshot.missing.is_empty() { 0 } else { EXIT_INCOMPLETE })
    })
}

/// Reads the prices for the zones of a snapshot; without nodes, of all zones of the region. What could not be read is
/// noted in the snapshot. Fails if there are no prices.
pub(crate) async fn read(
    connection: &Connection,
    spot_days: u32,
    snapshot: &mut Snapshot,
    (as_json, now): (bool, Timestamp),
    screen: &mut Screen,
) -> Result<PriceList, CliError> {
    let connection = session::with_mfa_code(connection, as_json, screen).await?;
    let access = Access::open(&connection).await?;
    screen.progress(&format!("reading instance types and prices of {}", access.region()));
    let before = snapshot.missing.len();
    let prices = provider::read_prices(&access, snapshot, spot_days, now).await;
    screen.progress("");
    if prices.catalog.prices.is_empty() {
        // One cause for all, such as credentials.
        let refused = snapshot.missing.drain(before..).next();
        let (error, hint) = refused.map_or_else(
            || (format!("there are no prices in {}", access.region()), String::new()),
            |missing| (missing.what, missing.hint),
        );
        return Err(CliError::new(EXIT_REFUSED, error, hint));
    }
    Ok(prices)
}

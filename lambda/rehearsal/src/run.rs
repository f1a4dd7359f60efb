//! One rehearsal from its spec to its outcome, on a paused clock.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cast_spot_handler::{
    Config,
    plan::{PdbPolicy, ReplacementPolicy},
};
use serde_json::{Value, json};
use tokio::time::sleep_until;

use crate::{
    Outcome, WorldSpec,
    facts::Fact,
    function::Function,
    notices::notices_in,
    observer::{Observer, Rules},
    outcome::Delivery,
    world::{World, clock::Clock, clusters::Cluster, state::State},
};

/// Runs the handler over the world of `spec`, in virtual time, until every invocation has answered, every
/// announced instance is gone, and every replacement stands.
///
/// Equal specs give equal outcomes, byte for byte but for `real_ms`.
///
/// # Panics
/// When the process cannot have a timer.
#[must_use]
pub fn run(name: &str, spec: WorldSpec) -> Outcome {
    #[expect(clippy::disallowed_methods, reason = "the one figure about real time")]
    let started = std::time::Instant::now();
    // The SDK's and the handler's jitter come from the thread's generator.
    fastrand::seed(spec.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O asks nothing of the system");
    let mut outcome = runtime.block_on(rehearse(name, spec));
    outcome.real_ms = started.elapsed().as_millis() as u64;
    outcome
}

async fn rehearse(name: &str, spec: WorldSpec) -> Outcome {
    let clock = Clock::new(spec.start);
    let world = World::new(State::new(&spec, clock));
    let config = configure(&world);
    let rules = rules(&spec, &config);
    let clockwork = tokio::spawn(world.clone().turn());
    let deliveries = match config {
        Ok(config) => {
            let function = Function::new(world.clone(), config, spec.settings.cold);
            let limit = Duration::from_millis(spec.settings.time_limit_ms);
            function.serve(spec.deliveries, limit).await
        }
        // The function fails at its start.
        Err(error) => spec
            .deliveries
            .iter()
            .map(|spec| Delivery::open(spec.at_ms, &notices_in(&spec.payload, clock), &error))
            .collect(),
    };
    while let Some(due) = world.enter(|state| state.timers.next_due().filter(|_| !state.timers.is_settled()))
    {
        sleep_until(clock.instant(due)).await;
    }
    clockwork.abort();
    close(&world, rules, (name, spec.seed), deliveries)
}

/// The outcome of a run that is over: its facts are judged.
pub(crate) fn close(
    world: &World,
    rules: Rules,
    (scenario, seed): (&str, u64),
    deliveries: Vec<Delivery>,
) -> Outcome {
    let facts = world.enter(|state| {
        state.emit(Fact::Closed);
        std::mem::take(&mut state.facts)
    });
    let mut observer = Observer::new(rules);
    observer.read(facts);
    let violations = observer.take_violations();
    world.enter(|state| state.outcome(scenario, seed, deliveries, violations))
}

/// The function's own environment variables.
pub(crate) fn environment(state: &State) -> BTreeMap<String, String> {
    let registered = || state.clusters.iter().filter(|cluster| cluster.spec.registered);
    let names: Vec<&str> = registered().map(|cluster| cluster.spec.name.as_str()).collect();
    let names = if names.is_empty() { "elsewhere".to_owned() } else { names.join(",") };
    let mut environment = BTreeMap::from([("CAST_SPOT_CLUSTERS".to_owned(), names)]);
    let settings = &state.spec.settings;
    if settings.endpoints {
        let endpoint =
            |c: &Cluster| (c.spec.name.clone(), json!({ "server": c.server, "ca": STANDARD.encode(&c.ca) }));
        let endpoints: Value = registered().map(endpoint).collect();
        environment.insert("CAST_SPOT_ENDPOINTS".to_owned(), endpoints.to_string());
    }
    environment.extend(settings.env.clone());
    environment
}

pub(crate) fn configure(world: &World) -> Result<Config, String> {
    let environment = world.enter(|state| environment(state));
    Config::from_lookup(|name| environment.get(name).cloned()).map_err(|error| error.to_string())
}

/// What the observer must know of configuration and world.
pub(crate) fn rules(spec: &WorldSpec, config: &Result<Config, String>) -> Rules {
    let policy = config.as_ref().ok().map(|config| &config.policy);
    Rules {
        margin_ms: policy.map_or(0, |policy| policy.margin.as_millis() as i64),
        may_override: policy.is_some_and(|policy| policy.pdb == PdbPolicy::Delete),
        dry_run: policy.is_none_or(|policy| policy.dry_run),
        replaces: policy.is_some_and(|policy| policy.replacement == ReplacementPolicy::Auto),
        stays: policy.is_some_and(|policy| policy.stay.is_none()),
        round_trip_ms: spec.pace.latency_ms + spec.pace.jitter_ms,
    }
}

#[cfg(test)]
mod tests;

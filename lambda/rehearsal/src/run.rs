//! One rehearsal from its spec to its outcome: function environments around the production handler, on a
//! paused clock.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cast_spot_handler::{
    Config, Entry, Handler,
    adapters::{Adapters, Endpoint, HttpService, Transport},
    plan::{PdbPolicy, ReplacementPolicy},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    task::JoinError,
    time::{sleep_until, timeout},
};
use tower::BoxError;

use crate::{
    DeliverySpec, Law, Outcome, WorldSpec,
    observer::{Observer, Rules, told},
    outcome::Delivery,
    wire::{Wire, aws, eks, kubernetes::ApiServer},
    world::{World, clock::Clock, state::State},
};

/// Lambda invokes an asynchronous function again so long after it failed.
const REDELIVERY_MS: u64 = 60_000;

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
    let config = configure(&spec);
    let world = World::new(State::new(&spec, clock, Observer::new(rules(&config))));
    let clockwork = tokio::spawn(world.clone().turn());
    let deliveries = match config {
        Ok(config) => {
            let function = Function { world: world.clone(), config, cold: spec.settings.cold };
            let limit = Duration::from_millis(spec.settings.time_limit_ms);
            function.serve(spec.deliveries, limit).await
        }
        Err(error) => spec.deliveries.iter().map(|delivery| unanswered(&world, delivery, &error)).collect(),
    };
    while let Some(due) = world.enter(|state| if state.is_settled() { None } else { state.next_due() }) {
        sleep_until(clock.instant(due)).await;
    }
    clockwork.abort();
    world.enter(|state| state.account(name, spec.seed, deliveries))
}

/// The variable that carries addresses and CAs.
pub(crate) const ENDPOINTS: &str = "CAST_SPOT_ENDPOINTS";

/// Its value for clusters, each with its address and its CA in PEM.
pub(crate) fn endpoints(clusters: impl IntoIterator<Item = (String, String, String)>) -> String {
    let entry = |(name, server, ca): (String, String, String)| {
        (name, json!({ "server": server, "ca": STANDARD.encode(ca) }))
    };
    Value::Object(clusters.into_iter().map(entry).collect()).to_string()
}

/// The function's own environment variables.
pub(crate) fn environment(spec: &WorldSpec) -> BTreeMap<String, String> {
    let registered = spec.clusters.iter().filter(|cluster| cluster.registered);
    let registered: Vec<&str> = registered.map(|cluster| cluster.name.as_str()).collect();
    let clusters = if registered.is_empty() { "elsewhere".to_owned() } else { registered.join(",") };
    let mut environment = BTreeMap::from([("CAST_SPOT_CLUSTERS".to_owned(), clusters)]);
    if spec.settings.endpoints {
        let of = |name: &&str| ((*name).to_owned(), eks::server(name), eks::CA.to_owned());
        environment.insert(ENDPOINTS.to_owned(), endpoints(registered.iter().map(of)));
    }
    environment.extend(spec.settings.env.clone());
    environment
}

pub(crate) fn configure(spec: &WorldSpec) -> Result<Config, String> {
    let environment = environment(spec);
    Config::from_lookup(|name| environment.get(name).cloned()).map_err(|error| error.to_string())
}

/// What the observer must know of the configuration.
pub(crate) fn rules(config: &Result<Config, String>) -> Rules {
    match config {
        Ok(config) => Rules {
            margin_ms: config.policy.margin.as_millis() as i64,
            may_override: config.policy.pdb == PdbPolicy::Delete,
            dry_run: config.policy.dry_run,
            replaces: config.policy.replacement == ReplacementPolicy::Auto,
            stays: config.policy.stay.is_none(),
        },
        Err(_) => Rules { margin_ms: 0, may_override: false, dry_run: true, replaces: false, stays: false },
    }
}

fn unanswered(world: &World, delivery: &DeliverySpec, error: &str) -> Delivery {
    Delivery {
        at_ms: delivery.at_ms,
        answered_ms: None,
        instances: told(&delivery.payload, world.clock()).into_iter().map(|told| told.instance).collect(),
        answer: Err(error.to_owned()),
        failed: None,
    }
}

/// The Lambda function.
#[derive(Clone)]
struct Function {
    world: World,
    config: Config,
    cold: bool,
}

/// One execution environment.
struct Environment {
    number: usize,
    adapters: Adapters,
    warm: bool,
}

impl Function {
    /// Serves all deliveries, each in an environment of its own. Lambda invokes one that has crashed or ended with an
    /// error again.
    async fn serve(self, specs: Vec<DeliverySpec>, limit: Duration) -> Vec<Delivery> {
        let mut environments: Vec<Environment> = specs.iter().map(|_| self.start()).collect();
        if !self.cold {
            join_all(environments.iter().map(|environment| environment.adapters.warm_up())).await;
            for environment in &mut environments {
                environment.warm = true;
            }
        }
        sleep_until(self.world.clock().instant(0)).await;
        let invocations = specs.into_iter().zip(environments).map(|(spec, environment)| {
            let function = self.clone();
            tokio::spawn(async move {
                sleep_until(function.world.clock().instant(spec.at_ms)).await;
                let first = function.invoke(environment, &spec, limit).await;
                let ended_ms = match first.answered_ms {
                    Some(answered_ms) => first.failed.as_ref().map(|_| answered_ms),
                    None => spec.crash_after_ms.map(|after_ms| spec.at_ms + after_ms),
                };
                let Some(ended_ms) = ended_ms else { return vec![first] };
                let again = DeliverySpec { at_ms: ended_ms + REDELIVERY_MS, crash_after_ms: None, ..spec };
                sleep_until(function.world.clock().instant(again.at_ms)).await;
                vec![first, function.invoke(function.start(), &again, limit).await]
            })
        });
        let invocations: Vec<_> = invocations.collect();
        let mut deliveries = Vec::new();
        for invocation in invocations {
            match invocation.await {
                Ok(answers) => deliveries.extend(answers),
                Err(panicked) => deliveries.push(self.panicked(&panicked)),
            }
        }
        deliveries
    }

    /// A panic of the handler is its answer: law 1, no report.
    fn panicked(&self, panicked: &JoinError) -> Delivery {
        let what = format!("the handler panicked: {panicked}");
        self.world.enter(|state| state.observer.broken(Law::OneReport, state.now_ms, what.clone()));
        Delivery {
            at_ms: self.world.clock().now_ms(),
            answered_ms: None,
            instances: Vec::new(),
            answer: Err(what),
            failed: None,
        }
    }

    fn start(&self) -> Environment {
        let number = self.world.enter(|state| state.observer.environment());
        let wire = Wire { world: self.world.clone(), env: number };
        let sdk = aws::sdk_config(&wire);
        Environment {
            number,
            adapters: Adapters::new(&sdk, Arc::new(Connections { wire }), &self.config),
            warm: false,
        }
    }

    async fn invoke(&self, environment: Environment, spec: &DeliverySpec, limit: Duration) -> Delivery {
        let Environment { number, adapters, warm } = environment;
        let clock = self.world.clock();
        let told = told(&spec.payload, clock);
        let invoked_ms = clock.now_ms();
        let mut delivery = Delivery {
            at_ms: invoked_ms,
            answered_ms: None,
            instances: told.iter().map(|told| told.instance.clone()).collect(),
            answer: Err("crashed".to_owned()),
            failed: None,
        };
        self.world.enter(|state| {
            state.note(&format!("f{number} invoked for {}", delivery.instances.join(" ")));
            state.saw_entry(number, told, limit);
        });
        let work = async {
            if !warm {
                adapters.warm_up().await;
            }
            let handler = Handler::new(adapters, self.config.clone());
            let used = Duration::from_millis(clock.now_ms().saturating_sub(invoked_ms));
            let entry = Entry { now: clock.wall(), time_left: limit.saturating_sub(used), cold: !warm };
            (handler.handle(spec.payload.clone(), entry).await, entry.now)
        };
        let lives = spec.crash_after_ms.map_or(limit, Duration::from_millis).min(limit);
        let answer = timeout(lives, work).await;
        let now_ms = clock.now_ms();
        self.world.enter(|state| state.saw_end(number));
        let Ok((answer, entered)) = answer else {
            self.world.enter(|state| {
                state.note(&format!("f{number} dies"));
                if spec.crash_after_ms.is_none() && !delivery.instances.is_empty() {
                    let what = format!("f{number} has no report when its invocation ends");
                    state.observer.broken(Law::OneReport, state.now_ms, what);
                }
            });
            return delivery;
        };
        delivery.answered_ms = Some(now_ms);
        let reports: Vec<Value> = match &answer {
            Ok(answer) => {
                answer.reports().iter().filter_map(|report| serde_json::to_value(report).ok()).collect()
            }
            Err(_) => Vec::new(),
        };
        self.world.enter(|state| {
            let said = match &answer {
                Ok(_) => format!("{} reports", reports.len()),
                Err(error) => error.to_string(),
            };
            state.note(&format!("f{number} answers: {said}"));
            state.saw_answer(number, &reports);
        });
        let failed = answer.as_ref().ok().and_then(|answer| answer.unhandled(entered));
        delivery.failed = failed.map(|failed| failed.to_string());
        delivery.answer = match answer {
            Ok(answer) => serde_json::to_value(&answer).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        delivery
    }
}

/// Connections from one environment to the API servers of the world.
struct Connections {
    wire: Wire,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connections of f{}", self.wire.env)
    }
}

impl Transport for Connections {
    fn open(&self, endpoint: &Endpoint) -> Result<HttpService, BoxError> {
        let server = endpoint.server.host().unwrap_or_default().to_owned();
        let cluster = self
            .wire
            .world
            .enter(|state| state.clusters.iter().position(|cluster| cluster.server.ends_with(&server)));
        let cluster = cluster.ok_or_else(|| format!("no API server at {server}"))?;
        Ok(HttpService::new(ApiServer { wire: self.wire.clone(), cluster }))
    }
}

#[cfg(test)]
mod tests;

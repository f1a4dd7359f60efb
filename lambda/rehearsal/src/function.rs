//! The Lambda function: environments around the production handler.

use std::{sync::Arc, time::Duration};

use cast_spot_handler::{
    Config, Entry, Handler,
    adapters::{Adapters, Endpoint, HttpService, Transport},
};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::{
    task::JoinError,
    time::{sleep_until, timeout},
};
use tower::{BoxError, service_fn};

use crate::{
    DeliverySpec,
    facts::{Fact, FunctionFact},
    notices::notices_in,
    outcome::{Delivery, reports_in},
    wire::{Wire, aws, kubernetes},
    world::{World, state::State},
};

/// Lambda invokes an asynchronous function again this long after it failed.
const REDELIVERY_MS: u64 = 60_000;

/// An environment is invoked; `error` is its answer if none comes.
pub(crate) fn invoked(world: &World, env: usize, payload: &Value, limit_ms: u64, error: &str) -> Delivery {
    let clock = world.clock();
    let notices = notices_in(payload, clock);
    let delivery = Delivery::open(clock.now_ms(), &notices, error);
    world.enter(|state| {
        state.note(&format!("f{env} invoked for {}", delivery.instances.join(" ")));
        state.emit(Fact::Function(env, FunctionFact::Invoked { notices, limit_ms }));
    });
    delivery
}

/// An environment answers, or says why it cannot.
pub(crate) fn answered(world: &World, env: usize, delivery: &mut Delivery, answer: Result<Value, String>) {
    let reports = answer.as_ref().map_or(&[][..], reports_in).to_vec();
    world.enter(|state| {
        delivery.answered_ms = Some(state.now_ms);
        state.end_environment(env);
        let what = match &answer {
            Ok(_) => &format!("{} reports", reports.len()),
            Err(error) => error,
        };
        state.note(&format!("f{env} answers: {what}"));
        state.emit(Fact::Function(env, FunctionFact::Answered(reports)));
    });
    delivery.answer = answer;
}

/// The Lambda function.
#[derive(Clone)]
pub(crate) struct Function {
    world: World,
    config: Config,
    cold: bool,
}

/// One execution environment.
pub(crate) struct Environment {
    pub(crate) number: usize,
    pub(crate) adapters: Adapters,
    warm: bool,
}

impl Function {
    pub(crate) fn new(world: World, config: Config, cold: bool) -> Self {
        Self { world, config, cold }
    }

    /// Serves all deliveries, each in an environment of its own. Lambda invokes one that has crashed or ended with an
    /// error again.
    pub(crate) async fn serve(self, specs: Vec<DeliverySpec>, limit: Duration) -> Vec<Delivery> {
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

    /// A panic of the handler is its answer.
    pub(crate) fn panicked(&self, panicked: &JoinError) -> Delivery {
        let what = format!("the handler panicked: {panicked}");
        self.world.enter(|state| state.emit(Fact::Panicked(what.clone())));
        Delivery::open(self.world.clock().now_ms(), &[], &what)
    }

    pub(crate) fn start(&self) -> Environment {
        let number = self.world.enter(State::start_environment);
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
        let limit_ms = limit.as_millis() as u64;
        let mut delivery = invoked(&self.world, number, &spec.payload, limit_ms, "crashed");
        let invoked_ms = delivery.at_ms;
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
        let Ok((answer, entered)) = answer else {
            self.world.enter(|state| {
                state.end_environment(number);
                state.note(&format!("f{number} dies"));
                if spec.crash_after_ms.is_none() {
                    state.emit(Fact::Function(number, FunctionFact::TimedOut));
                }
            });
            return delivery;
        };
        let unhandled = answer.as_ref().ok().and_then(|answer| answer.unhandled(entered));
        delivery.failed = unhandled.map(|unhandled| unhandled.to_string());
        let answer = match answer {
            Ok(answer) => serde_json::to_value(&answer).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        answered(&self.world, number, &mut delivery, answer);
        delivery
    }
}

/// Connections from one environment to the API servers of the world.
#[derive(Debug)]
struct Connections {
    wire: Wire,
}

impl Transport for Connections {
    fn open(&self, endpoint: &Endpoint) -> Result<HttpService, BoxError> {
        let server = endpoint.server.host().unwrap_or_default().to_owned();
        let cluster = self
            .wire
            .world
            .enter(|state| state.clusters.iter().position(|cluster| cluster.server.ends_with(&server)));
        let cluster = cluster.ok_or_else(|| format!("no API server at {server}"))?;
        let wire = self.wire.clone();
        Ok(HttpService::new(service_fn(move |request| kubernetes::request(wire.clone(), cluster, request))))
    }
}

//! World, wires and observer together: the real clients drive the wires, and the observer reads the facts.

use std::sync::Mutex;

use aws_config::SdkConfig;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::Eviction},
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions},
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
    client::Body,
    core::Status,
};
use tokio::time::sleep_until;
use tower::service_fn;

use crate::{
    Action, Law, WorldSpec,
    facts::{Fact, FunctionFact},
    notices::notices_in,
    observer::{Observer, Rules},
    outcome::Violation,
    wire::{Wire, aws, kubernetes},
    world::{World, clock::Clock, state::State},
};

mod aws_services;
mod budgets;
mod kubelets;
mod laws;
mod nodes;

/// A world at 0 ms, with clients for it as a function that got all its notices would have them.
pub(super) struct Bench {
    pub(super) world: World,
    observer: Mutex<Observer>,
    pub(super) sdk: SdkConfig,
    pub(super) kube: Client,
    /// Name of node 0.
    pub(super) node: String,
}

pub(super) const RULES: Rules = Rules {
    margin_ms: 5_000,
    may_override: true,
    dry_run: false,
    replaces: true,
    stays: true,
    round_trip_ms: 20,
};

/// Two nodes without any pods but their agents, 20 ms a call.
pub(super) fn small() -> WorldSpec {
    let mut spec = WorldSpec::baseline(1, 2, 0);
    spec.interrupt(0, Action::Terminate, 0);
    spec
}

impl Bench {
    pub(super) async fn new(spec: &WorldSpec) -> Self {
        Self::with_rules(spec, RULES).await
    }

    pub(super) async fn with_rules(spec: &WorldSpec, rules: Rules) -> Self {
        let clock = Clock::new(spec.start);
        let world = World::new(State::new(spec, clock));
        tokio::spawn(world.clone().turn());
        let env = world.enter(State::start_environment);
        let wire = Wire { world: world.clone(), env };
        sleep_until(clock.instant(0)).await;
        let notices =
            spec.deliveries.iter().flat_map(|delivery| notices_in(&delivery.payload, clock)).collect();
        let invoked = FunctionFact::Invoked { notices, limit_ms: 180_000 };
        world.enter(|state| state.emit(Fact::Function(env, invoked)));
        let round_trip_ms = spec.pace.latency_ms + spec.pace.jitter_ms;
        Self {
            kube: client(wire.clone(), 0, &token("20270115T080000Z")),
            sdk: aws::sdk_config(&wire),
            node: spec.clusters[0].nodes[0].name.clone(),
            observer: Mutex::new(Observer::new(Rules { round_trip_ms, ..rules })),
            world,
        }
    }

    pub(super) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.kube.clone(), namespace)
    }

    /// Pods of namespace `shop` on node 0.
    pub(super) async fn shop(&self) -> Vec<Pod> {
        let on_node = ListParams::default().fields(&format!("spec.nodeName={}", self.node));
        let list = Api::<Pod>::all(self.kube.clone()).list(&on_node).await.unwrap();
        list.items.into_iter().filter(|pod| pod.metadata.namespace.as_deref() == Some("shop")).collect()
    }

    pub(super) async fn evict(&self, pod: &Pod) -> Result<Status, Box<Status>> {
        self.evict_with(pod, DeleteOptions { preconditions: Some(uid_of(pod)), ..DeleteOptions::default() })
            .await
    }

    pub(super) async fn evict_with(&self, pod: &Pod, options: DeleteOptions) -> Result<Status, Box<Status>> {
        let eviction = Eviction { delete_options: Some(options), metadata: pod.metadata.clone() };
        let (namespace, name) =
            (pod.metadata.namespace.as_deref().unwrap(), pod.metadata.name.as_deref().unwrap());
        api_result(
            self.pods(namespace)
                .create_subresource("eviction", name, &PostParams::default(), &eviction)
                .await,
        )
    }

    pub(super) async fn at(&self, ms: u64) {
        sleep_until(self.world.clock().instant(ms)).await;
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.world.clock().now_ms()
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        let facts = self.world.enter(|state| std::mem::take(&mut state.facts));
        let mut observer = self.observer.lock().unwrap();
        observer.read(facts);
        observer.take_violations()
    }

    pub(super) fn laws(&self) -> Vec<Law> {
        self.violations().iter().map(|violation| violation.law).collect()
    }
}

pub(super) fn uid_of(pod: &Pod) -> Preconditions {
    Preconditions { uid: pod.metadata.uid.clone(), resource_version: None }
}

pub(super) fn api_result<T>(result: Result<T, kube::Error>) -> Result<T, Box<Status>> {
    result.map_err(|error| match error {
        kube::Error::Api(status) => status,
        other => panic!("no answer of the API server: {other}"),
    })
}

pub(super) fn client(wire: Wire, cluster: usize, token: &str) -> Client {
    let header = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let authorized = service_fn(move |mut request: Request<Body>| {
        request.headers_mut().insert(AUTHORIZATION, header.clone());
        kubernetes::request(wire.clone(), cluster, request)
    });
    Client::new(authorized, "default")
}

/// An EKS token as it was signed at `date`.
pub(super) fn token(date: &str) -> String {
    let url = format!(
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date={date}\
         &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00"
    );
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))
}

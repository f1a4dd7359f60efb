//! An AWS account with its clusters, in memory. Every request is a call: concurrent runs get their turn before it, it
//! can be refused, its answer can be lost, and the caller can be killed before or after it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cast_spot_provisioner::{
    facts::{AuthenticationMode, Cluster},
    provider::{Error, ErrorKind},
    resource::{AccessEntry, CodeRecord, Function, Id, Kind, Resource, Role, Service, User},
};
use tokio::sync::Notify;

mod alter;
mod call;
mod changes;
mod look;
mod make;
mod manifests;
mod provider;
mod remove;

pub(crate) use self::{alter::MOST_VERSIONS, make::SECRET};

pub(crate) const ACCOUNT: &str = "123456789012";

/// The scope of a resource (`global`, a region, or a cluster's ARN) and its id.
pub(crate) type Place = (String, Id);

/// A resource as the account stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) resource: Resource,
    /// Seconds, unique for each created object.
    pub(crate) created: i64,
    /// Changes with every write.
    pub(crate) revision: u64,
    /// Access entries only: creation time of the principal that the entry admits. It does not admit a later principal
    /// of the same name ("Access entries" in the EKS User Guide).
    pub(crate) lets_in: Option<i64>,
    /// Number of versions of a policy.
    pub(crate) versions: usize,
    /// Access keys of a user: the id, and whether the key is active.
    pub(crate) keys: Vec<(String, bool)>,
}

/// A fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InjectedFault {
    /// The call is refused.
    Refused,
    /// The call takes effect and its answer is lost.
    Lost,
    /// The caller is killed before the call takes effect.
    KilledBefore,
    /// The call takes effect, and the caller is killed.
    KilledAfter,
}

/// The position of a call in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallIndex {
    /// Index among all calls, from 0.
    Call(usize),
    /// Index among the calls that write, from 0.
    Write(usize),
}

type ConcurrentEdit = Box<dyn FnOnce(&mut State) + Send>;

/// The content of the account.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<Place, Object>,
    clusters: BTreeMap<(String, String), Cluster>,
    clock: i64,
    waits: usize,
    /// Versions of functions, the latest last.
    pub(crate) published: BTreeMap<Place, Vec<Resource>>,
    /// Running instances, by their role.
    pub(crate) instances: BTreeMap<String, Vec<String>>,
    calls: usize,
    writes: usize,
    fault: Option<(CallIndex, InjectedFault)>,
    edit: Option<(CallIndex, ConcurrentEdit)>,
    is_killed: bool,
    served_unregistered: bool,
    pauses: Option<fastrand::Rng>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("objects", &self.objects.keys()).finish_non_exhaustive()
    }
}

impl State {
    fn tick(&mut self) -> i64 {
        self.clock += 1;
        self.clock
    }

    /// Stores a new object, also a foreign one.
    pub(crate) fn put(&mut self, place: Place, mut resource: Resource) {
        if let Resource::Function(Function { record, .. }) = &mut resource {
            // It is in the tags of the role.
            *record = CodeRecord::default();
        }
        let created = self.tick();
        let lets_in = match &resource {
            Resource::AccessEntry(AccessEntry { principal, .. }) => self.made(&principal.id()),
            _ => None,
        };
        let keys = match &resource {
            Resource::AccessKey(_) => vec![(format!("AKIA{created}"), true)],
            _ => Vec::new(),
        };
        let revision = created.unsigned_abs();
        self.objects.insert(place, Object { resource, created, revision, lets_in, versions: 1, keys });
    }

    /// Creation time of a principal.
    fn made(&self, principal: &Id) -> Option<i64> {
        self.objects.get(&("global".to_owned(), principal.clone())).map(|object| object.created)
    }

    /// Changes an existing object; false if it does not exist.
    pub(crate) fn change(&mut self, place: &Place, change: impl FnOnce(&mut Object)) -> bool {
        let revision = self.tick().unsigned_abs();
        let Some(object) = self.objects.get_mut(place) else { return false };
        let before = object.resource.clone();
        change(object);
        if !is_tagged_alone(before, &object.resource) {
            object.revision = revision;
        }
        true
    }
}

/// Whether nothing but the tags of a function has changed, which are no part of its revision.
fn is_tagged_alone(mut before: Resource, after: &Resource) -> bool {
    let (Resource::Function(was), Resource::Function(is)) = (&mut before, after) else { return false };
    let is_tagged = was.tags != is.tags;
    was.tags.clone_from(&is.tags);
    is_tagged && was == is
}

/// A view of the account, for work on one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    state: Arc<Mutex<State>>,
    died: Arc<Notify>,
    pub(crate) region: String,
    pub(crate) cluster: String,
}

impl Account {
    /// An empty account.
    pub(crate) fn new(region: &str, cluster: &str) -> Self {
        let (region, cluster) = (region.to_owned(), cluster.to_owned());
        Self { state: Arc::default(), died: Arc::default(), region, cluster }.with_cluster(|_| ())
    }

    /// The same account, for work on another cluster, which is created if it does not exist.
    pub(crate) fn of(&self, region: &str, cluster: &str) -> Self {
        let other = Self { region: region.to_owned(), cluster: cluster.to_owned(), ..self.clone() };
        let is_there = other.state().clusters.contains_key(&(other.region.clone(), other.cluster.clone()));
        if is_there { other } else { other.with_cluster(|_| ()) }
    }

    /// Replaces the cluster.
    pub(crate) fn with_cluster(self, shape: impl FnOnce(&mut Cluster)) -> Self {
        let mut cluster = Cluster {
            status: "ACTIVE".to_owned(),
            endpoint: format!("https://{}.example", self.cluster),
            certificate_authority: "Y2E=".to_owned(),
            authentication_mode: AuthenticationMode::ApiAndConfigMap,
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_group_id: format!("sg-{}", self.cluster),
            ..Cluster::gone(&self.cluster, self.arn())
        };
        shape(&mut cluster);
        self.state().clusters.insert((self.region.clone(), self.cluster.clone()), cluster);
        self
    }

    /// An independent copy of the account, without faults.
    pub(crate) fn copy(&self) -> Self {
        let state = {
            let state = self.state();
            State {
                objects: state.objects.clone(),
                clusters: state.clusters.clone(),
                clock: state.clock,
                published: state.published.clone(),
                ..State::default()
            }
        };
        Self { state: Arc::new(Mutex::new(state)), died: Arc::default(), ..self.clone() }
    }

    /// Deletes the cluster with its content, as EKS does.
    pub(crate) fn delete_cluster(&self) {
        let arn = self.arn();
        let mut state = self.state();
        state.clusters.remove(&(self.region.clone(), self.cluster.clone()));
        // Its security group goes with it, and with that the rules in it.
        let group = format!("sg-{}/", self.cluster);
        state.objects.retain(|(scope, id), _| {
            *scope != arn && !(id.kind == Kind::Ingress && id.name.starts_with(&group))
        });
    }

    /// Injects a fault, once, and starts to count calls from 0.
    pub(crate) fn inject(&self, fault: Option<(CallIndex, InjectedFault)>) {
        let mut state = self.state();
        (state.fault, state.calls, state.writes) = (fault, 0, 0);
        (state.is_killed, state.served_unregistered) = (false, false);
    }

    /// Another program edits the account immediately before a call.
    pub(crate) fn edit_before(&self, at: CallIndex, edit: impl FnOnce(&mut State) + Send + 'static) {
        self.inject(None);
        self.state().edit = Some((at, Box::new(edit)));
    }

    /// Interleaves concurrent calls, differently for each seed.
    pub(crate) fn pauses(&self, seed: Option<u64>) {
        self.state().pauses = seed.map(fastrand::Rng::with_seed);
    }

    /// Calls and, among them, writes since the last [`Account::inject`].
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.calls, state.writes)
    }

    /// Whether a write since the last [`Account::inject`] has left a cluster served that is not registered.
    pub(crate) fn served_unregistered(&self) -> bool {
        self.state().served_unregistered
    }

    /// Completes when the caller has been killed.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// All resources, without creation times and revisions.
    pub(crate) fn all(&self) -> BTreeMap<Place, Resource> {
        self.objects().into_iter().map(|(place, object)| (place, object.resource)).collect()
    }

    /// All objects, with creation times and revisions.
    pub(crate) fn objects(&self) -> BTreeMap<Place, Object> {
        self.state().objects.clone()
    }

    pub(crate) fn object(&self, id: &Id) -> Option<Object> {
        self.state().objects.get(&self.place(id)).cloned()
    }

    /// Another program creates the resource.
    pub(crate) fn put(&self, resource: Resource) {
        let place = self.place(&resource.id());
        self.state().put(place, resource);
    }

    /// Published versions of the function, the latest last.
    pub(crate) fn published(&self) -> Vec<Resource> {
        let place = self.place(&Id::new(Kind::Function, "cast-spot"));
        self.state().published.get(&place).cloned().unwrap_or_default()
    }

    /// Sets the instances that run with a role.
    pub(crate) fn run_instances(&self, role: &str, ids: &[&str]) {
        let ids = ids.iter().map(ToString::to_string).collect();
        self.state().instances.insert(role.to_owned(), ids);
    }

    fn count_pause(&self) {
        self.state().waits += 1;
    }

    /// Number of pauses before planning again.
    pub(crate) fn waits(&self) -> usize {
        self.state().waits
    }

    /// Another program deletes the resource.
    pub(crate) fn take(&self, id: &Id) -> Option<Resource> {
        self.state().objects.remove(&self.place(id)).map(|object| object.resource)
    }

    /// Another program changes the resource.
    pub(crate) fn change(&self, id: &Id, change: impl FnOnce(&mut Resource)) {
        let place = self.place(id);
        assert!(self.state().change(&place, |object| change(&mut object.resource)), "{id} is not there");
    }

    pub(crate) fn place(&self, id: &Id) -> Place {
        let scope = match id.kind.service() {
            Service::Iam => "global",
            Service::Eks | Service::Kubernetes => &self.arn(),
            _ => &self.region,
        };
        (scope.to_owned(), id.clone())
    }

    fn arn(&self) -> String {
        format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{}", self.region, self.cluster)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permissions boundary of a principal.
fn boundary_of(resource: &Resource) -> Option<&str> {
    match resource {
        Resource::Role(Role { boundary, .. }) | Resource::User(User { boundary, .. }) => boundary.as_deref(),
        _ => None,
    }
}

/// The error for a resource that exists with other content, or with another revision.
fn changed(call: &str, words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Changed, call, words)
}

/// The error for a request that AWS refuses.
fn refused(call: &str, words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Other, call, words)
}

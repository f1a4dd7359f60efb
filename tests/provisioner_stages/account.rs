//! An AWS account with its clusters, in memory. Whatever is asked of it is a call: others get their turn before it,
//! it can be refused, its answer can be lost, and whoever makes it can die before or after it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cast_spot_provisioner::{
    facts::{AuthenticationMode, Cluster},
    provider::{Error, ErrorKind},
    resource::{Id, Kind, Resource},
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

pub(crate) use self::{alter::MOST_VERSIONS, changes::tags_of, make::SECRET};

pub(crate) const ACCOUNT: &str = "123456789012";

/// Where something is (`global`, a region, or a cluster's ARN), and what.
pub(crate) type Place = (String, Id);

/// Something as the account keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) resource: Resource,
    /// Seconds, and different for everything that is made.
    pub(crate) created: i64,
    /// Changes with every write.
    pub(crate) revision: u64,
    /// Of an access entry: when the principal was made that it lets in. It lets in no later one of the same name
    /// ("Access entries" in the EKS User Guide).
    pub(crate) lets_in: Option<i64>,
    /// Documents that a policy has.
    pub(crate) versions: usize,
    /// Of a user's keys: the id, and whether it works.
    pub(crate) keys: Vec<(String, bool)>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It is refused.
    Refused,
    /// It is done, and nobody hears of it.
    Lost,
    /// Who makes it dies before.
    KilledBefore,
    /// It is done, and who has made it dies.
    KilledAfter,
}

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The call of this number, from 0.
    Call(usize),
    /// The call of this number among those that write.
    Write(usize),
}

type Meddler = Box<dyn FnOnce(&mut State) + Send>;

/// All that the account holds.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<Place, Object>,
    clusters: BTreeMap<(String, String), Cluster>,
    clock: i64,
    waits: usize,
    /// Versions of functions, the latest last.
    pub(crate) published: BTreeMap<Place, Vec<Resource>>,
    /// That run, by the role that they run with.
    pub(crate) instances: BTreeMap<String, Vec<String>>,
    calls: usize,
    writes: usize,
    mishap: Option<(At, Mishap)>,
    meddler: Option<(At, Meddler)>,
    is_dead: bool,
    has_strayed: bool,
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

    /// Puts something new there, whoever it belongs to.
    pub(crate) fn put(&mut self, place: Place, resource: Resource) {
        let created = self.tick();
        let lets_in = match &resource {
            Resource::AccessEntry { principal, .. } => self.made(&principal.id()),
            _ => None,
        };
        let keys = match &resource {
            Resource::AccessKey { .. } => vec![(format!("AKIA{created}"), true)],
            _ => Vec::new(),
        };
        let revision = created.unsigned_abs();
        self.objects.insert(place, Object { resource, created, revision, lets_in, versions: 1, keys });
    }

    /// When a principal was made.
    fn made(&self, principal: &Id) -> Option<i64> {
        self.objects.get(&("global".to_owned(), principal.clone())).map(|object| object.created)
    }

    /// Changes something that is there.
    pub(crate) fn change(&mut self, place: &Place, change: impl FnOnce(&mut Object)) -> bool {
        let revision = self.tick().unsigned_abs();
        let Some(object) = self.objects.get_mut(place) else { return false };
        change(object);
        object.revision = revision;
        true
    }
}

/// The account as somebody sees it who works on one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    state: Arc<Mutex<State>>,
    died: Arc<Notify>,
    pub(crate) region: String,
    pub(crate) cluster: String,
}

impl Account {
    /// An empty one.
    pub(crate) fn new(region: &str, cluster: &str) -> Self {
        let (region, cluster) = (region.to_owned(), cluster.to_owned());
        Self { state: Arc::default(), died: Arc::default(), region, cluster }.with_cluster(|_| ())
    }

    /// The same account, seen by who works on another cluster, which is made if it is not there.
    pub(crate) fn of(&self, region: &str, cluster: &str) -> Self {
        let other = Self { region: region.to_owned(), cluster: cluster.to_owned(), ..self.clone() };
        let is_there = other.state().clusters.contains_key(&(other.region.clone(), other.cluster.clone()));
        if is_there { other } else { other.with_cluster(|_| ()) }
    }

    /// Makes the cluster anew.
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

    /// Another account that holds the same by now. Nothing goes wrong in it.
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

    /// EKS deletes it, with what is in it.
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

    /// From now on this goes wrong, once.
    pub(crate) fn mishap(&self, mishap: Option<(At, Mishap)>) {
        let mut state = self.state();
        (state.mishap, state.calls, state.writes) = (mishap, 0, 0);
        (state.is_dead, state.has_strayed) = (false, false);
    }

    /// Somebody else does something just before a call.
    pub(crate) fn meddle(&self, at: At, meddler: impl FnOnce(&mut State) + Send + 'static) {
        self.mishap(None);
        self.state().meddler = Some((at, Box::new(meddler)));
    }

    /// Lets calls take turns, differently for each seed.
    pub(crate) fn pauses(&self, seed: Option<u64>) {
        self.state().pauses = seed.map(fastrand::Rng::with_seed);
    }

    /// Calls and, among them, writes since the last [`Account::mishap`].
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.calls, state.writes)
    }

    /// Whether, since the last [`Account::mishap`], a write of whoever works here has left a cluster served that is not
    /// registered.
    pub(crate) fn has_strayed(&self) -> bool {
        self.state().has_strayed
    }

    /// Ends when who makes the calls has died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// Everything, without what is new each time it is made.
    pub(crate) fn all(&self) -> BTreeMap<Place, Resource> {
        self.objects().into_iter().map(|(place, object)| (place, object.resource)).collect()
    }

    /// Everything, with all that is known of it.
    pub(crate) fn objects(&self) -> BTreeMap<Place, Object> {
        self.state().objects.clone()
    }

    pub(crate) fn object(&self, id: &Id) -> Option<Object> {
        self.state().objects.get(&self.place(id)).cloned()
    }

    /// Somebody else makes it.
    pub(crate) fn put(&self, resource: Resource) {
        let place = self.place(&resource.id());
        self.state().put(place, resource);
    }

    /// Published versions of the function, the latest last.
    pub(crate) fn published(&self) -> Vec<Resource> {
        let place = self.place(&Id::new(Kind::Function, "cast-spot"));
        self.state().published.get(&place).cloned().unwrap_or_default()
    }

    /// Instances that run with a role.
    pub(crate) fn run_instances(&self, role: &str, ids: &[&str]) {
        let ids = ids.iter().map(ToString::to_string).collect();
        self.state().instances.insert(role.to_owned(), ids);
    }

    fn count_pause(&self) {
        self.state().waits += 1;
    }

    /// How often somebody has waited before planning anew.
    pub(crate) fn waits(&self) -> usize {
        self.state().waits
    }

    /// Somebody else deletes it.
    pub(crate) fn take(&self, id: &Id) -> Option<Resource> {
        self.state().objects.remove(&self.place(id)).map(|object| object.resource)
    }

    /// Somebody else changes it.
    pub(crate) fn change(&self, id: &Id, change: impl FnOnce(&mut Resource)) {
        let place = self.place(id);
        assert!(self.state().change(&place, |object| change(&mut object.resource)), "{id} is not there");
    }

    pub(crate) fn place(&self, id: &Id) -> Place {
        let scope = match id.kind {
            Kind::Policy
            | Kind::Role
            | Kind::User
            | Kind::Attachment
            | Kind::InlinePolicy
            | Kind::InstanceProfile
            | Kind::AccessKey => "global",
            Kind::AccessEntry
            | Kind::AwsAuth
            | Kind::ClusterRole
            | Kind::ClusterRoleBinding
            | Kind::Manifest => &self.arn(),
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

/// It is there otherwise, or has another revision.
fn changed(call: &str, words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Changed, call, words)
}

/// AWS does not do it.
fn refused(call: &str, words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Other, call, words)
}

//! An AWS account with a cluster in memory, as strict as AWS where an order or a race matters.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cast_spot_provisioner::{
    facts::{AuthenticationMode, Cluster, CurrentFunction, Facts, Identity},
    names::{self, LAMBDA_ROLE},
    plan::{Change, Found, Observed},
    provider::{AccessKey, Error, ErrorKind, Made, Provider},
    resource::{CLUSTERS_VARIABLE, Id, Kind, Resource, Tags},
    verify::{Check, Verdict},
};
use tokio::sync::Notify;

use crate::merge::merged;

/// The secret of every access key.
pub(crate) const SECRET: &str = "0123456789-secret";
/// IAM keeps no more versions of a policy ("IAM and AWS STS quotas").
const VERSIONS: usize = 5;

#[derive(Debug, Clone)]
struct Object {
    resource: Resource,
    created: i64,
    revision: u64,
    versions: usize,
}

/// Where something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The write of this number, from 0, is refused.
    Refused(usize),
    /// It is done, and its answer is lost.
    Unanswered(usize),
    /// The program ends at the call of this number.
    Killed(usize),
}

#[derive(Debug, Default)]
struct State {
    /// By scope (`global`, a region, a cluster) and id.
    objects: BTreeMap<(String, Id), Object>,
    clock: i64,
    calls: usize,
    writes: usize,
    fault: Option<Fault>,
    pauses: Option<fastrand::Rng>,
}

/// The account as somebody sees it who works on one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    state: Arc<Mutex<State>>,
    killed: Arc<Notify>,
    pub(crate) region: String,
    pub(crate) cluster: Cluster,
}

impl Account {
    /// With things of others in it.
    pub(crate) fn with_others() -> Self {
        let account = Self {
            state: Arc::default(),
            killed: Arc::default(),
            region: "eu-west-1".to_owned(),
            cluster: cluster("eu-west-1", "prod"),
        };
        let tags = Tags::from([("team".to_owned(), "theirs".to_owned())]);
        for name in ["theirs", "cast-theirs"] {
            account.put(Resource::Role {
                name: name.to_owned(),
                description: String::new(),
                trust: serde_json::json!({}),
                tags: tags.clone(),
            });
        }
        account.put(Resource::LogGroup { name: "/aws/lambda/theirs".to_owned(), retention_days: 1, tags });
        account
    }

    /// The same account, with another cluster in view.
    pub(crate) fn of(&self, region: &str, name: &str) -> Self {
        Self { region: region.to_owned(), cluster: cluster(region, name), ..self.clone() }
    }

    pub(crate) fn fault(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.calls, state.writes) = (fault, 0, 0);
    }

    /// Lets calls take turns, differently for each seed.
    pub(crate) fn pauses(&self, seed: u64) {
        self.state().pauses = Some(fastrand::Rng::with_seed(seed));
    }

    /// Calls and writes since the last [`Account::fault`].
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.calls, state.writes)
    }

    /// Ends when the program is killed.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// All that is there, without what is new each time.
    pub(crate) fn all(&self) -> BTreeMap<(String, Id), Resource> {
        let state = self.state();
        state.objects.iter().map(|(key, object)| (key.clone(), object.resource.clone())).collect()
    }

    pub(crate) fn versions(&self, policy: &str) -> usize {
        let key = ("global".to_owned(), Id::new(Kind::Policy, policy));
        self.state().objects.get(&key).map_or(0, |object| object.versions)
    }

    /// Puts something there, whoever it belongs to.
    pub(crate) fn put(&self, resource: Resource) {
        let key = self.key(&resource.id());
        let mut state = self.state();
        state.clock += 1;
        let (created, revision) = (state.clock, state.clock.unsigned_abs());
        state.objects.insert(key, Object { resource, created, revision, versions: 1 });
    }

    /// Somebody deletes it.
    pub(crate) fn take(&self, id: &Id) -> Option<Resource> {
        let key = self.key(id);
        self.state().objects.remove(&key).map(|object| object.resource)
    }

    /// Somebody changes it.
    pub(crate) fn change(&self, id: &Id, change: impl FnOnce(&mut Resource)) {
        let key = self.key(id);
        let mut state = self.state();
        if let Some(object) = state.objects.get_mut(&key) {
            change(&mut object.resource);
            object.revision += 1_000;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, id: &Id) -> (String, Id) {
        let scope = match id.kind {
            Kind::Policy
            | Kind::Role
            | Kind::User
            | Kind::Attachment
            | Kind::InlinePolicy
            | Kind::InstanceProfile
            | Kind::AccessKey => "global",
            Kind::AccessEntry | Kind::AwsAuth | Kind::ClusterRole | Kind::ClusterRoleBinding => {
                &self.cluster.arn
            }
            _ => &self.region,
        };
        (scope.to_owned(), id.clone())
    }

    /// Before each call: others get their turn, and the program may end here.
    async fn call(&self) {
        let turns = self.state().pauses.as_mut().map_or(0, |rng| rng.usize(..4));
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let dies = {
            let mut state = self.state();
            state.calls += 1;
            state.fault == Some(Fault::Killed(state.calls - 1))
        };
        if dies {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// A write, with what can go wrong before and after it.
    async fn write(&self, write: impl FnOnce(&mut State) -> Result<Made, Error>) -> Result<Made, Error> {
        self.call().await;
        let mut state = self.state();
        let number = state.writes;
        state.writes += 1;
        let broken = |what: &str| Err(Error::new(ErrorKind::Other, "write", what));
        if state.fault == Some(Fault::Refused(number)) {
            return broken("refused");
        }
        let made = write(&mut state)?;
        if state.fault == Some(Fault::Unanswered(number)) { broken("no answer") } else { Ok(made) }
    }

    fn wants(&self, state: &State, resource: &Resource, kinds: &[Kind]) -> Result<(), Error> {
        let missing = |id: &&Id| !state.objects.contains_key(&self.key(id));
        match resource.needs().iter().filter(|id| kinds.contains(&id.kind)).find(missing) {
            // AWS managed policies are always there.
            Some(id) if id.kind == Kind::Policy && !id.name.starts_with("CastEKS") => Ok(()),
            Some(id) => Err(Error::new(ErrorKind::Other, "create", format!("{id} is not there"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn cluster(region: &str, name: &str) -> Cluster {
    Cluster {
        status: "ACTIVE".to_owned(),
        authentication_mode: AuthenticationMode::ApiAndConfigMap,
        vpc_id: "vpc-1".to_owned(),
        subnet_ids: vec!["subnet-1".to_owned()],
        security_group_id: format!("sg-{name}"),
        ..Cluster::gone(name, format!("arn:aws:eks:{region}:123456789012:cluster/{name}"))
    }
}

fn changed(what: &str) -> Error {
    Error::new(ErrorKind::Changed, "write", what)
}

impl Provider for Account {
    async fn facts(&self, _: &str) -> Result<Facts, Vec<Error>> {
        self.call().await;
        let function = {
            let state = self.state();
            let found = state.objects.get(&self.key(&Id::new(Kind::Function, names::FUNCTION)));
            found.map(|object| match &object.resource {
                Resource::Function { environment, network, .. } => CurrentFunction {
                    clusters: list(environment.get(CLUSTERS_VARIABLE)),
                    vpc_id: network.as_ref().map(|network| network.vpc_id.clone()),
                    revision: Some(object.revision.to_string()),
                },
                _ => CurrentFunction::default(),
            })
        };
        self.call().await;
        let state = self.state();
        let names = state.objects.keys().filter(|(_, id)| id.kind == Kind::InlinePolicy);
        let names = names.filter_map(|(_, id)| id.name.strip_prefix(LAMBDA_ROLE)?.strip_prefix('/'));
        let register = names.filter_map(names::registered);
        let register = register.map(|(region, name)| (region.to_owned(), name.to_owned())).collect();
        let identity = Identity {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:root".to_owned(),
        };
        Ok(Facts { identity, region: self.region.clone(), cluster: self.cluster.clone(), function, register })
    }

    async fn observe(&self, _: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        let mut observed = Observed::new();
        for resource in resources {
            self.call().await;
            let state = self.state();
            if let Some(object) = state.objects.get(&self.key(&resource.id())) {
                let found = Found {
                    resource: object.resource.clone(),
                    created: matches!(resource.id().kind, Kind::Role | Kind::User | Kind::AccessEntry)
                        .then_some(object.created),
                    revision: Some(object.revision.to_string()),
                };
                observed.insert(resource.id(), found);
            }
        }
        Ok(observed)
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        self.write(|state| {
            let key = self.key(&resource.id());
            if let Some(there) = state.objects.get(&key) {
                let same = there.resource == *resource;
                return if same { Ok(Made::default()) } else { Err(changed("it is there, but otherwise")) };
            }
            self.wants(
                state,
                resource,
                &[Kind::Role, Kind::User, Kind::Policy, Kind::Queue, Kind::Function, Kind::Rule],
            )?;
            if let Resource::Function { code: None, .. } = resource {
                return Err(Error::new(ErrorKind::Other, "lambda:CreateFunction", "no code"));
            }
            state.clock += 1;
            let (created, revision) = (state.clock, state.clock.unsigned_abs());
            let mut made = Made::default();
            if resource.id().kind == Kind::AccessKey {
                made.access_key = Some(AccessKey { id: "AKIA1".to_owned(), secret: SECRET.to_owned() });
            }
            state.objects.insert(key, Object { resource: resource.clone(), created, revision, versions: 1 });
            Ok(made)
        })
        .await
    }

    async fn update(&self, resource: &Resource, _: &[Change], revision: Option<&str>) -> Result<Made, Error> {
        self.write(|state| {
            let object =
                state.objects.get_mut(&self.key(&resource.id())).ok_or_else(|| changed("it is gone"))?;
            if resource.id().kind == Kind::Function && revision != Some(&object.revision.to_string()) {
                return Err(changed("it has another revision"));
            }
            object.revision += 1_000;
            object.versions = (object.versions + 1).min(VERSIONS);
            let made = match resource {
                Resource::AccessKey { .. } => {
                    Some(AccessKey { id: "AKIA2".to_owned(), secret: SECRET.to_owned() })
                }
                _ => None,
            };
            object.resource = merged(resource, &object.resource);
            Ok(Made { access_key: made, backup: None })
        })
        .await
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        self.write(|state| {
            let id = resource.id();
            let attached = state.objects.keys().any(|(_, other)| {
                other.kind == Kind::Attachment && other.name.ends_with(&format!("/{}", id.name))
            });
            if id.kind == Kind::Policy && attached {
                return Err(Error::new(ErrorKind::Other, "iam:DeletePolicy", "it is attached"));
            }
            if id.kind == Kind::Rule
                && state
                    .objects
                    .keys()
                    .any(|(scope, other)| *scope == self.region && other.kind == Kind::Target)
            {
                return Err(Error::new(ErrorKind::Other, "events:DeleteRule", "it has targets"));
            }
            state.objects.remove(&self.key(&id));
            // What is in a role or user goes with it, whoever has put it there.
            if matches!(id.kind, Kind::Role | Kind::User) {
                let within = match id.kind {
                    Kind::User => format!("user/{}/", id.name),
                    _ => format!("{}/", id.name),
                };
                let parts = [Kind::Attachment, Kind::InlinePolicy];
                state.objects.retain(|(_, other), _| {
                    !(parts.contains(&other.kind) && other.name.starts_with(&within))
                });
            }
            Ok(Made::default())
        })
        .await
    }

    async fn check(&self, _: &Facts, _: &Check) -> Result<Verdict, Error> {
        self.call().await;
        Ok(Verdict { passed: true, detail: String::new() })
    }
}

fn list(clusters: Option<&String>) -> BTreeSet<String> {
    let names = clusters.into_iter().flat_map(|list| list.split(','));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

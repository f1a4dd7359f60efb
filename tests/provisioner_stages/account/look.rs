//! Reads, and what the tests check of the account's state.

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_provisioner::{
    facts::{Cluster, CurrentFunction, Facts, Identity, PreviousRuns},
    names::{self, CLUSTERS_VARIABLE, LAMBDA_ROLE, Registered},
    plan::{Found, Observed},
    provider::Error,
    resource::{
        AccessEntry, Attachment, Function, Id, InlinePolicy, InstanceProfile, Kind, Layer, Permission,
        Resource, Role, SecurityGroup, Target, User,
    },
};

use super::{ACCOUNT, Account, Object, Place, State};

impl Account {
    /// The facts of a cluster. The function is read before the register, as `facts` requires.
    pub(super) async fn facts_of(&self, cluster: &str) -> Result<Facts, Error> {
        let found = self
            .read("eks:DescribeCluster", |state| {
                state.clusters.get(&(self.region.clone(), cluster.to_owned())).cloned()
            })
            .await?;
        let cluster = found.unwrap_or_else(|| Cluster::gone(cluster, self.arn()));
        let place = self.place(&Id::new(Kind::Function, names::FUNCTION));
        let function = self.read("lambda:GetFunctionConfiguration", |state| current(state, &place)).await?;
        let register = self.read("iam:ListRolePolicies", |state| register(state)).await?;
        let vpc_id = function.as_ref().and_then(|function| function.vpc_id.clone());
        let is_open_question = cluster.is_gone() || vpc_id.is_none();
        let mut earlier =
            self.read("earlier", |state| earlier(state, &self.region, is_open_question)).await?;
        earlier.others = self.read("others", |state| others(state, &self.region, &cluster.name)).await?;
        let identity = Identity {
            partition: "aws".to_owned(),
            account: ACCOUNT.to_owned(),
            arn: format!("arn:aws:iam::{ACCOUNT}:root"),
        };
        Ok(Facts { identity, region: self.region.clone(), cluster, function, register, earlier })
    }

    pub(super) async fn look(&self, resources: &[&Resource]) -> Result<Observed, Error> {
        let mut observed = Observed::new();
        for resource in resources {
            let id = resource.id();
            let place = self.place(&id);
            let seen = self.read("look", |state| seen(state, &place, resource)).await?;
            observed.extend(seen);
        }
        Ok(observed)
    }
}

/// An object as the services show it: not all of them have dates or revisions, and inactive keys do not count.
pub(super) fn found(object: &Object) -> Option<Found> {
    let kind = object.resource.id().kind;
    if kind == Kind::AccessKey && !object.keys.iter().any(|(_, works)| *works) {
        return None;
    }
    let has_date = matches!(kind, Kind::Role | Kind::User | Kind::AccessEntry);
    let has_revision = matches!(kind, Kind::Function | Kind::AwsAuth);
    let revision = match kind {
        // The uid: an object is identified by it, not by its latest version.
        Kind::Manifest => Some(object.created.to_string()),
        _ => has_revision.then(|| object.revision.to_string()),
    };
    let created = has_date.then_some(object.created);
    Some(Found { created, revision, ..Found::from(object.resource.clone()) })
}

/// What a read of one resource returns: for an attachment, a target or a permission all of its whole; for a role or user, its
/// inline policies, too.
fn seen(state: &State, place: &Place, wanted: &Resource) -> Vec<(Id, Found)> {
    let is_shown = |object: &Object| match (&object.resource, wanted) {
        (
            Resource::Attachment(Attachment { principal, .. }),
            Resource::Attachment(Attachment { principal: of, .. }),
        ) => principal == of,
        (Resource::InlinePolicy(InlinePolicy { role, .. }), Resource::Role(Role { name, .. })) => {
            role == name
        }
        (Resource::InlinePolicy(InlinePolicy { role, .. }), Resource::User(User { name, .. })) => {
            role.strip_prefix("user/") == Some(name)
        }
        (Resource::Target(Target { rule, .. }), Resource::Target(Target { rule: of, .. })) => rule == of,
        (
            Resource::Permission(Permission { function, .. }),
            Resource::Permission(Permission { function: of, .. }),
        ) => function == of,
        _ => false,
    };
    let is_beside = |at: &Place, object: &Object| at.0 == place.0 && is_shown(object);
    let objects = state.objects.iter().filter(|(at, object)| *at == place || is_beside(at, object));
    objects.filter_map(|(at, object)| Some((at.1.clone(), found(object)?))).collect()
}

/// Remains of earlier onboardings.
fn earlier(state: &State, region: &str, is_open_question: bool) -> PreviousRuns {
    let groups = state.objects.iter().filter(|((scope, _), _)| is_open_question && scope == region);
    let vpcs = groups.filter_map(|(_, object)| match &object.resource {
        Resource::SecurityGroup(SecurityGroup { name, vpc_id, tags, .. })
            if name == names::SECURITY_GROUP && tags.contains_key(names::TAG_MANAGED) =>
        {
            Some(vpc_id.clone())
        }
        _ => None,
    });
    let layers = state.objects.iter().filter(|((scope, _), _)| scope == region);
    let layers = layers.filter_map(|(_, object)| match &object.resource {
        Resource::Layer(Layer { name, code }) if name == names::LAYER => Some(code.sha256.clone()),
        _ => None,
    });
    PreviousRuns {
        by_hash: clusters(state, |found| found.by_hash),
        vpcs: vpcs.collect(),
        layers: layers.collect(),
        role_tags: role_tags(state),
        ..PreviousRuns::default()
    }
}

/// Registered clusters of a region, but this one, that exist.
fn others(state: &State, region: &str, but: &str) -> Vec<Cluster> {
    let registered = register(state).into_iter().filter(|(of, name)| of == region && name != but);
    registered.filter_map(|cluster| state.clusters.get(&cluster).cloned()).collect()
}

fn role_tags(state: &State) -> BTreeMap<String, String> {
    let id = Id::new(Kind::Role, LAMBDA_ROLE);
    let role = state.objects.iter().find(|((_, at), _)| *at == id);
    role.and_then(|(_, object)| object.resource.tags().cloned()).unwrap_or_default()
}

fn current(state: &State, place: &Place) -> Option<CurrentFunction> {
    let object = state.objects.get(place)?;
    let Resource::Function(Function { environment, network, .. }) = &object.resource else { return None };
    Some(CurrentFunction {
        vpc_id: network.as_ref().map(|network| network.vpc_id.clone()),
        subnet_ids: network.as_ref().map(|network| network.subnet_ids.clone()).unwrap_or_default(),
        revision: Some(object.revision.to_string()),
        ..CurrentFunction::with(environment)
    })
}

/// Clusters that have an inline policy in the function's role.
pub(super) fn register(state: &State) -> BTreeSet<(String, String)> {
    clusters(state, |_| true)
}

fn clusters(state: &State, is_meant: fn(&Registered<'_>) -> bool) -> BTreeSet<(String, String)> {
    let names = state.objects.keys().filter(|(_, id)| id.kind == Kind::InlinePolicy);
    let names = names.filter_map(|(_, id)| id.name.strip_prefix(LAMBDA_ROLE)?.strip_prefix('/'));
    let registered = names.filter_map(names::registered).filter(is_meant);
    registered.map(|found| (found.region.to_owned(), found.cluster.to_owned())).collect()
}

/// Number of clusters that a managed function lists and the register does not.
pub(super) fn unregistered(state: &State) -> usize {
    let registered = register(state);
    let functions = state.objects.keys().filter(|(_, id)| *id == Id::new(Kind::Function, names::FUNCTION));
    let listed = functions.filter_map(|place| Some((&place.0, current(state, place)?.clusters)));
    let is_unregistered =
        |region: &String, name: &String| !registered.contains(&(region.clone(), name.clone()));
    listed.map(|(region, names)| names.iter().filter(|name| is_unregistered(region, name)).count()).sum()
}

impl Account {
    /// Objects that exist and do not work: access entries without a principal, served clusters that are not registered,
    /// parts without their whole.
    pub(crate) fn broken(&self) -> Vec<String> {
        let state = self.state();
        let registered = register(&state);
        let mut broken = Vec::new();
        for ((scope, id), object) in &state.objects {
            match &object.resource {
                Resource::AccessEntry(AccessEntry { principal, .. })
                    if object.lets_in != state.made(&principal.id()) =>
                {
                    broken.push(format!("{id} admits no principal"));
                }
                Resource::Function(Function { name, environment, .. }) if name == names::FUNCTION => {
                    let served = environment.get(CLUSTERS_VARIABLE).map_or("", String::as_str).split(',');
                    let unknown =
                        served.filter(|name| !registered.contains(&(scope.clone(), (*name).to_owned())));
                    broken.extend(unknown.map(|name| format!("{id} serves {name}, which is not registered")));
                }
                Resource::Function(Function { layer: Some(sha256), .. })
                    if !state.objects.contains_key(&(scope.clone(), Layer::id_of(names::LAYER, sha256))) =>
                {
                    broken.push(format!("{id} has a layer that does not exist"));
                }
                Resource::InstanceProfile(InstanceProfile { role, .. })
                    if !state.objects.contains_key(&("global".to_owned(), Id::new(Kind::Role, role))) =>
                {
                    broken.push(format!("{id} has no role"));
                }
                _ => {}
            }
        }
        broken
    }

    /// The variables of the function of the region.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let function = self.object(&Id::new(Kind::Function, names::FUNCTION)).map(|object| object.resource);
        match function {
            Some(Resource::Function(Function { environment, .. })) => environment,
            other => panic!("no function: {other:?}"),
        }
    }

    /// Clusters that the function of the region serves.
    pub(crate) fn served(&self) -> BTreeSet<String> {
        let place = self.place(&Id::new(Kind::Function, names::FUNCTION));
        current(&self.state(), &place).map(|function| function.clusters).unwrap_or_default()
    }

    /// Whether the cluster is registered.
    pub(crate) fn is_registered(&self) -> bool {
        register(&self.state()).contains(&(self.region.clone(), self.cluster.clone()))
    }
}

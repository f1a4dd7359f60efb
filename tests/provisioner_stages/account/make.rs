//! Creation: what must exist before, what exists already, and in how many calls.

use cast_spot_provisioner::{
    facts::AuthenticationMode,
    names::{LAMBDA_ROLE, LAMBDA_ROLE_SHARED, LAYER, TAG_RETENTION, VPC_ACCESS},
    provider::{AccessKey, Error, ErrorKind, Made},
    resource::{
        AccessEntry, Attachment, Function, Id, InstanceProfile, Kind, Layer, LogGroup, Permission, Principal,
        Queue, Resource, Rule, Target, last,
    },
};

use super::{ACCOUNT, Account, State, boundary_of, changed, refused};

/// The prefix of every secret.
pub(crate) const SECRET: &str = "secret-of-";
/// Keys of a user ("IAM and AWS STS quotas" in the IAM User Guide).
const MOST_KEYS: usize = 2;

impl Account {
    fn wants(&self, state: &State, call: &str, wanted: &[Id]) -> Result<(), Error> {
        match wanted.iter().find(|id| !state.objects.contains_key(&self.place(id))) {
            Some(id) => Err(refused(call, format!("{id} is not there"))),
            None => Ok(()),
        }
    }

    /// A call that refuses a name that is taken.
    async fn put_new(&self, call: &str, resource: &Resource, wanted: &[Id]) -> Result<(), Error> {
        let place = self.place(&resource.id());
        self.write(call, |state| {
            self.wants(state, call, wanted)?;
            if state.objects.contains_key(&place) {
                return Err(changed(call, format!("{} is there", place.1)));
            }
            state.put(place, resource.clone());
            Ok(())
        })
        .await
    }

    /// A call that replaces an existing resource.
    async fn put_over(&self, call: &str, resource: &Resource, wanted: &[Id]) -> Result<(), Error> {
        let place = self.place(&resource.id());
        self.write(call, |state| {
            self.wants(state, call, wanted)?;
            let there = state.objects.get(&place).map(|object| &object.resource);
            if there.is_none() {
                state.put(place, resource.clone());
            } else if there != Some(resource) {
                state.change(&place, |object| object.resource = resource.clone());
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn make(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Attachment(Attachment { principal, policy_arn }) => {
                self.attach(resource, principal, policy_arn).await?;
            }
            Resource::InstanceProfile(InstanceProfile { name, role, tags }) => {
                let empty = Resource::InstanceProfile(InstanceProfile {
                    name: name.clone(),
                    role: String::new(),
                    tags: tags.clone(),
                });
                self.put_new("iam:CreateInstanceProfile", &empty, &[]).await?;
                self.put_in(name, role).await?;
            }
            Resource::AccessKey(cast_spot_provisioner::resource::AccessKey { user, .. }) => {
                return self.new_key(user).await;
            }
            Resource::LogGroup(LogGroup { name, retention_days, tags }) => {
                let mut first = tags.clone();
                let last = first.remove(TAG_RETENTION);
                let group =
                    Resource::LogGroup(LogGroup { name: name.clone(), retention_days: 0, tags: first });
                self.put_new("logs:CreateLogGroup", &group, &[]).await?;
                self.keep_for(&resource.id(), *retention_days).await?;
                let put = |resource: &mut Resource| {
                    if let (Some(tags), Some(days)) = (resource.tags_mut(), last) {
                        tags.insert(TAG_RETENTION.to_owned(), days);
                    }
                };
                self.edit("logs:TagResource", &resource.id(), put).await?;
            }
            Resource::Queue(_) => self.make_queue(resource).await?,
            Resource::Function(_) => self.make_function(resource).await?,
            Resource::Permission(Permission { function, .. }) => {
                self.put_new("lambda:AddPermission", resource, &[Id::new(Kind::Function, function)]).await?;
            }
            Resource::Rule(_) => self.put_rule(resource).await?,
            Resource::Target(Target { rule, arn, .. }) => {
                let function = arn.rsplit(':').next().unwrap_or_default();
                let wanted = [Id::new(Kind::Rule, rule), Id::new(Kind::Function, function)];
                self.put_over("events:PutTargets", resource, &wanted).await?;
            }
            Resource::AccessEntry(_) => self.let_in(resource).await?,
            Resource::AwsAuth(_) => {
                self.reaches("update configmaps").await?;
                self.put_over("update configmaps", resource, &[]).await?;
            }
            Resource::Manifest(manifest) => self.apply(&resource.id(), manifest, &[], None).await?,
            _ if resource.tags().is_some() => {
                let boundary = boundary_of(resource).map(|arn| Id::new(Kind::Policy, last(arn)));
                self.put_new("create", resource, boundary.as_slice()).await?;
            }
            // A part of the first resource that it needs.
            _ => {
                let whole: Vec<Id> = resource.needs().into_iter().take(1).collect();
                self.put_over("put", resource, &whole).await?;
            }
        }
        Ok(Made::default())
    }

    async fn attach(&self, resource: &Resource, to: &Principal, policy_arn: &str) -> Result<(), Error> {
        let mut wanted = vec![to.id()];
        // AWS managed policies always exist.
        if policy_arn.contains(ACCOUNT) {
            wanted.push(Id::new(Kind::Policy, last(policy_arn)));
        }
        self.put_over("iam:AttachPolicy", resource, &wanted).await
    }

    /// Adds a role to an instance profile, which holds one role.
    pub(super) async fn put_in(&self, profile: &str, role: &str) -> Result<(), Error> {
        let call = "iam:AddRoleToInstanceProfile";
        let place = self.place(&Id::new(Kind::InstanceProfile, profile));
        self.write(call, |state| {
            self.wants(state, call, &[place.1.clone(), Id::new(Kind::Role, role)])?;
            let mut is_full = false;
            state.change(&place, |object| {
                if let Resource::InstanceProfile(InstanceProfile { role: there, .. }) = &mut object.resource {
                    is_full = !there.is_empty() && there != role;
                    if !is_full {
                        role.clone_into(there);
                    }
                }
            });
            if is_full { Err(Error::new(ErrorKind::Limit, call, "it has a role")) } else { Ok(()) }
        })
        .await
    }

    /// Creates an access key; of two keys, an inactive one is deleted first.
    pub(super) async fn new_key(&self, user: &str) -> Result<Made, Error> {
        let call = "iam:CreateAccessKey";
        let place = self.place(&Id::new(Kind::AccessKey, user));
        let old = self.read("iam:ListAccessKeys", |state| state.objects.get(&place).cloned()).await?;
        let old = old.map(|object| object.keys).unwrap_or_default();
        if old.len() >= MOST_KEYS {
            let unused = old.iter().find(|(_, works)| !works);
            let Some((unused, _)) = unused else {
                return Err(Error::new(ErrorKind::Limit, call, "two keys"));
            };
            self.delete_key(&place, unused).await?;
        }
        self.write(call, |state| {
            self.wants(state, call, &[Id::new(Kind::User, user)])?;
            let id = if let Some(there) = state.objects.get(&place) {
                if there.keys.len() >= MOST_KEYS {
                    return Err(Error::new(ErrorKind::Limit, call, "two keys"));
                }
                let id = format!("AKIA{}", state.tick());
                state.change(&place, |object| object.keys.push((id.clone(), true)));
                id
            } else {
                state.put(
                    place.clone(),
                    Resource::AccessKey(cast_spot_provisioner::resource::AccessKey {
                        user: user.to_owned(),
                        rotate: false,
                    }),
                );
                state.objects[&place].keys[0].0.clone()
            };
            let secret = format!("{SECRET}{id}");
            Ok(Made { access_key: Some(AccessKey { id, secret }), ..Made::default() })
        })
        .await
    }

    pub(super) async fn keep_for(&self, group: &Id, days: i32) -> Result<(), Error> {
        let call = "logs:PutRetentionPolicy";
        self.edit(call, group, |resource| {
            if let Resource::LogGroup(LogGroup { retention_days, .. }) = resource {
                *retention_days = days;
            }
        })
        .await
    }

    /// CreateQueue: the same attributes again are not an error; tags are ignored ("CreateQueue" in the SQS API
    /// reference).
    async fn make_queue(&self, resource: &Resource) -> Result<(), Error> {
        let place = self.place(&resource.id());
        let attributes = |resource: &Resource| match resource {
            Resource::Queue(Queue { retention_seconds, policy, .. }) => {
                Some((*retention_seconds, policy.clone()))
            }
            _ => None,
        };
        self.write("sqs:CreateQueue", |state| match state.objects.get(&place) {
            Some(there) if attributes(&there.resource) == attributes(resource) => Ok(()),
            Some(_) => Err(changed("sqs:CreateQueue", "it has other attributes")),
            None => {
                state.put(place, resource.clone());
                Ok(())
            }
        })
        .await
    }

    /// Creates a function; Lambda checks that the role may send to the queue and enter the VPC.
    async fn make_function(&self, resource: &Resource) -> Result<(), Error> {
        let Resource::Function(Function { code, role_arn, dead_letter_arn, network, layer, .. }) = resource
        else {
            return Ok(());
        };
        let call = "lambda:CreateFunction";
        if code.is_none() {
            return Err(refused(call, "no code"));
        }
        let role = Principal::Role(last(role_arn).to_owned());
        let mut wanted = vec![
            role.id(),
            Id::new(Kind::InlinePolicy, format!("{LAMBDA_ROLE}/{LAMBDA_ROLE_SHARED}")),
            Id::new(Kind::Queue, dead_letter_arn.rsplit(':').next().unwrap_or_default()),
        ];
        if let Some(network) = network {
            let group = format!("{}/{}", network.vpc_id, network.security_group);
            wanted.extend([Id::new(Kind::SecurityGroup, group), Attachment::id_of(&role, VPC_ACCESS)]);
        }
        wanted.extend(layer.iter().map(|sha256| Layer::id_of(LAYER, sha256)));
        self.put_new(call, resource, &wanted).await
    }

    /// PutRule: keeps the tags of an existing rule ("PutRule" in the EventBridge API reference).
    pub(super) async fn put_rule(&self, wanted: &Resource) -> Result<(), Error> {
        let place = self.place(&wanted.id());
        self.write("events:PutRule", |state| {
            if !state.objects.contains_key(&place) {
                state.put(place, wanted.clone());
                return Ok(());
            }
            state.change(&place, |object| {
                let mut put = wanted.clone();
                if let (Resource::Rule(Rule { tags, .. }), Some(old)) = (&mut put, object.resource.tags()) {
                    tags.clone_from(old);
                }
                object.resource = put;
            });
            Ok(())
        })
        .await
    }

    async fn let_in(&self, resource: &Resource) -> Result<(), Error> {
        let Resource::AccessEntry(AccessEntry { principal, policies, .. }) = resource else { return Ok(()) };
        let call = "eks:CreateAccessEntry";
        let cluster = (self.region.clone(), self.cluster.clone());
        let mode =
            self.read(call, |state| state.clusters.get(&cluster).map(|found| found.authentication_mode));
        if mode.await?.is_none_or(|mode| mode == AuthenticationMode::ConfigMap) {
            return Err(refused(call, "the cluster is not there, or reads aws-auth only"));
        }
        let mut bare = resource.clone();
        if let Resource::AccessEntry(AccessEntry { policies, .. }) = &mut bare {
            policies.clear();
        }
        self.put_new(call, &bare, &[principal.id()]).await?;
        for policy in policies {
            self.associate(&resource.id(), policy).await?;
        }
        Ok(())
    }

    pub(super) async fn associate(&self, entry: &Id, policy: &str) -> Result<(), Error> {
        self.edit("eks:AssociateAccessPolicy", entry, |resource| {
            if let Resource::AccessEntry(AccessEntry { policies, .. }) = resource
                && !policies.iter().any(|there| there == policy)
            {
                policies.push(policy.to_owned());
            }
        })
        .await
    }

    /// Fails if the cluster has been deleted: its API server does not answer.
    pub(super) async fn reaches(&self, call: &str) -> Result<(), Error> {
        let cluster = (self.region.clone(), self.cluster.clone());
        let is_there = self.read(call, |state| state.clusters.contains_key(&cluster)).await?;
        if is_there { Ok(()) } else { Err(Error::new(ErrorKind::Unreachable, call, "no such host")) }
    }
}

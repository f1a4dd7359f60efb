//! Updates, in as many calls as AWS needs for them.

use cast_spot_provisioner::{
    names::LAYER,
    plan::Change,
    provider::{Error, ErrorKind, Made},
    resource::{
        AccessEntry, AccessKey, Function, Id, InstanceProfile, Kind, Layer, Policy, Resource, TagChanges,
        touches,
    },
};

use super::{
    Account, Place, changed,
    changes::{configure, replace_code},
    refused,
};

/// Versions of a policy ("IAM and AWS STS quotas" in the IAM User Guide).
pub(crate) const MOST_VERSIONS: usize = 5;

impl Account {
    /// Changes an existing resource in one call; refused if it does not exist.
    pub(super) async fn edit(
        &self,
        call: &str,
        id: &Id,
        edit: impl FnOnce(&mut Resource),
    ) -> Result<(), Error> {
        let place = self.place(id);
        self.write(call, |state| {
            let is_there = state.change(&place, |object| edit(&mut object.resource));
            if is_there { Ok(()) } else { Err(refused(call, format!("{id} is not there"))) }
        })
        .await
    }

    pub(super) async fn alter(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        let id = resource.id();
        match resource {
            Resource::Policy(Policy { document, .. }) => {
                if touches(changes, "document") {
                    self.new_version(&id, document).await?;
                }
            }
            Resource::InstanceProfile(InstanceProfile { name, role, .. }) => {
                if touches(changes, "role") {
                    self.empty(&id).await?;
                    self.put_in(name, role).await?;
                }
            }
            Resource::Function(_) => {
                // The tags first: by them it can be written.
                self.tag(resource, changes).await?;
                self.alter_function(resource, changes, revision).await?;
                return Ok(Made::default());
            }
            Resource::Rule(_) => {
                if touches(changes, "pattern") || touches(changes, "schedule") {
                    self.put_rule(resource).await?;
                }
            }
            Resource::AccessEntry(_) => self.alter_entry(resource, changes).await?,
            Resource::AccessKey(AccessKey { user, .. }) => return self.rotate(user).await,
            Resource::Permission(_) => {
                self.remove(resource).await?;
                return self.make(resource).await;
            }
            Resource::Manifest(manifest) => {
                return self.apply(&id, manifest, changes, revision).await.map(|()| Made::default());
            }
            _ if resource.tags().is_none() => return self.make(resource).await,
            _ if changes.iter().all(|change| change.field.starts_with("tags.")) => {}
            _ => self.replace_fields(resource).await?,
        }
        self.tag(resource, changes).await?;
        Ok(Made::default())
    }

    /// Replaces all fields but the tags.
    async fn replace_fields(&self, wanted: &Resource) -> Result<(), Error> {
        self.edit("update", &wanted.id(), |there| {
            let tags = there.tags().cloned();
            there.clone_from(wanted);
            if let (Some(put), Some(tags)) = (there.tags_mut(), tags) {
                *put = tags;
            }
        })
        .await
    }

    async fn tag(&self, resource: &Resource, changes: &[Change]) -> Result<(), Error> {
        let TagChanges { set, removed } = TagChanges::of(changes);
        if !set.is_empty() {
            let put = |resource: &mut Resource| {
                resource.tags_mut().into_iter().for_each(|tags| tags.extend(set.clone()));
            };
            self.edit("tag", &resource.id(), put).await?;
        }
        if !removed.is_empty() {
            let remove = |resource: &mut Resource| {
                resource.tags_mut().into_iter().for_each(|tags| tags.retain(|key, _| !removed.contains(key)));
            };
            self.edit("untag", &resource.id(), remove).await?;
        }
        Ok(())
    }

    /// Creates a version of a policy; of five, the oldest is deleted first.
    async fn new_version(&self, id: &Id, document: &serde_json::Value) -> Result<(), Error> {
        let (place, call) = (self.place(id), "iam:CreatePolicyVersion");
        let there = self.read("iam:ListPolicyVersions", |state| {
            state.objects.get(&place).map_or(0, |object| object.versions)
        });
        if there.await? >= MOST_VERSIONS {
            self.write("iam:DeletePolicyVersion", |state| {
                state.change(&place, |object| object.versions -= 1);
                Ok(())
            })
            .await?;
        }
        self.write(call, |state| {
            let mut is_full = false;
            let is_there = state.change(&place, |object| {
                is_full = object.versions >= MOST_VERSIONS;
                if let Resource::Policy(Policy { document: there, .. }) = &mut object.resource
                    && !is_full
                {
                    there.clone_from(document);
                    object.versions += 1;
                }
            });
            match (is_there, is_full) {
                (true, false) => Ok(()),
                (true, true) => Err(Error::new(ErrorKind::Limit, call, "five versions")),
                (false, _) => Err(refused(call, "it is not there")),
            }
        })
        .await
    }

    /// Removes the role of an instance profile; succeeds if there is no profile.
    pub(super) async fn empty(&self, profile: &Id) -> Result<(), Error> {
        let place = self.place(profile);
        self.write("iam:RemoveRoleFromInstanceProfile", |state| {
            state.change(&place, |object| {
                if let Resource::InstanceProfile(InstanceProfile { role, .. }) = &mut object.resource {
                    role.clear();
                }
            });
            Ok(())
        })
        .await
    }

    /// Whether the code that runs is on record.
    fn is_kept(&self, wanted: &Resource) -> bool {
        let running = self.object(&wanted.id()).map(|object| object.resource);
        let (Some(Resource::Function(Function { code: Some(code), .. })), Resource::Function(wanted)) =
            (running, wanted)
        else {
            return false;
        };
        wanted.record.has(&code.sha256)
    }

    /// Publishes a version, unless nothing has changed since the last one.
    async fn publish(&self, place: &Place, revision: u64) -> Result<(), Error> {
        let call = "lambda:PublishVersion";
        self.write(call, |state| {
            let Some(there) = state.objects.get(place).filter(|there| there.revision == revision) else {
                return Err(changed(call, "it has another revision, or none"));
            };
            let (resource, versions) =
                (there.resource.clone(), state.published.entry(place.clone()).or_default());
            // The alias and the older ones are in `resource/function/aws/versions/tests.rs`.
            *versions = vec![resource];
            Ok(())
        })
        .await
    }

    /// Updates configuration and code; each call names the revision that it expects.
    async fn alter_function(
        &self,
        wanted: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<(), Error> {
        if changes.iter().all(|change| change.field.starts_with("tags.")) {
            return Ok(());
        }
        let (place, call) = (self.place(&wanted.id()), "lambda:UpdateFunctionConfiguration");
        let now = || self.read(call, |state| state.objects.get(&place).map(|object| object.revision));
        let before = now().await?.ok_or_else(|| refused(call, "it is not there"))?;
        if revision.is_some_and(|revision| revision != before.to_string()) {
            return Err(changed(call, "it has been changed since"));
        }
        let is_code = |change: &Change| change.field == "code" || change.field == "architecture";
        let is_setting = |change: &Change| !change.field.starts_with("tags.") && !is_code(change);
        let put = async |revision: u64, put: fn(&mut Resource, &Resource)| {
            self.write(call, |state| match state.objects.get(&place).map(|object| object.revision) {
                Some(there) if there == revision => {
                    // Lambda refuses a layer that does not exist; this one has been deleted meanwhile.
                    if let Resource::Function(Function { layer: Some(sha256), .. }) = wanted
                        && touches(changes, "layer")
                        && !state.objects.contains_key(&self.place(&Layer::id_of(LAYER, sha256)))
                    {
                        return Err(changed(call, "the layer does not exist"));
                    }
                    state.change(&place, |object| put(&mut object.resource, wanted));
                    Ok(())
                }
                Some(_) => Err(changed(call, "it has another revision")),
                None => Err(refused(call, "it is not there")),
            })
            .await
        };
        let mut revision = before;
        if changes.iter().any(is_code) && self.is_kept(wanted) {
            self.publish(&place, before).await?;
        }
        if changes.iter().any(is_setting) {
            put(revision, configure).await?;
            revision = now().await?.unwrap_or_default();
        }
        if changes.iter().any(is_code) {
            put(revision, replace_code).await?;
        }
        Ok(())
    }

    async fn alter_entry(&self, wanted: &Resource, changes: &[Change]) -> Result<(), Error> {
        let Resource::AccessEntry(AccessEntry { username, groups, policies, .. }) = wanted else {
            return Ok(());
        };
        let id = wanted.id();
        if touches(changes, "groups") || touches(changes, "username") {
            self.edit("eks:UpdateAccessEntry", &id, |resource| {
                if let Resource::AccessEntry(there) = resource {
                    there.username.clone_from(username);
                    there.groups.clone_from(groups);
                }
            })
            .await?;
        }
        if touches(changes, "policies") {
            for policy in policies {
                self.associate(&id, policy).await?;
            }
            self.edit("eks:DisassociateAccessPolicy", &id, |resource| {
                if let Resource::AccessEntry(AccessEntry { policies: there, .. }) = resource {
                    there.retain(|policy| policies.contains(policy));
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Creates a key, then deactivates the old ones, which stay.
    async fn rotate(&self, user: &str) -> Result<Made, Error> {
        let made = self.new_key(user).await?;
        let new = made.access_key.as_ref().map(|key| key.id.clone()).unwrap_or_default();
        let place = self.place(&Id::new(Kind::AccessKey, user));
        let switched = self.write("iam:UpdateAccessKey", |state| {
            state.change(&place, |object| {
                for (_, works) in object.keys.iter_mut().filter(|(id, _)| *id != new) {
                    *works = false;
                }
            });
            Ok(())
        });
        let warning = switched.await.err().map(|error| format!("an old key is still active: {error}"));
        Ok(Made { warning, ..made })
    }
}

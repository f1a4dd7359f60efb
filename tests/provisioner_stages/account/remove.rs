//! Deletion, contents first: AWS deletes only what is empty.

use cast_spot_provisioner::{
    provider::{Error, ErrorKind},
    resource::{
        AccessKey, Attachment, Function, Id, Ingress, InstanceProfile, Kind, Policy, Principal, Resource,
        Role, Rule, SecurityGroup, User, last,
    },
};

use super::{Account, Object, Place, State, boundary_of, changed, refused};

impl Account {
    async fn delete(&self, call: &str, id: &Id) -> Result<(), Error> {
        self.delete_unless(call, id, |_| None).await
    }

    /// Deletes a resource; succeeds if it does not exist, fails if another one needs it.
    async fn delete_unless(
        &self,
        call: &str,
        id: &Id,
        needed: impl FnOnce(&State) -> Option<Error>,
    ) -> Result<(), Error> {
        let place = self.place(id);
        self.write(call, |state| match needed(state) {
            Some(error) if state.objects.contains_key(&place) => Err(error),
            _ => {
                state.objects.remove(&place);
                Ok(())
            }
        })
        .await
    }

    pub(super) async fn remove(&self, resource: &Resource) -> Result<(), Error> {
        let id = resource.id();
        match resource {
            Resource::Policy(Policy { arn, .. }) => {
                self.delete_unless("iam:DeletePolicy", &id, |state| {
                    let still = is_attached(state, arn);
                    still.then(|| refused("iam:DeletePolicy", format!("{arn} is still attached")))
                })
                .await
            }
            Resource::Role(Role { name, .. }) => self.remove_role(name).await,
            Resource::User(User { name, .. }) => self.remove_user(name).await,
            Resource::InstanceProfile(_) => {
                if self.read("iam:GetInstanceProfile", |state| holds_role(self, state, &id)).await? {
                    self.empty(&id).await?;
                }
                self.delete_unless("iam:DeleteInstanceProfile", &id, |state| {
                    holds_role(self, state, &id)
                        .then(|| changed("iam:DeleteInstanceProfile", "it has a role"))
                })
                .await
            }
            Resource::AccessKey(AccessKey { user, .. }) => self.remove_keys(user).await,
            Resource::SecurityGroup(SecurityGroup { name, vpc_id, .. }) => {
                self.remove_group(&id, name, vpc_id).await
            }
            Resource::Function(Function { name, .. }) => self.remove_function(&id, name).await,
            Resource::Rule(Rule { name, .. }) => {
                let within = format!("{name}/");
                self.delete_all("events:RemoveTargets", |(scope, part)| {
                    *scope == self.region && part.kind == Kind::Target && part.name.starts_with(&within)
                })
                .await?;
                self.delete_unless("events:DeleteRule", &id, |state| {
                    let left = state.objects.keys().any(|(scope, part)| {
                        *scope == self.region && part.kind == Kind::Target && part.name.starts_with(&within)
                    });
                    left.then(|| refused("events:DeleteRule", "it has targets"))
                })
                .await
            }
            Resource::AwsAuth(_) => {
                self.reaches("delete").await?;
                self.delete("delete", &id).await
            }
            Resource::Manifest(manifest) => self.remove_manifest(&id, manifest).await,
            _ => self.delete("delete", &id).await,
        }
    }

    /// Deletes the matching resources, in one call each.
    async fn delete_all(&self, call: &str, which: impl Fn(&Place) -> bool) -> Result<(), Error> {
        let all = self.read(call, |state| {
            state.objects.keys().filter(|place| which(place)).cloned().collect::<Vec<_>>()
        });
        for (_, id) in all.await? {
            self.delete(call, &id).await?;
        }
        Ok(())
    }

    async fn remove_role(&self, name: &str) -> Result<(), Error> {
        let role = Principal::Role(name.to_owned());
        self.delete_all("iam:DetachRolePolicy", |(_, id)| is_attachment_of(id, &role)).await?;
        self.delete_all("iam:DeleteRolePolicy", |(_, id)| is_inline(id, name)).await?;
        let profiles = self.read("iam:ListInstanceProfilesForRole", |state| {
            state
                .objects
                .values()
                .filter(|object| holds(object, name))
                .map(|object| object.resource.id())
                .collect()
        });
        let profiles: Vec<Id> = profiles.await?;
        for profile in &profiles {
            self.empty(profile).await?;
        }
        self.delete_unless("iam:DeleteRole", &role.id(), |state| {
            let has_parts =
                state.objects.keys().any(|(_, id)| is_attachment_of(id, &role) || is_inline(id, name));
            let is_in = state.objects.values().any(|object| holds(object, name));
            (has_parts || is_in).then(|| changed("iam:DeleteRole", "it is not empty"))
        })
        .await
    }

    async fn remove_user(&self, name: &str) -> Result<(), Error> {
        let user = Principal::User(name.to_owned());
        self.remove_keys(name).await?;
        self.delete_all("iam:DetachUserPolicy", |(_, id)| is_attachment_of(id, &user)).await?;
        self.delete_unless("iam:DeleteUser", &user.id(), |state| {
            let left = state.objects.keys().any(|(_, id)| {
                is_attachment_of(id, &user) || (id.kind == Kind::AccessKey && id.name == name)
            });
            left.then(|| changed("iam:DeleteUser", "it is not empty"))
        })
        .await
    }

    async fn remove_keys(&self, user: &str) -> Result<(), Error> {
        let place = self.place(&Id::new(Kind::AccessKey, user));
        let keys = self.read("iam:ListAccessKeys", |state| {
            state.objects.get(&place).map(|object| object.keys.clone()).unwrap_or_default()
        });
        for (key, _) in keys.await? {
            self.delete_key(&place, &key).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_key(&self, place: &Place, key: &str) -> Result<(), Error> {
        self.write("iam:DeleteAccessKey", |state| {
            let mut left = 0;
            state.change(place, |object| {
                object.keys.retain(|(id, _)| id != key);
                left = object.keys.len();
            });
            if left == 0 {
                state.objects.remove(place);
            }
            Ok(())
        })
        .await
    }

    async fn remove_group(&self, id: &Id, name: &str, vpc_id: &str) -> Result<(), Error> {
        self.delete_unless("ec2:DeleteSecurityGroup", id, |state| {
            let uses = |resource: &Resource| match resource {
                Resource::Ingress(Ingress { from, vpc_id: vpc, .. }) => from == name && vpc == vpc_id,
                Resource::Function(Function { network: Some(network), .. }) => {
                    network.security_group == name && network.vpc_id == vpc_id
                }
                _ => false,
            };
            let is_used = state.objects.values().any(|object| uses(&object.resource));
            is_used.then(|| Error::new(ErrorKind::Other, "ec2:DeleteSecurityGroup", "DependencyViolation"))
        })
        .await
    }

    /// Deletes a function with its configuration and permissions.
    async fn remove_function(&self, id: &Id, name: &str) -> Result<(), Error> {
        let place = self.place(id);
        self.write("lambda:DeleteFunction", |state| {
            state.objects.remove(&place);
            state.published.remove(&place);
            let within = format!("{name}/");
            state.objects.retain(|(scope, part), _| {
                let is_part = match part.kind {
                    Kind::InvokeConfig => part.name == name,
                    Kind::Permission => part.name.starts_with(&within),
                    _ => false,
                };
                !(is_part && *scope == self.region)
            });
            Ok(())
        })
        .await
    }
}

/// Whether a principal has it, as a policy or as its boundary.
fn is_attached(state: &State, arn: &str) -> bool {
    state.objects.values().any(|object| match &object.resource {
        Resource::Attachment(Attachment { policy_arn, .. }) => last(policy_arn) == last(arn),
        resource => boundary_of(resource) == Some(arn),
    })
}

fn is_attachment_of(id: &Id, principal: &Principal) -> bool {
    let within = match principal {
        Principal::Role(name) => format!("{name}/"),
        Principal::User(name) => format!("user/{name}/"),
    };
    id.kind == Kind::Attachment && id.name.starts_with(&within)
}

fn is_inline(id: &Id, role: &str) -> bool {
    id.kind == Kind::InlinePolicy && id.name.starts_with(&format!("{role}/"))
}

fn holds(object: &Object, name: &str) -> bool {
    matches!(&object.resource, Resource::InstanceProfile(InstanceProfile { role, .. }) if role == name)
}

fn holds_role(account: &Account, state: &State, profile: &Id) -> bool {
    let found = state.objects.get(&account.place(profile)).map(|object| &object.resource);
    matches!(found, Some(Resource::InstanceProfile(InstanceProfile { role, .. })) if !role.is_empty())
}

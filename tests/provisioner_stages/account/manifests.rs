//! Objects of Kubernetes, as strict as the API server where an order matters or a field cannot be changed.

use cast_spot_provisioner::{
    connect::NamespaceContents,
    provider::Error,
    resource::{Change, Id, Kind, Manifest, Resource},
};
use serde_json::Value;

use super::{Account, changed, refused};

impl Account {
    /// Server-side apply: sets the given fields and keeps all others but those whose change takes them off. Refused if the uid is that of another object of
    /// the same name; without a uid, also if it would take over fields from another manager.
    pub(super) async fn apply(
        &self,
        id: &Id,
        wanted: &Manifest,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<(), Error> {
        self.reaches("patch").await?;
        let (place, namespace) = (self.place(id), namespace_of(wanted));
        self.write("patch", |state| {
            if let Some(namespace) = &namespace
                && !state.objects.contains_key(&self.place(namespace))
            {
                return Err(refused("patch", format!("{namespace} is not there")));
            }
            let there = state.objects.get(&place).map(|object| (object.created.to_string(), object));
            match (there, revision) {
                (None, Some(_)) => Err(changed("patch", "it is not there")),
                (None, None) => {
                    state.put(place, Resource::Manifest(wanted.clone()));
                    Ok(())
                }
                (Some((uid, _)), Some(revision)) if uid != revision => {
                    Err(changed("patch", "it is another one of this name"))
                }
                (Some((_, object)), _) => {
                    let Resource::Manifest(manifest) = &object.resource else { return Ok(()) };
                    let mut value = manifest.value().clone();
                    if revision.is_none() && takes(wanted.value(), &value) {
                        return Err(changed("patch", "conflicts with another field manager"));
                    }
                    let selector = value["spec"]["selector"].clone();
                    if !selector.is_null() && wanted.value()["spec"]["selector"] != selector {
                        return Err(refused("patch", "spec.selector: field is immutable"));
                    }
                    put(wanted.value(), &mut value);
                    for change in changes.iter().filter(|change| change.to.is_empty()) {
                        take_off(&change.field, &mut value);
                    }
                    state.change(&place, |object| {
                        object.resource = Resource::Manifest(Manifest::new(value));
                    });
                    Ok(())
                }
            }
        })
        .await
    }

    /// Deletes an object; a namespace with its content.
    pub(super) async fn remove_manifest(&self, id: &Id, there: &Manifest) -> Result<(), Error> {
        self.reaches("delete").await?;
        let (place, within) = (self.place(id), there.name());
        let is_namespace = there.kind() == "Namespace";
        self.write("delete", |state| {
            state.objects.remove(&place);
            state.objects.retain(|(scope, _), object| {
                let is_in = matches!(&object.resource, Resource::Manifest(manifest)
                    if manifest.namespace() == Some(within));
                !(is_namespace && is_in && *scope == place.0)
            });
            Ok(())
        })
        .await
    }
}

fn namespace_of(manifest: &Manifest) -> Option<Id> {
    manifest.namespace().map(|name| Id::new(Kind::Manifest, format!("Namespace/{name}")))
}

impl NamespaceContents for Account {
    async fn unmanaged_objects(&self, namespace: &str) -> Result<Vec<String>, Vec<Error>> {
        let scope = self.place(&Id::new(Kind::Manifest, String::new())).0;
        let all = self.read("list", |state| {
            let objects = state.objects.iter().filter(|((of, _), _)| *of == scope);
            let manifests = objects.filter_map(|(_, object)| match &object.resource {
                Resource::Manifest(manifest) if manifest.namespace() == Some(namespace) => Some(manifest),
                _ => None,
            });
            let others = manifests
                .filter(|manifest| manifest.label("app.kubernetes.io/managed-by") != Some("cast-spot"));
            others.map(|manifest| format!("{}/{}", manifest.kind(), manifest.name())).collect::<Vec<_>>()
        });
        all.await.map_err(|error| vec![error])
    }
}

/// Whether `wanted` changes a field of `there`.
fn takes(wanted: &Value, there: &Value) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            wanted.iter().any(|(key, value)| there.get(key).is_some_and(|there| takes(value, there)))
        }
        (wanted, there) => wanted != there,
    }
}

fn put(wanted: &Value, there: &mut Value) {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            for (key, value) in wanted {
                put(value, there.entry(key.clone()).or_insert(Value::Null));
            }
        }
        (wanted, there) => *there = wanted.clone(),
    }
}

fn take_off(path: &str, there: &mut Value) {
    let Value::Object(there) = there else { return };
    there.remove(path);
    for (key, value) in there {
        if let Some(path) = path.strip_prefix(key).and_then(|rest| rest.strip_prefix('.')) {
            take_off(path, value);
        }
    }
}

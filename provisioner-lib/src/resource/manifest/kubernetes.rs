//! Objects of any kind, by server-side apply.

use std::time::Duration;

use http::Method;
use kube::{
    Resource as _,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Manifest, merged};
use crate::{
    names::FIELD_MANAGER,
    provider::{Kubernetes, gone, live::prelude::*},
    resource::{Changes, Describe},
};

/// How long an object may take to disappear after its deletion: a namespace waits for its content.
const DELETE_TIMEOUT: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(250);

/// Where an object is, and what its kind is called in a path.
struct Place {
    plural: String,
    collection: String,
    name: String,
}

impl Place {
    fn of(manifest: &Manifest) -> Self {
        let version = manifest.value()["apiVersion"].as_str().unwrap_or_default();
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, manifest.kind()));
        let collection = DynamicObject::url_path(&kind, manifest.namespace());
        Self { plural: kind.plural, collection, name: manifest.name().to_owned() }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }

    /// The name by which rights to it are granted.
    fn call(&self, verb: &str) -> String {
        format!("{verb} {}", self.plural)
    }
}

impl Live<Kubernetes> for Manifest {
    /// The revision is what an update must meet: the object's unique id, or its version where others must not have
    /// changed it since. Objects with a status change all the time, RBAC does not.
    async fn find(&self, kubernetes: &Kubernetes, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let place = Place::of(self);
        let Some(there) = kubernetes.get(&place.call("get"), &place.path()).await? else { return Ok(None) };
        let revision = there["metadata"][self.revision_field()].as_str().map(str::to_owned);
        let there = Self::new(self.without_what_returns(kubernetes, &place, there).await);
        Ok(Some(Found { revision, ..Found::from(there) }))
    }

    /// Not by force: an object that others have made meanwhile keeps its values.
    async fn create(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        apply(kubernetes, &Place::of(self), self.value(), false).await.map(Made::alone)
    }

    /// The object that was observed, and no later one of its name. What others have put into it would stay in an apply,
    /// and may contradict what is applied: it is written as a whole, before or, where only the answer shows it, after.
    async fn update(
        &self,
        api: &Kubernetes,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        let place = Place::of(self);
        let field = self.revision_field();
        let at = |mut object: Value, revision: Value| {
            object["metadata"][field] = revision;
            object
        };
        let mut body = self.value().clone();
        if let Some(revision) = revision {
            body = at(body, json!(revision));
        }
        if changes.iter().any(|change| change.to.is_empty()) {
            let call = place.call("get");
            let there = api.get(&call, &place.path()).await?.ok_or_else(|| gone(&call))?;
            let made = replace(api, &place, &merged(&body, &there), "").await?;
            if revision.is_some() {
                body = at(body, made["metadata"][field].clone());
            }
        }
        let there = apply(api, &place, &body, true).await?;
        if !self.differs(&there).is_empty() {
            replace(api, &place, &merged(self.value(), &there), "").await?;
        }
        Ok(Made::default())
    }

    /// Returns when it is gone.
    async fn delete(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        let place = Place::of(self);
        let mut options = json!({ "propagationPolicy": "Background" });
        if let Some(uid) = uid(self.value()) {
            options["preconditions"] = json!({ "uid": uid });
        }
        let call = place.call("delete");
        match kubernetes.send(&call, Method::DELETE, &place.path(), Some(&options)).await {
            Ok(None) => return Ok(Made::default()),
            // Also the answer about one whose deletion has begun: then it is waited for.
            Err(error) if error.reason == ErrorKind::Changed => {
                let there = kubernetes.get(&place.call("get"), &place.path()).await?;
                if there.is_some_and(|object| !is_going(&object)) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
            Ok(Some(_)) => {}
        }
        let end = Instant::now() + DELETE_TIMEOUT;
        loop {
            let left = kubernetes.get(&place.call("get"), &place.path()).await?;
            // One whose deletion has not begun is another one.
            let Some(left) = left.filter(is_going) else { return Ok(Made::default()) };
            if Instant::now() > end {
                return Err(still_there(&call, &left));
            }
            sleep(PAUSE).await;
        }
    }
}

impl Manifest {
    fn revision_field(&self) -> &'static str {
        if self.is_handlers_rbac() { "resourceVersion" } else { "uid" }
    }

    fn differs(&self, there: &Value) -> Vec<Change> {
        let mut changes = Changes::default();
        self.compare(&Self::new(there.clone()), &mut changes);
        changes.0
    }

    /// The object of ours that is there, but for fields that come back however often they are taken off: defaults of
    /// a later API server, and what an admission webhook adds. It is asked by a dry run. Without an answer they stay.
    async fn without_what_returns(&self, api: &Kubernetes, place: &Place, mut there: Value) -> Value {
        let is_ours = self
            .owner_label()
            .is_some_and(|label| self.label(label) == Self::new(there.clone()).label(label));
        if is_ours && !self.differs(&there).is_empty() {
            let whole = merged(self.value(), &there);
            if let Ok(made) = replace(api, place, &whole, "&dryRun=All").await {
                remove_returning(&mut there, &whole, &made);
            }
        }
        there
    }
}

/// Removes from an object what is not written and comes nevertheless.
fn remove_returning(there: &mut Value, written: &Value, made: &Value) {
    match there {
        Value::Object(there) => {
            there.retain(|key, value| written.get(key).is_some() || made.get(key) != Some(value));
            for (key, value) in there {
                remove_returning(value, &written[key], &made[key]);
            }
        }
        Value::Array(there) => {
            for (index, value) in there.iter_mut().enumerate() {
                remove_returning(value, &written[index], &made[index]);
            }
        }
        _ => {}
    }
}

async fn apply(kubernetes: &Kubernetes, place: &Place, body: &Value, force: bool) -> Result<Value, Error> {
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force={force}", place.path());
    kubernetes.write(&place.call("patch"), Method::PATCH, &path, body).await
}

/// Writes the object as a whole, in the version of `whole`.
async fn replace(api: &Kubernetes, place: &Place, whole: &Value, options: &str) -> Result<Value, Error> {
    let path = format!("{}?fieldManager={FIELD_MANAGER}{options}", place.path());
    api.write(&place.call("update"), Method::PUT, &path, whole).await
}

fn is_going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn still_there(call: &str, object: &Value) -> Error {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let reasons: Vec<&str> = conditions
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["message"].as_str())
        .collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    let message = format!("deleted, but still there after {} s{reasons}", DELETE_TIMEOUT.as_secs());
    Error::new(ErrorKind::Other, call, message)
        .hint("it is held by finalizers; resolve them, then run it again")
}

fn uid(object: &Value) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}

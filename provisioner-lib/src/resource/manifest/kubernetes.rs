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
    provider::{Kubernetes, live::prelude::*},
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
        let there = kubernetes.get(&place.call("get"), &place.path()).await?;
        Ok(there.map(|object| {
            let revision = object["metadata"][self.revision_field()].as_str().map(str::to_owned);
            Found { revision, ..Found::from(Self::new(object)) }
        }))
    }

    /// Not by force: an object that others have made meanwhile keeps its values.
    async fn create(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        apply(kubernetes, &Place::of(self), self.value(), false).await.map(Made::alone)
    }

    /// The object that was observed, and no later one of its name. What others have put into its lists would stay in
    /// an apply: then it is written as a whole.
    async fn update(&self, api: &Kubernetes, _: &[Change], revision: Option<&str>) -> Result<Made, Error> {
        let place = Place::of(self);
        let mut body = self.value().clone();
        if let Some(revision) = revision {
            body["metadata"][self.revision_field()] = json!(revision);
        }
        let there = apply(api, &place, &body, true).await?;
        let mut left = Changes::default();
        self.compare(&Self::new(there.clone()), &mut left);
        if left.is_empty() {
            return Ok(Made::default());
        }
        let path = format!("{}?fieldManager={FIELD_MANAGER}", place.path());
        let whole = merged(self.value(), &there);
        api.write(&place.call("update"), Method::PUT, &path, &whole).await
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
}

async fn apply(kubernetes: &Kubernetes, place: &Place, body: &Value, force: bool) -> Result<Value, Error> {
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force={force}", place.path());
    let call = place.call("patch");
    let answer = kubernetes.send(&call, Method::PATCH, &path, Some(body)).await?;
    answer.ok_or_else(|| Error::new(ErrorKind::Changed, call, "it is gone since it was looked at"))
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

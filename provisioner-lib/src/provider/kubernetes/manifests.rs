//! Objects of any kind, by server-side apply.

use std::time::Duration;

use http::Method;
use kube::{
    Resource as _,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Error, ErrorKind, Kubernetes, Made};
use crate::{
    names::FIELD_MANAGER,
    observed::Found,
    resource,
    resource::{Manifest, Resource},
};

/// How long an object may take to go once it was deleted: a namespace waits for all that is in it.
const FAREWELL: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(250);
const APPLY: &str = "application/apply-patch+yaml";

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

    /// As whoever asks for a right has to name it.
    fn call(&self, verb: &str) -> String {
        format!("{verb} {}", self.plural)
    }
}

impl Kubernetes {
    pub(super) async fn manifest(&self, wanted: &Manifest) -> Result<Option<Found>, Error> {
        let place = Place::of(wanted);
        let Some(object) = self.send(&place.call("get"), Method::GET, &place.path(), None).await? else {
            return Ok(None);
        };
        let revision = uid(&object).map(str::to_owned);
        let resource = Resource::Manifest(Manifest::new(object));
        Ok(Some(Found { resource, created: None, revision }))
    }

    /// Not by force: what somebody else has made meanwhile says other things, and is not taken from them.
    pub(super) async fn make_manifest(&self, wanted: &Manifest) -> Result<Made, Error> {
        let place = Place::of(wanted);
        self.apply(&place, wanted.value(), false).await.map(|_| Made::default())
    }

    /// The object that was looked at, and no later one of its name. What others have put into its lists would stay in
    /// an apply: then it is written as a whole.
    pub(super) async fn change_manifest(
        &self,
        wanted: &Manifest,
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        let place = Place::of(wanted);
        let mut body = wanted.value().clone();
        if let Some(uid) = revision {
            body["metadata"]["uid"] = json!(uid);
        }
        let there = self.apply(&place, &body, true).await?;
        let resource = |value: &Value| Resource::Manifest(Manifest::new(value.clone()));
        if resource(wanted.value()).changes(&resource(&there)).is_empty() {
            return Ok(Made::default());
        }
        let path = format!("{}?fieldManager={FIELD_MANAGER}", place.path());
        let whole = resource::merged(wanted.value(), &there);
        self.write(&place.call("update"), Method::PUT, &path, &whole).await
    }

    async fn apply(&self, place: &Place, body: &Value, force: bool) -> Result<Value, Error> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}&force={force}", place.path());
        let call = place.call("patch");
        let answer = self.send_as(APPLY, &call, Method::PATCH, &path, Some(body)).await?;
        answer.ok_or_else(|| Error::new(ErrorKind::Changed, call, "it has gone since it was looked at"))
    }

    /// Returns when it is gone.
    pub(super) async fn remove_manifest(&self, there: &Manifest) -> Result<Made, Error> {
        let place = Place::of(there);
        let mut options = json!({ "propagationPolicy": "Background" });
        if let Some(uid) = uid(there.value()) {
            options["preconditions"] = json!({ "uid": uid });
        }
        let call = place.call("delete");
        match self.send(&call, Method::DELETE, &place.path(), Some(&options)).await {
            Ok(None) => return Ok(Made::default()),
            // Also the answer about one that is on its way out already: then it is waited for.
            Err(error) if error.reason == ErrorKind::Changed && self.is_going(&place).await? => {}
            other => drop(other?),
        }
        let end = Instant::now() + FAREWELL;
        loop {
            let Some(left) = self.send(&place.call("get"), Method::GET, &place.path(), None).await? else {
                return Ok(Made::default());
            };
            if !is_going(&left) {
                // Somebody has made another one.
                return Ok(Made::default());
            }
            if Instant::now() > end {
                return Err(still_there(&call, &left));
            }
            sleep(PAUSE).await;
        }
    }

    async fn is_going(&self, place: &Place) -> Result<bool, Error> {
        let there = self.send(&place.call("get"), Method::GET, &place.path(), None).await?;
        Ok(there.is_none_or(|object| is_going(&object)))
    }
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
    let message = format!("deleted, but still there after {} s{reasons}", FAREWELL.as_secs());
    Error::other(call, message)
        .hint("its finalizers keep it until somebody has done what they wait for; then run it again")
}

fn uid(object: &Value) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}

//! The files of a snapshot: written by `--save-snapshot`, or printed by `kubectl`.

use super::{FileError, SCHEMA, Snapshot, documents::documents, reading::Reading};
use crate::prices::{self, PriceList};

/// A file of objects.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its content: JSON documents or YAML, as it is or compressed by gzip.
    pub content: &'a [u8],
}

/// Reads a file of prices in one of the forms of [`File::content`], or takes those of a snapshot.
pub fn read_prices(content: &[u8]) -> Result<PriceList, prices::FileError> {
    let found = documents(content).map_err(|error| prices::FileError::Json(error.to_string()))?;
    let list = found.into_iter().find_map(|mut document| match document["schema"].as_str() {
        Some(prices::SCHEMA) => Some(document),
        Some(SCHEMA) if document["prices"].is_object() => Some(document["prices"].take()),
        _ => None,
    });
    let list = list.ok_or(prices::FileError::Other)?;
    let prices: PriceList =
        serde_path_to_error::deserialize(list).map_err(|error| prices::FileError::Json(error.to_string()))?;
    prices.check()?;
    Ok(prices)
}

impl Snapshot {
    /// Reads a text in one of the forms of [`File::content`].
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let file = File { name: "", content: text.as_bytes() };
        Self::read(&[file])
            .map_err(|faults| faults.into_iter().next().map_or(FileError::Empty, |fault| fault.1))
    }

    /// Reads the objects of all files: a snapshot, lists of `kubectl get` and `kubectl cluster-info dump`, objects one by
    /// one. An object that several files have counts as in the first. Returns the faults of all files, by name.
    pub fn read(files: &[File<'_>]) -> Result<Self, Vec<(String, FileError)>> {
        let (mut reading, mut read, mut faults) = (Reading::default(), Vec::new(), Vec::new());
        for file in files {
            match documents(file.content).and_then(|documents| reading.header(documents)) {
                Ok(documents) => read.push((file.name, documents)),
                Err(error) => faults.push((file.name.to_owned(), error)),
            }
        }
        for (name, documents) in read {
            let objects = reading.objects(documents);
            faults.extend(objects.err().map(|error| (name.to_owned(), error)));
        }
        if faults.is_empty() { Ok(reading.end()) } else { Err(faults) }
    }

    /// The text of the file.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|text| text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web-1", "namespace": "shop",
                "annotations": { "karpenter.sh/do-not-disrupt": "true", "secret": "hunter2" },
                "managedFields": [{ "manager": "kubectl" }],
            },
            "spec": { "containers": [{
                "name": "web", "image": "web:1", "command": ["serve", "--token=hunter2"],
                "env": [{ "name": "PASSWORD", "value": "hunter2" }],
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
            }] },
        })
    }

    #[test]
    fn a_list_of_kubectl_is_read_without_secrets() {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
            pod(), { "kind": "Service", "metadata": { "name": "web" } },
            { "kind": "Node", "metadata": { "name": "n" } },
        ]});
        let snapshot = Snapshot::parse(&list.to_string()).unwrap();
        assert_eq!((snapshot.pods.len(), snapshot.nodes.len()), (1, 1));
        let text = snapshot.to_json().unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("do-not-disrupt") && text.contains("100m"), "{text}");
        assert_eq!(Snapshot::parse(&text).unwrap(), snapshot, "written and read again");
    }

    #[test]
    fn a_list_of_one_kind_is_read() {
        let list = json!({ "kind": "PodList", "items": [{ "metadata": { "name": "a" } }] });
        assert_eq!(Snapshot::parse(&list.to_string()).unwrap().pods.len(), 1);
    }

    #[test]
    fn another_document_is_refused_by_its_kind() {
        for (text, words) in [
            ("{", "not JSON"),
            ("just words", "nothing of the kind"),
            ("[]", "nothing of the kind"),
            (r#"{"schema": "cast-spot.plan/1"}"#, "the schema cast-spot.plan/1"),
            (r#"{"kind": "Service"}"#, "a Service"),
            (
                r#"{"kind": "List", "items": [{"kind": "Pod", "spec": 7}]}"#,
                "items[0], Pod : spec: invalid type",
            ),
            (r#"{"kind": "List", "items": 7}"#, "items is no list"),
            (
                r#"{"kind": "JobList", "apiVersion": "batch/v1beta1", "items": [7]}"#,
                "items[0], Job : invalid type",
            ),
            (r#"{"schema": "cast-spot.snapshot/1", "nodes": 7}"#, "nodes: invalid type"),
        ] {
            let error = Snapshot::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn all_prices_below_zero_are_refused_at_once() {
        let price = |hourly: &str| json!({ "instanceType": "m5.large", "market": "spot", "hourly": hourly });
        let list = json!({
            "schema": prices::SCHEMA, "region": "eu-west-1", "types": [],
            "prices": [price("0.1"), price("-0.03"), price("0"), price("-1")],
        });
        let snapshot = json!({ "schema": SCHEMA, "prices": list });
        let read_as_snapshot = Snapshot::parse(&snapshot.to_string()).map(|_| ());
        for (case, error) in [
            ("a file of prices", read_prices(list.to_string().as_bytes()).unwrap_err().to_string()),
            ("those of a snapshot", read_prices(snapshot.to_string().as_bytes()).unwrap_err().to_string()),
            ("a snapshot", read_as_snapshot.unwrap_err().to_string()),
        ] {
            for words in ["prices[1].hourly", "-0.03", "prices[3].hourly", "-1.00", "m5.large", "hint: "] {
                assert!(error.contains(words), "{case}: {words}: {error}");
            }
            assert!(!error.contains("prices[0]") && !error.contains("prices[2]"), "{case}: {error}");
        }
    }
}

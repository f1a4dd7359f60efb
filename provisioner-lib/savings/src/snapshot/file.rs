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

    /// What is wrong with these prices and types, which a snapshot has, too.
    fn faults(prices: &Value, types: &Value) -> Option<String> {
        let list =
            json!({ "schema": prices::SCHEMA, "region": "eu-west-1", "types": types, "prices": prices });
        let snapshot = json!({ "schema": SCHEMA, "prices": list }).to_string();
        let read = |text: &str| read_prices(text.as_bytes()).err().map(|error| error.to_string());
        let found = read(&list.to_string());
        assert_eq!(read(&snapshot), found, "those of a snapshot");
        assert_eq!(Snapshot::parse(&snapshot).err().map(|error| error.to_string()), found, "a snapshot");
        found
    }

    fn price(name: &str, market: &str, zone: Option<&str>, hourly: &str) -> Value {
        json!({ "instanceType": name, "market": market, "zone": zone, "hourly": hourly })
    }

    #[test]
    fn all_prices_that_are_not_above_zero_are_refused_at_once() {
        let spread = json!({
            "instanceType": "c5.large", "market": "spot", "zone": "a", "hourly": "0.1",
            "spread": { "lowest": "0", "highest": "0.2" },
        });
        let of = |name, hourly| price(name, "on-demand", None, hourly);
        let prices =
            json!([of("a", "0.1"), of("b", "-0.03"), of("c", "0.0000000000"), of("d", "-1"), spread]);
        let error = faults(&prices, &json!([])).unwrap();
        for words in [
            "prices[1].hourly of b is -0.03",
            "prices[2].hourly of c is 0.00",
            "prices[3].hourly of d is -1.00",
            "prices[4].spread.lowest of c5.large is 0.00",
            "hint: ",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(!error.contains("prices[0]") && !error.contains("prices[4].hourly"), "{error}");
    }

    #[test]
    fn what_is_listed_twice_must_be_the_same() {
        let spot = |zone, hourly| price("m5.large", "spot", zone, hourly);
        let on_demand = |hourly| price("m5.large", "on-demand", None, hourly);
        for (case, prices, words) in [
            (
                "On-Demand",
                json!([on_demand("0.1"), on_demand("0.2")]),
                Some("prices[1].hourly of m5.large is 0.20, but 0.10 in prices[0]"),
            ),
            (
                "Spot",
                json!([spot(Some("a"), "0.1"), spot(Some("b"), "0.1"), spot(Some("a"), "0.0001")]),
                Some("prices[2].hourly of m5.large is 0.0001, but 0.10 in prices[0]"),
            ),
            ("equal", json!([on_demand("0.1"), on_demand("0.100")]), None),
            (
                "zones and markets",
                json!([spot(Some("a"), "0.1"), spot(Some("b"), "0.2"), on_demand("0.3")]),
                None,
            ),
            ("a zone and its region", json!([spot(None, "0.1"), spot(Some("a"), "0.2")]), None),
        ] {
            let found = faults(&prices, &json!([]));
            assert_eq!(found.is_some(), words.is_some(), "{case}: {found:?}");
            assert!(found.unwrap_or_default().contains(words.unwrap_or_default()), "{case}");
        }
        let of = |vcpus: u32| {
            json!({
                "name": "m5.large", "vcpus": vcpus, "memoryMib": 8192, "architecture": "amd64",
                "networkInterfaces": 3, "addressesPerInterface": 10,
            })
        };
        assert_eq!(faults(&json!([]), &json!([of(2), of(2)])), None);
        let error = faults(&json!([]), &json!([of(2), of(4)])).unwrap();
        assert!(error.contains("types[1] is m5.large, but types[0]"), "{error}");
    }
}

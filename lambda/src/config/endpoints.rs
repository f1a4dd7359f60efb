//! Addresses and certificate authorities of clusters, as the provisioner writes them:
//! `{"NAME": {"server": "https://…", "ca": "BASE64"}}`.

use std::{collections::BTreeMap, fmt::Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// Address and certificate authority of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEndpoint {
    /// Base URL of the API server.
    pub server: String,
    /// Certificate authority, PEM.
    pub ca_pem: Vec<u8>,
}

/// Endpoints by cluster name.
pub type Endpoints = BTreeMap<String, ClusterEndpoint>;

/// Fault in the entry of a cluster, by cluster name. EKS is asked for its endpoint instead.
pub type Ignored = BTreeMap<String, String>;

/// Reads the endpoints of the registered `clusters`; anything else in `text` is ignored. An entry that is malformed
/// leaves the others as they are, and text that is not a JSON object leaves out all of them.
pub(super) fn read(text: &str, clusters: &[String]) -> (Endpoints, Ignored) {
    let entries: Map<String, Value> = match serde_json::from_str(text) {
        Ok(entries) => entries,
        Err(error) => return (Endpoints::new(), all(clusters, &error.to_string())),
    };
    let (mut endpoints, mut ignored) = (Endpoints::new(), Ignored::new());
    for (name, entry) in entries.into_iter().filter(|(name, _)| clusters.contains(name)) {
        match endpoint(&entry) {
            Ok(endpoint) => drop(endpoints.insert(name, endpoint)),
            Err(problem) => drop(ignored.insert(name, problem)),
        }
    }
    (endpoints, ignored)
}

/// One problem of all clusters.
pub(super) fn all(clusters: &[String], problem: &str) -> Ignored {
    clusters.iter().map(|name| (name.clone(), problem.to_owned())).collect()
}

fn endpoint(entry: &Value) -> Result<ClusterEndpoint, String> {
    let text = |key: &str| {
        let value = entry.get(key).and_then(Value::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("`{key}` is missing or not text"))
    };
    let server = text("server")?;
    let parsed: Option<http::Uri> = server.parse().ok();
    let is_https = |uri: &http::Uri| uri.scheme_str() == Some("https") && uri.host().is_some();
    if !parsed.as_ref().is_some_and(is_https) {
        return Err(format!("`server` is `{server}`, no https URL"));
    }
    Ok(ClusterEndpoint { server: server.to_owned(), ca_pem: pem(text("ca")?)? })
}

/// Base64 of PEM, as EKS gives it, or of DER, which takes less of Lambda's environment.
fn pem(ca: &str) -> Result<Vec<u8>, String> {
    let bytes = BASE64_STANDARD.decode(ca).map_err(|error| format!("`ca` is not base64: {error}"))?;
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN CERTIFICATE-----") {
        return Ok(bytes);
    }
    let mut pem = String::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let length = der_length(rest).ok_or("`ca` is neither PEM nor DER")?;
        let (certificate, others) = rest.split_at(length);
        let encoded = BASE64_STANDARD.encode(certificate);
        let _ = write!(pem, "-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        rest = others;
    }
    if pem.is_empty() { Err("`ca` is empty".to_owned()) } else { Ok(pem.into_bytes()) }
}

/// Length of the DER SEQUENCE at the beginning of `bytes`, which is what a certificate is.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let [0x30, first, rest @ ..] = bytes else { return None };
    let (header, content) = match first {
        0x00..=0x7f => (2, usize::from(*first)),
        0x81..=0x83 => {
            let octets = usize::from(first & 0x7f);
            let length =
                rest.get(..octets)?.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
            (2 + octets, length)
        }
        _ => return None,
    };
    Some(header + content).filter(|length| *length <= bytes.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    /// What the PEM holds: a SEQUENCE of one number.
    const DER: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x01];

    fn read_one(server: &str, ca: &str) -> (Endpoints, Ignored) {
        read(&json!({"prod": {"server": server, "ca": ca}}).to_string(), &["prod".to_owned()])
    }

    #[test]
    fn the_ca_is_pem_or_der() {
        let two = [DER, DER].concat();
        for (case, ca, expected) in [
            ("PEM", PEM.as_bytes(), PEM.to_owned()),
            ("DER", &DER, PEM.to_owned()),
            ("two certificates", &two, PEM.repeat(2)),
        ] {
            let (endpoints, ignored) = read_one("https://abc.eks.amazonaws.com", &BASE64_STANDARD.encode(ca));
            assert_eq!(ignored, Ignored::new(), "{case}");
            assert_eq!(endpoints["prod"].server, "https://abc.eks.amazonaws.com");
            assert_eq!(String::from_utf8_lossy(&endpoints["prod"].ca_pem), expected, "{case}");
        }
    }

    #[test]
    fn a_malformed_entry_says_what_is_wrong() {
        let good = BASE64_STANDARD.encode(DER);
        for (server, ca, named) in [
            ("", good.as_str(), "`server` is missing"),
            ("http://abc", &good, "no https URL"),
            ("https://a b", &good, "no https URL"),
            ("https://abc", "", "`ca` is missing"),
            ("https://abc", "%", "not base64"),
            ("https://abc", "MAQCAQE=", "neither PEM nor DER"),
            ("https://abc", "aGVsbG8=", "neither PEM nor DER"),
        ] {
            let (endpoints, ignored) = read_one(server, ca);
            assert!(endpoints.is_empty() && ignored["prod"].contains(named), "{ignored:?}");
        }
        for text in ["[]", "{", "no JSON"] {
            assert_eq!(read(text, &["prod".to_owned()]).1.keys().collect::<Vec<_>>(), ["prod"], "{text}");
        }
    }

    #[test]
    fn a_malformed_entry_leaves_the_others_as_they_are() {
        let good = json!({"server": "https://abc", "ca": BASE64_STANDARD.encode(DER)});
        let text = json!({"prod": "no object", "stage": good, "elsewhere": 5}).to_string();
        let (endpoints, ignored) = read(&text, &["prod".to_owned(), "stage".to_owned()]);
        assert_eq!(endpoints.keys().collect::<Vec<_>>(), ["stage"]);
        assert_eq!(
            ignored,
            Ignored::from([("prod".to_owned(), "`server` is missing or not text".to_owned())])
        );
    }

    #[test]
    fn clusters_that_are_not_registered_are_ignored() {
        assert_eq!(read(r#"{"stage": 5}"#, &["prod".to_owned()]), (Endpoints::new(), Ignored::new()));
    }
}

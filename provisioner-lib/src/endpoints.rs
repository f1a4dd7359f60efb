//! The address and the certificate authority of each cluster's API server in the function's configuration, so that a
//! notice does not wait for EKS. Pure.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use cast_spot_cloud::Cluster;
use serde::{Deserialize, Serialize};

pub mod layer;

/// The handler's setting that carries the endpoints (docs/configuration.md).
pub const ENDPOINTS_VARIABLE: &str = "CAST_SPOT_ENDPOINTS";
/// Bytes of a function's environment ("Lambda quotas" in the Lambda Developer Guide).
const ENVIRONMENT_LIMIT: usize = 4_096;
const HTTPS: &str = "https://";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its address.
    server: String,
    /// Its certificate authority in base64: the DER of one certificate, else the PEM as `DescribeCluster` has it.
    ca: String,
}

impl Endpoint {
    /// The endpoint of a cluster; None while EKS is still creating it.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Option<Self> {
        let is_known = cluster.endpoint.starts_with(HTTPS) && !cluster.certificate_authority.is_empty();
        is_known
            .then(|| Self { server: cluster.endpoint.clone(), ca: compact(&cluster.certificate_authority) })
    }
}

/// The certificate authority without the PEM around it, a quarter smaller. A bundle of several stays as it is.
fn compact(ca: &str) -> String {
    let pem = BASE64_STANDARD.decode(ca).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let der = pem.as_deref().and_then(only_certificate);
    der.unwrap_or_else(|| ca.to_owned())
}

/// Base64 of the only certificate of a PEM file.
fn only_certificate(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, rest) = rest.split_once(END)?;
    let body: String = body.split_whitespace().collect();
    (!rest.contains(BEGIN) && BASE64_STANDARD.decode(&body).is_ok()).then_some(body)
}

/// Endpoints by cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoints(BTreeMap<String, Endpoint>);

impl Endpoints {
    /// The endpoints of those clusters whose endpoint is known.
    #[must_use]
    pub fn of<'a>(clusters: impl IntoIterator<Item = &'a Cluster>) -> Self {
        let known = clusters.into_iter().filter_map(|of| Some((of.name.clone(), Endpoint::of(of)?)));
        Self(known.collect())
    }

    /// Reads the value of [`ENDPOINTS_VARIABLE`]; None if the function would ignore some of it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let entries: BTreeMap<String, Endpoint> = serde_json::from_str(text).ok()?;
        let read = entries.into_iter().map(|(name, Endpoint { server, ca })| {
            server.starts_with(HTTPS).then(|| (name, Endpoint { server, ca: compact(&ca) }))
        });
        read.collect::<Option<_>>().map(Self)
    }

    /// The value of [`ENDPOINTS_VARIABLE`].
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether there are no endpoints.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them fit into an environment with these other variables. Lambda measures it as JSON.
    #[must_use]
    pub(crate) fn fits(&self, others: &BTreeMap<String, String>) -> bool {
        let mut environment = others.clone();
        environment.insert(ENDPOINTS_VARIABLE.to_owned(), self.text());
        serde_json::to_string(&environment).is_ok_and(|json| json.len() <= ENVIRONMENT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str, ca: &str) -> Cluster {
        Cluster {
            endpoint: format!("https://{name}.example"),
            certificate_authority: ca.to_owned(),
            ..Cluster::gone(name, String::new())
        }
    }

    /// As EKS gives it: base64 of PEM, of `bytes` each.
    fn authority(certificates: &[&[u8]]) -> String {
        let pem = |der: &&[u8]| {
            let lines: Vec<String> = BASE64_STANDARD
                .encode(der)
                .as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
        };
        BASE64_STANDARD.encode(certificates.iter().map(pem).collect::<String>())
    }

    #[test]
    fn one_certificate_loses_its_pem_and_a_bundle_keeps_it() {
        let (one, two) = (authority(&[&[7; 770]]), authority(&[&[7; 70], &[8; 70]]));
        for (ca, kept) in [
            (&one, BASE64_STANDARD.encode([7; 770])),
            (&two, two.clone()),
            (&"no pem".into(), "no pem".into()),
        ] {
            let endpoint = Endpoint::of(&cluster("a", ca)).unwrap();
            assert_eq!((endpoint.server.as_str(), endpoint.ca), ("https://a.example", kept));
        }
        assert_eq!(Endpoint::of(&cluster("a", "")), None, "EKS does not know it yet");
    }

    #[test]
    fn a_value_is_read_back_and_garbage_is_none() {
        let pem = authority(&[&[7; 70]]);
        let der = BASE64_STANDARD.encode([7; 70]);
        let written = |ca: &str| format!(r#"{{"a":{{"server":"https://a.example","ca":"{ca}"}}}}"#);
        assert_eq!(Endpoints::read(&written(&der)).unwrap().text(), written(&der));
        assert_eq!(Endpoints::read(&written(&pem)), Endpoints::read(&written(&der)), "two forms of one");
        assert_eq!(Endpoints::read("{}"), Some(Endpoints::default()));
        let a = r#""a":{"server":"https://a.example","ca":"YQ=="}"#;
        for other in ["1", r#"{"server":"https://b.example"}"#, r#"{"server":"http://b","ca":"YQ=="}"#] {
            assert_eq!(Endpoints::read(&format!(r#"{{{a},"b":{other}}}"#)), None, "{other}");
        }
        assert_eq!([Endpoints::read(""), Endpoints::read("{broken")], [None, None]);
    }

    #[test]
    fn three_clusters_fit_and_less_where_there_is_less_room() {
        let der = authority(&[&[7; 770]]);
        let of = |names: &[&str]| {
            let clusters: Vec<_> = names.iter().map(|name| cluster(name, &der)).collect();
            Endpoints::of(&clusters)
        };
        let empty = BTreeMap::new();
        let crowded = BTreeMap::from([("OTHERS".to_owned(), "x".repeat(2_000))]);
        for (names, others, fits) in [
            (&["a", "b", "c"][..], &empty, true),
            (&["a", "b", "c", "d"], &empty, false),
            (&["a"], &crowded, true),
            (&["a", "b"], &crowded, false),
        ] {
            assert_eq!(of(names).fits(others), fits, "{names:?}");
        }
    }
}

//! Connections to API servers by the caller's kubeconfig, found as `kubectl` finds it, and checked to lead to the
//! cluster that is asked for.

mod files;

use std::{path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig as File},
};

use crate::{
    cluster::Cluster,
    connection::Connection,
    error::{Error, with_causes},
    kube_error::from_kube,
};

pub use files::{KubeconfigFile, read_kubeconfig};

/// Names the step in errors.
const CALL: &str = "kubeconfig";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);
/// Secrets of our environment, which the programs that a kubeconfig names for a login must not get.
const SECRETS: [&str; 2] = ["CAST_SPOT_AGENT_TOKEN", "CAST_SPOT_CONSOLE_TOKEN"];

/// Kubeconfig files, and the context in them.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    paths: Option<Vec<PathBuf>>,
    context: Option<String>,
    /// Region of the cluster, for hints.
    region: String,
}

impl Kubeconfig {
    /// The kubeconfig that `connection` names, else the one that kube finds.
    #[must_use]
    pub fn of(connection: &Connection, region: &str) -> Self {
        let Connection { kubeconfig, context, .. } = connection.clone();
        Self { paths: kubeconfig, context, region: region.to_owned() }
    }

    /// Connects to the API server of `cluster`, and to no other one.
    pub async fn connect(&self, cluster: &Cluster) -> Result<Client, Error> {
        let hint = format!("aws eks update-kubeconfig --name {} --region {}", cluster.name, self.region);
        let config = self.config().await.map_err(|error| error.or_hint(format!("`{hint}` writes one")))?;
        if !is_of(&config, cluster) {
            let context =
                self.context.as_deref().map_or_else(String::new, |context| format!(" of context {context}"));
            let message = format!(
                "the API server{context} is {}, not that of cluster {} ({})",
                config.cluster_url, cluster.name, cluster.endpoint
            );
            return Err(Error::other(CALL, message)
                .hint(format!("`{hint}`, or choose another context with --context")));
        }
        client(config)
    }

    /// Connects to the API server of the current context, whichever cluster it is.
    pub async fn connect_current_context(&self) -> Result<Client, Error> {
        let config = self.config().await.map_err(|error| {
            error.or_hint(
                "`aws eks update-kubeconfig --name NAME --region REGION` writes one; --context chooses",
            )
        })?;
        client(config)
    }

    async fn config(&self) -> Result<Config, Error> {
        let other = |words| Error::other(CALL, words);
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let Some(paths) = &self.paths else {
            let found = File::read();
            if self.context.is_none() && found.is_err() {
                return Config::infer().await.map_err(|error| other(with_causes(&error)));
            }
            let file = without_secrets(found.map_err(|error| other(with_causes(&error)))?);
            let found = Config::from_custom_kubeconfig(file, &options).await;
            return found.map_err(|error| other(with_causes(&error)));
        };
        match read_kubeconfig(paths)? {
            Some(file) => {
                let found = Config::from_custom_kubeconfig(without_secrets(file), &options).await;
                found.map_err(|error| other(with_causes(&error)))
            }
            // Only where there is none: one that cannot be read must not lead to another cluster, that of this pod.
            None => Config::incluster().map_err(|_| {
                let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                other(match &paths[..] {
                    [] => "KUBECONFIG names no file, and neither does HOME".to_owned(),
                    paths => format!("there is no file {}", paths.join(" or ")),
                })
            }),
        }
    }
}

/// The kubeconfig, whose login programs do not inherit our secrets.
fn without_secrets(mut kubeconfig: File) -> File {
    let logins = kubeconfig.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()?.exec.as_mut());
    for login in logins {
        login.drop_env.get_or_insert_default().extend(SECRETS.map(str::to_owned));
    }
    kubeconfig
}

fn client(mut config: Config) -> Result<Client, Error> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(ANSWER);
    // kube would retry for minutes without any output.
    config.default_retry = false;
    Client::try_from(config).map_err(from_kube(CALL))
}

/// Whether a kubeconfig leads to `cluster`: by address or by certificate authority. An API server behind a tunnel has
/// another address, and each cluster has a certificate authority of its own.
fn is_of(config: &Config, cluster: &Cluster) -> bool {
    let address = cluster.endpoint.parse::<http::Uri>().ok();
    if address.is_some_and(|address| place(&address) == place(&config.cluster_url)) {
        return true;
    }
    let own = certificates(&cluster.certificate_authority);
    config.root_cert.iter().flatten().any(|certificate| own.contains(certificate))
}

fn place(address: &http::Uri) -> Option<(String, u16)> {
    let port = address.port_u16().unwrap_or(if address.scheme_str() == Some("http") { 80 } else { 443 });
    Some((address.host()?.to_lowercase(), port))
}

/// The certificates (DER) of a PEM in base64.
fn certificates(encoded: &str) -> Vec<Vec<u8>> {
    let pem = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    let pem = String::from_utf8_lossy(&pem);
    let bodies = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = bodies.filter_map(|rest| rest.split("-----END").next());
    bodies
        .filter_map(|body| BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(endpoint: &str, authority: &str) -> Cluster {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64_STANDARD.encode(authority)
        );
        let mut cluster = Cluster::gone("prod", String::new());
        cluster.endpoint = endpoint.to_owned();
        cluster.certificate_authority = BASE64_STANDARD.encode(pem);
        cluster
    }

    fn config(server: &str, authority: &str) -> Config {
        let mut config = Config::new(server.parse().unwrap());
        config.root_cert = Some(vec![authority.as_bytes().to_vec()]);
        config
    }

    #[test]
    fn a_kubeconfig_is_of_the_cluster_by_address_or_by_authority() {
        let prod = cluster("https://ABC.gr7.eu-west-1.eks.amazonaws.com", "authority of prod");
        for (server, authority, expected) in [
            ("https://abc.gr7.eu-west-1.eks.amazonaws.com", "another", true),
            ("https://abc.gr7.eu-west-1.eks.amazonaws.com:443/", "another", true),
            ("https://127.0.0.1:8443", "authority of prod", true),
            ("https://127.0.0.1:8443", "another", false),
            ("https://abd.gr7.eu-west-1.eks.amazonaws.com", "another", false),
        ] {
            assert_eq!(is_of(&config(server, authority), &prod), expected, "{server} {authority}");
        }
    }

    #[test]
    fn a_cluster_that_says_nothing_is_nobodys() {
        let mut empty = cluster("", "");
        empty.certificate_authority = String::new();
        assert!(!is_of(&config("https://127.0.0.1:8443", "any"), &empty));
    }

    #[tokio::test]
    async fn another_cluster_is_refused_with_the_command_that_helps() {
        let folder = std::env::temp_dir().join(format!("cast-spot-kubeconfig-{}", std::process::id()));
        let kubeconfig = r#"{"apiVersion":"v1","kind":"Config","current-context":"other",
            "clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],
            "users":[{"name":"u","user":{"token":"t"}}],
            "contexts":[{"name":"other","context":{"cluster":"c","user":"u"}}]}"#;
        std::fs::write(&folder, kubeconfig).unwrap();
        let connection = Connection { kubeconfig: Some(vec![folder.clone()]), ..Connection::default() };
        let prod = cluster("https://abc.eks.amazonaws.com", "authority of prod");
        let error = Kubeconfig::of(&connection, "eu-west-1").connect(&prod).await.err().unwrap();
        std::fs::remove_file(folder).unwrap();
        assert!(error.message.contains("https://127.0.0.1:1"), "{error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains("aws eks update-kubeconfig --name prod --region eu-west-1"), "{hint}");
    }
}

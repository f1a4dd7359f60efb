//! The EKS cluster that a kubeconfig names.

use std::path::Path;

use serde::Deserialize;

/// An EKS cluster, as far as a kubeconfig names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) cluster: String,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
}

/// The parts of a kubeconfig with names ("Organizing Cluster Access Using kubeconfig Files" in the
/// Kubernetes documentation).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kubeconfig {
    #[serde(rename = "current-context")]
    current_context: String,
    contexts: Vec<Entry<Context>>,
    users: Vec<Entry<User>>,
}

// Fields are strings, not values: `2024` without quotes is a name, too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry<T> {
    name: String,
    #[serde(alias = "context", alias = "user")]
    content: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    exec: Option<Exec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exec {
    args: Option<Vec<String>>,
}

impl Kubeconfig {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// Merges two files by the rule of `kubectl`: the first to set a value wins.
    pub(super) fn merge(mut self, next: Self) -> Self {
        if self.current_context.is_empty() {
            self.current_context = next.current_context;
        }
        self.contexts.extend(next.contexts);
        self.users.extend(next.users);
        self
    }

    /// The cluster of `context`, or of the current one. The error says why it is unknown.
    pub(super) fn named(&self, context: Option<&str>) -> Result<Named, String> {
        let wanted = context.unwrap_or(&self.current_context);
        if wanted.is_empty() {
            return Err("the kubeconfig has no current context".to_owned());
        }
        let context = content(&self.contexts, wanted)
            .ok_or_else(|| format!("the kubeconfig has no context `{wanted}`"))?;
        by_arn(&context.cluster)
            .or_else(|| by_arn(wanted))
            .or_else(|| self.by_login(&context.user))
            .or_else(|| by_eksctl(&context.cluster))
            .ok_or_else(|| {
                format!("the kubeconfig's context `{wanted}` does not say which EKS cluster it is")
            })
    }

    /// The arguments of `aws eks get-token --cluster-name NAME --region REGION`.
    fn by_login(&self, user: &str) -> Option<Named> {
        let args = content(&self.users, user)?.exec.as_ref()?.args.as_ref()?;
        let value = |option: &str| {
            let place = args.iter().position(|arg| arg == option)?;
            args.get(place + 1).cloned()
        };
        Some(Named { cluster: value("--cluster-name")?, region: value("--region"), account: None })
    }
}

fn content<'a, T>(entries: &'a [Entry<T>], name: &str) -> Option<&'a T> {
    Some(&entries.iter().find(|entry| entry.name == name)?.content)
}

/// The ARN that `aws eks update-kubeconfig` writes.
fn by_arn(name: &str) -> Option<Named> {
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", _, "eks", region, account, resource] = parts[..] else { return None };
    let cluster = resource.strip_prefix("cluster/")?;
    Some(Named {
        cluster: cluster.to_owned(),
        region: Some(region.to_owned()),
        account: Some(account.to_owned()),
    })
}

/// The name that eksctl writes: `NAME.REGION.eksctl.io`.
fn by_eksctl(name: &str) -> Option<Named> {
    let (cluster, region) = name.strip_suffix(".eksctl.io")?.rsplit_once('.')?;
    Some(Named { cluster: cluster.to_owned(), region: Some(region.to_owned()), account: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: 'arn:aws:eks:eu-west-1:123456789012:cluster/prod', cluster: {server: 'https://a'}}
contexts:
- {name: prod, context: {cluster: 'arn:aws:eks:eu-west-1:123456789012:cluster/prod', user: any}}
- {name: me@test.us-east-1.eksctl.io, context: {cluster: test.us-east-1.eksctl.io, user: any}}
- {name: terraformed, context: {cluster: eks_stage, user: eks_stage}}
- {name: kind-local, context: {cluster: kind-local, user: kind-local}}
- {name: 1.2, context: {cluster: 1.2, user: 7}}
users:
- {name: eks_stage, user: {exec: {command: aws, args: [--region, eu-north-1, eks, get-token, --cluster-name, stage]}}}
- {name: kind-local, user: {token: abc}}
- {name: 7, user: {exec: {command: aws, args: [eks, get-token, --cluster-name, 2024, --region, eu-west-1]}}}
";

    #[test]
    fn names_of_aws_eksctl_and_terraform_are_understood() {
        let file = Kubeconfig::parse(FILE).unwrap();
        for (context, cluster, region, account) in [
            (None, "prod", "eu-west-1", Some("123456789012")),
            (Some("me@test.us-east-1.eksctl.io"), "test", "us-east-1", None),
            (Some("terraformed"), "stage", "eu-north-1", None),
            (Some("1.2"), "2024", "eu-west-1", None),
        ] {
            let named = file.named(context).unwrap();
            let found = (named.cluster.as_str(), named.region.as_deref(), named.account.as_deref());
            assert_eq!(found, (cluster, Some(region), account));
        }
    }

    #[test]
    fn a_context_without_eks_cluster_is_an_error() {
        let file = Kubeconfig::parse(FILE).unwrap();
        assert!(file.named(Some("kind-local")).unwrap_err().contains("kind-local"));
        assert!(file.named(Some("nowhere")).unwrap_err().contains("no context `nowhere`"));
        assert!(Kubeconfig::parse("").unwrap().named(None).unwrap_err().contains("no current context"));
        assert!(Kubeconfig::parse("contexts: 7").is_err());
    }

    #[test]
    fn of_two_files_the_first_wins() {
        let second = Kubeconfig::parse("current-context: other\n").unwrap();
        let merged = Kubeconfig::parse(FILE).unwrap().merge(second);
        assert_eq!(merged.named(None).unwrap().cluster, "prod");
    }
}

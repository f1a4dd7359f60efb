//! The EKS cluster that a kubeconfig names.

use cast_spot_cloud::KubeconfigFile;
use cast_spot_infra::partitions::Partition;

/// An EKS cluster, as far as a kubeconfig names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) cluster: String,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
}

/// The cluster of `context`, or of the current one. The error says why it is unknown.
pub(super) fn named(file: &KubeconfigFile, context: Option<&str>) -> Result<Named, String> {
    let wanted = context.or(file.current_context.as_deref()).unwrap_or_default();
    if wanted.is_empty() {
        return Err("the kubeconfig has no current context".to_owned());
    }
    let entry = file.contexts.iter().find(|entry| entry.name == wanted);
    let context = entry.ok_or_else(|| format!("the kubeconfig has no context `{wanted}`"))?.context.as_ref();
    let cluster = context.map_or("", |context| context.cluster.as_str());
    let user = context.and_then(|context| context.user.as_deref());
    let mut named = by_arn(cluster)
        .or_else(|| by_arn(wanted))
        .or_else(|| by_login(file, user?))
        .or_else(|| by_eksctl(cluster))
        .ok_or_else(|| format!("the kubeconfig's context `{wanted}` does not say which EKS cluster it is"))?;
    named.region = named.region.or_else(|| region_of_server(file, cluster));
    Ok(named)
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

/// The options of `aws eks get-token` and `aws-iam-authenticator token`. The account of a role in them is not always
/// that of the cluster.
fn by_login(file: &KubeconfigFile, user: &str) -> Option<Named> {
    let entry = file.auth_infos.iter().find(|entry| entry.name == user)?;
    let exec = entry.auth_info.as_ref()?.exec.as_ref()?;
    let args = exec.args.as_ref()?;
    let value = |option: &str| {
        let mut rest = args.iter();
        let arg = rest
            .find_map(|arg| arg.strip_prefix(option).filter(|end| end.is_empty() || end.starts_with('=')))?;
        arg.strip_prefix('=').map_or_else(|| rest.next().cloned(), |value| Some(value.to_owned()))
    };
    let is_authenticator = args.iter().any(|arg| arg == "token");
    let by_authenticator = || is_authenticator.then(|| value("--cluster-id").or_else(|| value("-i")))?;
    let variable = |name: &str| {
        let mut variables = exec.env.iter().flatten();
        let found = variables.find(|variable| variable.get("name").is_some_and(|found| found == name))?;
        found.get("value").filter(|value| !value.is_empty()).cloned()
    };
    let region =
        value("--region").or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    Some(Named { cluster: value("--cluster-name").or_else(by_authenticator)?, region, account: None })
}

/// The name that eksctl writes: `NAME.REGION.eksctl.io`.
fn by_eksctl(name: &str) -> Option<Named> {
    let (cluster, region) = name.strip_suffix(".eksctl.io")?.rsplit_once('.')?;
    Some(Named { cluster: cluster.to_owned(), region: Some(region.to_owned()), account: None })
}

/// The region in the address of an API server of EKS: `https://….REGION.eks.amazonaws.com`.
fn region_of_server(file: &KubeconfigFile, cluster: &str) -> Option<String> {
    let entry = file.clusters.iter().find(|entry| entry.name == cluster)?;
    let (before, _) = entry.cluster.as_ref()?.server.as_ref()?.split_once(".eks.")?;
    let region = before.rsplit('.').next()?;
    Partition::of_region(region).map(|_| region.to_owned())
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
- {name: eks_lab, cluster: {server: 'https://ABC.gr7.eu-west-1.eks.amazonaws.com'}}
contexts:
- {name: prod, context: {cluster: 'arn:aws:eks:eu-west-1:123456789012:cluster/prod', user: any}}
- {name: me@test.us-east-1.eksctl.io, context: {cluster: test.us-east-1.eksctl.io, user: any}}
- {name: terraformed, context: {cluster: eks_stage, user: eks_stage}}
- {name: kind-local, context: {cluster: kind-local, user: kind-local}}
- {name: '1.2', context: {cluster: '1.2', user: '7'}}
- {name: older, context: {cluster: eks_lab, user: older}}
- {name: with-role, context: {cluster: eks_lab, user: with-role}}
- {name: joined, context: {cluster: eks_lab, user: joined}}
- {name: left-over, context: {cluster: gone, user: null}}
- {name: empty, context: null}
users:
- {name: eks_stage, user: {exec: {command: aws, args: [--region, eu-north-1, eks, get-token, --cluster-name, stage]}}}
- {name: kind-local, user: {token: abc}}
- {name: '7', user: {exec: {command: aws, args: [eks, get-token, --cluster-name, '2024', --region, eu-west-1]}}}
- {name: older, user: {exec: {command: aws-iam-authenticator, args: [token, -i, lab], env: null}}}
- name: with-role
  user:
    exec:
      command: /usr/local/bin/aws-iam-authenticator
      args: [token, -r, 'arn:aws:iam::999999999999:role/x', --cluster-id=lab]
      env: [{name: AWS_PROFILE, value: p}, {name: AWS_DEFAULT_REGION, value: us-east-2}]
- name: joined
  user:
    exec:
      command: aws
      args: [eks, get-token, --cluster-name=lab, '--role-arn=arn:aws:iam::999999999999:role/x', --region=eu-south-1]
- {name: gone, user: null}
";

    fn file(text: &str) -> KubeconfigFile {
        KubeconfigFile::from_yaml(text).unwrap()
    }

    #[test]
    fn all_forms_of_naming_an_eks_cluster_are_understood() {
        for (context, cluster, region, account) in [
            (None, "prod", "eu-west-1", Some("123456789012")),
            (Some("me@test.us-east-1.eksctl.io"), "test", "us-east-1", None),
            (Some("terraformed"), "stage", "eu-north-1", None),
            (Some("1.2"), "2024", "eu-west-1", None),
            (Some("older"), "lab", "eu-west-1", None),
            (Some("with-role"), "lab", "us-east-2", None),
            (Some("joined"), "lab", "eu-south-1", None),
        ] {
            let named = named(&file(FILE), context).unwrap();
            let found = (named.cluster.as_str(), named.region.as_deref(), named.account.as_deref());
            assert_eq!(found, (cluster, Some(region), account), "{context:?}");
        }
    }

    #[test]
    fn a_context_without_eks_cluster_is_an_error() {
        for context in ["kind-local", "left-over", "empty"] {
            assert!(named(&file(FILE), Some(context)).unwrap_err().contains(context));
        }
        assert!(named(&file(FILE), Some("nowhere")).unwrap_err().contains("no context `nowhere`"));
        assert!(named(&file(""), None).unwrap_err().contains("no current context"));
    }
}

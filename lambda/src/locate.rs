//! Instance -> cluster, node, group. EC2 answers first; where it is throttled, slow or down, the
//! registered clusters' own node lists do.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Node;

use crate::{
    budget::Budget,
    plan::cordon::{provider_id, runs_on},
    ports::{CallError, Cluster, Clusters, Ec2, Instance},
};

/// EC2 is given this long before the node lists are asked beside it: several round trips of a healthy
/// API, and small against two minutes.
const EC2_HEAD_START: Duration = Duration::from_millis(500);

/// Where an instance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// EC2 instance id.
    pub instance_id: String,
    /// Registered EKS cluster.
    pub cluster: String,
    /// What the node's providerID must be.
    pub provider_id: String,
    /// Most likely node name; the providerID decides.
    pub node: Option<String>,
    /// Auto Scaling group, where it is known.
    pub group: Option<String>,
    /// The group belongs to an EKS managed node group.
    pub managed: bool,
    /// Why EC2 did not tell, where a node list had to.
    pub without_ec2: Option<String>,
}

/// What locating an instance found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// It is a node of a registered cluster.
    Here(Target),
    /// It is none of ours, and why.
    Elsewhere(String),
}

/// Locates an instance. An error says why neither EC2 nor the node lists could tell.
pub async fn locate(
    ec2: &impl Ec2,
    clusters: &impl Clusters,
    instance_id: &str,
    budget: &Budget,
) -> Result<Located, String> {
    let asked = async {
        match budget.operation("ec2:DescribeInstances", || ec2.describe_instance(instance_id)).await {
            Ok(Some(instance)) => Ok(from_instance(&instance, &clusters.names())),
            Ok(None) => Ok(Located::Elsewhere(format!("EC2 does not know {instance_id}"))),
            Err(error) => Err(error),
        }
    };
    tokio::pin!(asked);
    let head_start = tokio::time::timeout(EC2_HEAD_START, &mut asked).await;
    let failure = match head_start {
        Ok(Ok(located)) => return Ok(located),
        Ok(Err(error)) => Some(error),
        Err(_slow) => None,
    };
    let listed = from_node_lists(clusters, instance_id, budget);
    tokio::pin!(listed);
    let Some(failure) = failure else {
        // Both are under way: the first that finds the instance answers.
        return tokio::select! {
            biased;
            answer = &mut asked => match answer {
                Ok(located) => Ok(located),
                Err(failure) => decide(listed.await, instance_id, &failure),
            },
            lists = &mut listed => match lists {
                (Some(target), _) => Ok(Located::Here(target)),
                lists => match asked.await {
                    Ok(located) => Ok(located),
                    Err(failure) => decide(lists, instance_id, &failure),
                },
            },
        };
    };
    decide(listed.await, instance_id, &failure)
}

type Lists = (Option<Target>, Vec<String>);

fn decide(lists: Lists, instance_id: &str, ec2: &CallError) -> Result<Located, String> {
    match lists {
        (Some(target), _) => {
            let without_ec2 = Some(format!("located by the node list alone (EC2: {ec2})"));
            Ok(Located::Here(Target { without_ec2, ..target }))
        }
        (None, faults) if faults.is_empty() => Ok(Located::Elsewhere(format!(
            "no node of a registered cluster runs on {instance_id} (EC2: {ec2})"
        ))),
        (None, faults) => Err(format!("EC2: {ec2}; {}", faults.join("; "))),
    }
}

/// Asks all registered clusters for their nodes: the first that has the instance answers, whatever keeps
/// the others. Without an answer, the faults of those that could not be asked.
async fn from_node_lists(clusters: &impl Clusters, instance_id: &str, budget: &Budget) -> Lists {
    let names = clusters.names();
    let mut lists: FuturesUnordered<_> = names
        .iter()
        .filter_map(|name| {
            let cluster = clusters.get(name)?;
            Some(
                async move { (name, budget.retried("kubernetes:list nodes", || cluster.list_nodes()).await) },
            )
        })
        .collect();
    let mut faults = Vec::new();
    while let Some((name, nodes)) = lists.next().await {
        match nodes {
            Ok(nodes) => {
                if let Some(node) = nodes.iter().find(|n| runs_on(n, instance_id)) {
                    return (Some(from_node(node, name, instance_id)), faults);
                }
            }
            Err(error) => faults.push(format!("cluster {name}: {error}")),
        }
    }
    (None, faults)
}

fn from_instance(instance: &Instance, registered: &[String]) -> Located {
    let named = cluster_names(instance);
    let Some(cluster) = named.iter().find(|name| registered.contains(name)) else {
        return Located::Elsewhere(match named.first() {
            None => format!("{} carries no cluster tag", instance.id),
            Some(name) => format!("cluster {name} is not registered"),
        });
    };
    if matches!(instance.state.as_str(), "terminated" | "shutting-down") {
        return Located::Elsewhere(format!("{} is {} already", instance.id, instance.state));
    }
    let tag = |key: &str| instance.tags.get(key).cloned();
    Located::Here(Target {
        instance_id: instance.id.clone(),
        cluster: cluster.clone(),
        provider_id: format!("aws:///{}/{}", instance.zone.as_deref().unwrap_or_default(), instance.id),
        node: instance.private_dns_name.clone().filter(|name| !name.is_empty()),
        group: tag("aws:autoscaling:groupName"),
        managed: tag("eks:nodegroup-name").is_some(),
        without_ec2: None,
    })
}

fn from_node(node: &Node, cluster: &str, instance_id: &str) -> Target {
    let labels = node.metadata.labels.as_ref();
    Target {
        instance_id: instance_id.to_owned(),
        cluster: cluster.to_owned(),
        provider_id: provider_id(node).to_owned(),
        node: node.metadata.name.clone(),
        group: None,
        managed: labels.is_some_and(|l| l.contains_key("eks.amazonaws.com/nodegroup")),
        without_ec2: None,
    }
}

/// Names of the clusters that an instance's tags give it to: EKS's own tags first.
fn cluster_names(instance: &Instance) -> Vec<String> {
    let own = ["aws:eks:cluster-name", "eks:cluster-name"].iter().filter_map(|key| instance.tags.get(*key));
    let shared = instance.tags.keys().filter_map(|key| key.strip_prefix("kubernetes.io/cluster/"));
    own.map(String::as_str).chain(shared).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;

//! Situations of a notice, and their outcome in the cluster, in Auto Scaling and in the audit log.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_autoscaling::types::Tag;
use cast_spot_real::{
    clock::eventually,
    cloud,
    lab::Lab,
    notice::Notice,
    process::free_port,
    stack::{CLUSTER, Stack, user_of},
    workload::{Owner, Workload},
};
use k8s_openapi::api::core::v1::{Event, Node};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use crate::permission::{self, Permission};

/// Pods on the node.
const PODS: usize = 2;

/// A situation in which a notice arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    /// Two pods without obstacles.
    Drain,
    /// Two pods without a controller.
    Unowned,
    /// The node's providerID is not the one that EC2's answer leads to: the first patch is refused.
    OtherProviderId,
    /// EC2 refuses connections.
    Ec2Unreachable,
    /// A PodDisruptionBudget never allows the eviction.
    Budget,
    /// The group has a termination hook.
    Hook,
    /// The group has Capacity Rebalancing and does nothing.
    Unreplaced,
    /// The group's tag names another cluster.
    OtherClustersGroup,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The report's outcome.
    pub(crate) outcome: &'static str,
    /// The node is unschedulable.
    pub(crate) cordoned: bool,
    /// The report's outcome of each pod; `None` if it lists none.
    pub(crate) pods: Option<&'static str>,
    /// Number of pods still on the node.
    pub(crate) left: usize,
    /// Outcome and method of the replacement.
    pub(crate) replacement: (&'static str, &'static str),
    /// The instance's lifecycle state in its group; `None` if it has left.
    pub(crate) member: Option<&'static str>,
    /// Whether the node has Events.
    pub(crate) events: bool,
}

/// A handled notice.
pub(crate) struct Handled {
    pub(crate) report: Value,
    pub(crate) log: String,
    /// Verbs and resources that the API server refused to this function.
    pub(crate) refused: BTreeSet<(String, String)>,
    /// Number of lists of the node's pods.
    pub(crate) lists: usize,
    cordoned: bool,
    left: usize,
    member: Option<String>,
    events: bool,
}

impl Situation {
    /// The outcome with all permissions.
    pub(crate) fn expected(self) -> Seen {
        let drained = Seen {
            outcome: "drained",
            cordoned: true,
            pods: Some("evicted"),
            left: 0,
            replacement: ("confirmed", "detach"),
            member: None,
            events: true,
        };
        match self {
            Self::Drain | Self::Unowned | Self::OtherProviderId | Self::Ec2Unreachable | Self::Hook => {
                drained
            }
            Self::Budget => Seen { pods: Some("deleted"), ..drained },
            Self::Unreplaced => Seen {
                outcome: "drained_without_replacement",
                replacement: ("failed", "verify"),
                member: Some("InService"),
                ..drained
            },
            Self::OtherClustersGroup => Seen {
                outcome: "drained_without_replacement",
                replacement: ("failed", "detach"),
                member: Some("InService"),
                ..drained
            },
        }
    }

    /// Sends one notice to a function without `missing`.
    pub(crate) async fn meet(
        self,
        stack: &Stack,
        name: &str,
        missing: Option<Permission>,
    ) -> Result<Handled> {
        let mut lab = match self {
            Self::Unreplaced => Lab::open_with(stack, name, |group| group.capacity_rebalance(true)).await?,
            _ => Lab::open(stack, name).await?,
        };
        let mut settings = Vec::new();
        let mut age = 0;
        let nowhere = format!("http://127.0.0.1:{}", free_port()?);
        let mut workload = Workload::deployment("web", u32::try_from(PODS)?);
        match self {
            // Without EC2 or Auto Scaling it is retried until shortly before the deadline.
            Self::Drain => age = 70,
            Self::Unowned => workload = Workload::of(Owner::Bare, "web", u32::try_from(PODS)?),
            Self::OtherProviderId => {
                other_provider_id(&mut lab).await?;
                // Reading the node is retried until shortly before the deadline.
                age = 105;
            }
            Self::Ec2Unreachable => {
                settings.push(("AWS_ENDPOINT_URL_EC2", nowhere.as_str()));
                // Without an answer the handler retries until shortly before the deadline.
                age = 95;
            }
            Self::Budget => {
                // The last moment is 5 s of margin and 2 s of grace before the deadline.
                workload = workload.grace(2);
                age = 100;
            }
            Self::Hook => add_termination_hook(&lab).await?,
            // The group is watched until shortly before the deadline.
            Self::Unreplaced => age = 95,
            Self::OtherClustersGroup => give_group_to_another_cluster(&lab).await?,
        }
        lab.run(&workload).await?;
        if self == Self::Budget {
            lab.budget("web", "web", &json!({ "minAvailable": PODS })).await?;
        }
        lab.function = permission::function(stack, name, missing, &settings).await?;
        ensure!(lab.pods_on(lab.victim()).await?.len() == PODS, "the pods are not on the node");
        let report = lab.invoke(&Notice::of(lab.victim()).seconds_ago(age)).await?;
        Handled::of(&lab, report).await
    }
}

impl Handled {
    async fn of(lab: &Lab<'_>, report: Value) -> Result<Self> {
        let victim = lab.victim();
        let user = user_of(&lab.name);
        let mut asked = lab.stack.control_plane.audit().entries()?;
        asked.retain(|entry| entry.user == user);
        let lists = asked.iter().filter(|call| (&*call.verb, &*call.resource) == ("list", "pods")).count();
        let refused = asked.into_iter().filter(|call| matches!(call.code, 401 | 403));
        let refused = refused.map(|call| {
            let subresource = call.subresource.map(|name| format!("/{name}")).unwrap_or_default();
            (call.verb, call.resource + &subresource)
        });
        let about = ListParams::default().fields(&format!("involvedObject.name={}", victim.node));
        let events = Api::<Event>::namespaced(lab.stack.kube.clone(), "default").list(&about).await?;
        let log = eventually("the function's log", Duration::from_secs(10), async || {
            let log = lab.function.log().await?;
            Ok(log.iter().any(|line| line.starts_with("REPORT")).then_some(log))
        });
        Ok(Self {
            refused: refused.collect(),
            lists,
            // The lines are JSON, so quotes in them are escaped.
            log: log.await?.join("\n").replace(r#"\""#, "\""),
            cordoned: lab.node(victim).await?.spec.and_then(|spec| spec.unschedulable) == Some(true),
            left: lab.pods_on(victim).await?.len(),
            member: lab.group().await?.remove(&victim.instance),
            events: events.items.iter().any(|event| event.reason.as_deref() == Some("SpotInterruption")),
            report,
        })
    }

    /// Fails if the outcome is not as `expected`.
    pub(crate) fn check(&self, expected: &Seen) -> Result<()> {
        let report = &self.report;
        ensure!(report["outcome"] == expected.outcome, "outcome {report}");
        ensure!(self.cordoned == expected.cordoned, "cordoned: {} {report}", self.cordoned);
        let pods = expected.pods.map_or_else(|| json!({}), |outcome| json!({ outcome: PODS }));
        ensure!(report["summary"] == pods, "pods {report}");
        ensure!(self.left == expected.left, "{} pods left {report}", self.left);
        let (outcome, method) = expected.replacement;
        let replacement = &report["replacement"];
        ensure!(replacement["outcome"] == outcome && replacement["method"] == method, "{report}");
        ensure!(self.member.as_deref() == expected.member, "in its group: {:?} {report}", self.member);
        ensure!(self.events == expected.events, "Events: {} {report}", self.events);
        Ok(())
    }
}

/// Makes a second machine the victim, registered under another zone than that in EC2. (providerID is immutable, and
/// KWOK does not play a Node that is recreated under its name.) The first machine takes no pods.
async fn other_provider_id(lab: &mut Lab<'_>) -> Result<()> {
    let (account, kube) = (&lab.stack.account, &lab.stack.kube);
    let resize = account.auto_scaling.set_desired_capacity().auto_scaling_group_name(&lab.name);
    resize.desired_capacity(2).send().await?;
    let first = lab.victim().clone();
    let members = cloud::members(account, &lab.name).await?;
    let new = members.iter().find(|member| member.instance_id() != Some(&first.instance));
    let new = new.context("a second instance")?;
    let (id, name) = (new.instance_id().unwrap_or_default(), new.private_dns_name().unwrap_or_default());

    let nodes: Api<Node> = Api::all(kube.clone());
    let labels = lab.node(&first).await?.metadata.labels;
    nodes.cordon(&first.node).await?;
    let size = json!({ "cpu": "8", "memory": "32Gi", "pods": "110" });
    let node = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": labels },
        "spec": { "providerID": format!("aws:///elsewhere/{id}") },
        "status": { "capacity": size, "allocatable": size },
    }))?;
    nodes.create(&PostParams::default(), &node).await?;
    lab.machines = cloud::join(account, kube, &lab.name).await?;
    lab.machines.retain(|machine| *machine != first);
    Ok(())
}

async fn add_termination_hook(lab: &Lab<'_>) -> Result<()> {
    let hook = lab.stack.account.auto_scaling.put_lifecycle_hook().auto_scaling_group_name(&lab.name);
    let hook = hook.lifecycle_hook_name("drain").lifecycle_transition("autoscaling:EC2_INSTANCE_TERMINATING");
    hook.send().await?;
    Ok(())
}

/// The instance keeps the tags that it was launched with.
async fn give_group_to_another_cluster(lab: &Lab<'_>) -> Result<()> {
    let tag = |cluster: &str| {
        let tag = Tag::builder().resource_id(&lab.name).resource_type("auto-scaling-group");
        let tag = tag.key(format!("kubernetes.io/cluster/{cluster}")).value("owned");
        tag.propagate_at_launch(true).build()
    };
    let auto_scaling = &lab.stack.account.auto_scaling;
    auto_scaling.create_or_update_tags().tags(tag("another")).send().await?;
    auto_scaling.delete_tags().tags(tag(CLUSTER)).send().await?;
    Ok(())
}

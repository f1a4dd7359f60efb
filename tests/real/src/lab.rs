//! The lab of one scenario: a namespace, an Auto Scaling group with its nodes, and pods that run on no other nodes.
//! Scenarios do not affect one another.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_autoscaling::operation::create_auto_scaling_group::builders::CreateAutoScalingGroupFluentBuilder;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use cast_spot_infra::events::SPOT_INTERRUPTION;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, StatefulSet},
    core::v1::{Namespace, Node, Pod, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Resource,
    api::{ListParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    audit,
    clock::eventually,
    cloud::{self, Machine},
    function::Function,
    notice::Notice,
    stack::{CLUSTER, HANDLER_GROUP, Stack},
    workload::{Owner, Workload},
};

/// Time limit of everything but the function: machines may be slow.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A scenario's part of the stack.
pub struct Lab<'s> {
    /// The stack.
    pub stack: &'s Stack,
    /// Name of the namespace, the group and the label of the nodes.
    pub name: String,
    /// The group's machines; the first is the one that gets the notice.
    pub machines: Vec<Machine>,
    /// The function that [`Lab::invoke`] calls: the deployed one, unless the scenario needs other settings.
    pub function: Function,
}

impl<'s> Lab<'s> {
    /// Creates a namespace and a group with one machine.
    pub async fn open(stack: &'s Stack, name: &str) -> Result<Self> {
        Self::open_with(stack, name, |group| group).await
    }

    /// [`Lab::open`] with `more` added to the request for the group.
    pub async fn open_with(
        stack: &'s Stack,
        name: &str,
        more: impl FnOnce(CreateAutoScalingGroupFluentBuilder) -> CreateAutoScalingGroupFluentBuilder,
    ) -> Result<Self> {
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        Api::all(stack.kube.clone()).create(&PostParams::default(), &namespace).await?;
        cloud::group(&stack.account, CLUSTER, name, more).await?;
        let mut lab =
            Self { stack, name: name.to_owned(), machines: Vec::new(), function: stack.function.clone() };
        lab.scale(1).await?;
        // Without it the API server refuses pods.
        eventually("the namespace has its service account", PATIENCE, async || {
            Ok(lab.api::<ServiceAccount>().get_opt("default").await?)
        })
        .await?;
        Ok(lab)
    }

    /// Gives the scenario a function of its own, with these settings.
    pub async fn configure(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        self.function = self.stack.another_function(&self.name, settings).await?;
        Ok(())
    }

    /// Sets the group's size; returns when new machines are Ready.
    pub async fn scale(&mut self, machines: usize) -> Result<()> {
        let desired = i32::try_from(machines)?;
        self.machines = cloud::scale(&self.stack.account, &self.stack.kube, &self.name, desired).await?;
        Ok(())
    }

    /// The machine that gets the notice.
    #[must_use]
    pub fn victim(&self) -> &Machine {
        &self.machines[0]
    }

    /// A client for objects of the scenario's namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.stack.kube.clone(), &self.name)
    }

    /// Creates an object in the scenario's namespace.
    pub async fn create<K>(&self, object: Value) -> Result<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
        K::DynamicType: Default,
    {
        let object = serde_json::from_value(object)?;
        Ok(self.api::<K>().create(&PostParams::default(), &object).await?)
    }

    /// Starts a workload and waits until each of its pods is on a node and Running.
    pub async fn run(&self, workload: &Workload) -> Result<()> {
        let template = workload.template(&self.name);
        let (name, selector) = (&workload.name, json!({ "matchLabels": workload.labels() }));
        let spec = json!({ "replicas": workload.replicas, "selector": selector, "template": template });
        let object = json!({ "metadata": { "name": name }, "spec": spec });
        match workload.owner {
            Owner::Deployment => drop(self.create::<Deployment>(object).await?),
            Owner::StatefulSet => {
                let mut object = object;
                object["spec"]["serviceName"] = name.as_str().into();
                drop(self.create::<StatefulSet>(object).await?);
            }
            Owner::DaemonSet => {
                let spec = json!({ "selector": selector, "template": template });
                drop(self.create::<DaemonSet>(json!({ "metadata": { "name": name }, "spec": spec })).await?);
            }
            Owner::Bare | Owner::Kubelet | Owner::Bound => {
                for index in 0..workload.replicas {
                    let mut pod = template.clone();
                    pod["metadata"]["name"] = format!("{name}-{index}").into();
                    if workload.owner != Owner::Bare {
                        // Past the scheduler.
                        pod["spec"]["nodeName"] = self.victim().node.as_str().into();
                    }
                    self.create::<Pod>(pod).await?;
                }
            }
        }
        let expected = match workload.owner {
            Owner::DaemonSet => self.machines.len(),
            _ => workload.replicas as usize,
        };
        eventually(&format!("{expected} pods of {}/{name} run", self.name), PATIENCE, async || {
            let running = self.pods_of(name).await?.iter().filter(|pod| phase(pod) == "Running").count();
            Ok((running >= expected).then_some(()))
        })
        .await
    }

    /// A PodDisruptionBudget over the pods of one workload; `limit` is its minAvailable or maxUnavailable, and
    /// other fields of its spec. Returns when the disruption controller has processed it.
    pub async fn budget(&self, name: &str, workload: &str, limit: &Value) -> Result<()> {
        let mut spec = json!({ "selector": { "matchLabels": { "app": workload } } });
        for (key, value) in limit.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let object = json!({ "metadata": { "name": name }, "spec": spec });
        self.create::<PodDisruptionBudget>(object).await?;
        let budgets = self.api::<PodDisruptionBudget>();
        eventually(&format!("budget {name} is observed"), PATIENCE, async || {
            let budget = budgets.get(name).await?;
            let observed = budget.status.and_then(|status| status.observed_generation);
            Ok((observed.is_some() && observed == budget.metadata.generation).then_some(()))
        })
        .await
    }

    /// All pods of the namespace.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        Ok(self.api::<Pod>().list(&ListParams::default()).await?.items)
    }

    /// The pods of one workload.
    pub async fn pods_of(&self, workload: &str) -> Result<Vec<Pod>> {
        Ok(self.api::<Pod>().list(&ListParams::default().labels(&format!("app={workload}"))).await?.items)
    }

    /// The scenario's pods on a machine, by name.
    pub async fn pods_on(&self, machine: &Machine) -> Result<BTreeMap<String, Pod>> {
        let on_node = ListParams::default().fields(&format!("spec.nodeName={}", machine.node));
        let pods = self.api::<Pod>().list(&on_node).await?;
        Ok(pods.into_iter().map(|pod| (pod.metadata.name.clone().unwrap_or_default(), pod)).collect())
    }

    /// The Node of a machine.
    pub async fn node(&self, machine: &Machine) -> Result<Node> {
        Ok(Api::<Node>::all(self.stack.kube.clone()).get(&machine.node).await?)
    }

    /// Puts a notice on the event bus, as EC2 does. The rule calls the deployed function.
    pub async fn send(&self, notice: &Notice) -> Result<()> {
        let entry = PutEventsRequestEntry::builder()
            .source("aws.ec2")
            .detail_type(SPOT_INTERRUPTION.detail_type)
            .detail(notice.detail().to_string())
            .resources(notice.resource())
            .time(aws_sdk_eventbridge::primitives::DateTime::from_secs(notice.time.as_second()))
            .build();
        let answer = self.stack.account.event_bridge.put_events().entries(entry).send().await?;
        ensure!(answer.failed_entry_count() == 0, "PutEvents: {:?}", answer.entries());
        Ok(())
    }

    /// [`Lab::send`], then waits for the deployed function's report in CloudWatch Logs.
    pub async fn notify(&self, notice: &Notice) -> Result<Value> {
        let before = self.stack.function.reports(&notice.instance).await?.len();
        self.send(notice).await?;
        self.stack.function.report(&notice.instance, before + 1, Duration::from_secs(150)).await
    }

    /// Invokes the scenario's function and returns its report.
    pub async fn invoke(&self, notice: &Notice) -> Result<Value> {
        let answer = self.function.invoke(&notice.event()).await?;
        ensure!(answer.error.is_none(), "the function failed: {}", answer.payload);
        Ok(answer.payload)
    }

    /// The function's calls about this scenario's namespace or nodes, from the API server's audit log.
    pub fn calls(&self) -> Result<Vec<audit::Entry>> {
        let mut entries = self.stack.control_plane.audit().entries()?;
        entries.retain(|entry| {
            entry.groups.iter().any(|group| group.starts_with(HANDLER_GROUP))
                && (entry.namespace.as_deref() == Some(self.name.as_str())
                    || self.machines.iter().any(|machine| entry.uri.contains(&machine.node)))
        });
        Ok(entries)
    }

    /// Lifecycle states of the group's instances in Auto Scaling, by instance id.
    pub async fn group(&self) -> Result<BTreeMap<String, String>> {
        let call = self.stack.account.auto_scaling.describe_auto_scaling_groups();
        let groups = call.auto_scaling_group_names(&self.name).send().await?.auto_scaling_groups;
        let group = groups.into_iter().flatten().next().context("the scenario's group")?;
        let members = group.instances.into_iter().flatten();
        Ok(members
            .filter_map(|member| Some((member.instance_id?, member.lifecycle_state?.as_str().to_owned())))
            .collect())
    }
}

/// status.phase.
#[must_use]
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

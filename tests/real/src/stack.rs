//! The whole stack, wired as by onboarding: a cluster registered in EKS, the function deployed, its role with access to
//! the cluster, a rule that sends it Spot notices.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_lambda::types::FunctionConfiguration;
use cast_spot_infra::{
    events::SPOT_INTERRUPTION,
    iam,
    kubernetes::{ADMISSION, FLOW_CONTROL, RBAC},
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::Value;

use crate::{
    account::{Account, REGION},
    control_plane::ControlPlane,
    emulators::Emulators,
    function::Function,
    process,
    proxy::{Proxy, Wire},
    tools::Tools,
};

/// The EKS cluster of the stack.
pub const CLUSTER: &str = "lab";
/// The user that `infra/kubernetes/rbac.yaml` binds: the function's.
pub const HANDLER_USER: &str = "cast-spot:cast-spot";
/// The group of all sessions of the function's role.
pub const HANDLER_GROUP: &str = "cast-spot:handler";
/// The user and the group of the role in its access entry.
pub const SESSIONS: (&str, &str) = ("cast-spot:{{SessionName}}", HANDLER_GROUP);
/// The function's name in cargo-lambda.toml and in onboarding.
pub const FUNCTION: &str = "cast-spot";
/// The function's role, by its name in CAST AI's documentation.
pub const HANDLER_ROLE: &str = "CastLambdaRoleForSpot";

/// The running parts, and clients for all of them.
pub struct Stack {
    /// Logs, process ids, keys.
    pub folder: PathBuf,
    /// The programs.
    pub tools: Tools,
    /// moto and ministack.
    pub emulators: Emulators,
    /// The cluster's control plane.
    pub control_plane: ControlPlane,
    /// Admin of the cluster.
    pub kube: kube::Client,
    /// Root of the account.
    pub account: Account,
    /// The wires of the function's calls.
    pub wires: Wires,
    /// The function as it was deployed with cargo-lambda, called by EventBridge.
    pub function: Function,
    proxy: Proxy,
}

/// One wire for each API that the function calls.
#[derive(Debug, Clone)]
pub struct Wires {
    /// The cluster's API server.
    pub kubernetes: Wire,
    /// EC2.
    pub ec2: Wire,
    /// EC2 Auto Scaling.
    pub auto_scaling: Wire,
    /// EKS.
    pub eks: Wire,
}

impl Stack {
    /// Starts everything in `folder`, after ending what an earlier run has left there, and onboards the cluster by
    /// hand. `progress` receives each step.
    pub async fn start(tools: Tools, folder: &Path, progress: impl Fn(&str)) -> Result<Self> {
        let stack = Self::bare(tools, folder, &progress).await?;
        progress("creating the role and its access entry");
        let role = stack.account.function_role(HANDLER_ROLE, &handler_policy()).await?;
        stack.account.access_entry(CLUSTER, &role, SESSIONS).await?;
        apply_manifests(&stack.kube).await?;

        progress("deploying the function with cargo-lambda");
        let ministack = &stack.emulators.ministack;
        stack.function.deploy(&stack.tools, ministack, &role, &stack.environment(&[])).await?;
        stack.rule(&stack.function, "cast-spot-interruption").await?;
        Ok(stack)
    }

    /// Starts everything without onboarding: a cluster, and nothing of cast-spot.
    pub async fn bare(tools: Tools, folder: &Path, progress: impl Fn(&str)) -> Result<Self> {
        process::stop_left_running(folder)?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        progress("starting moto, ministack and Toxiproxy");
        let (emulators, proxy) =
            tokio::try_join!(Emulators::start(&tools, folder), Proxy::start(&tools, folder))?;
        progress("starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK");
        let webhook = emulators.token_webhook(CLUSTER);
        let control_plane = ControlPlane::start(&tools, folder, Some(&webhook)).await?;
        let wires = Wires {
            kubernetes: proxy.wire("kubernetes", port(&control_plane.address())?).await?,
            ec2: proxy.wire("ec2", port(&emulators.moto)?).await?,
            auto_scaling: proxy.wire("auto-scaling", port(&emulators.moto)?).await?,
            eks: proxy.wire("eks", port(&emulators.ministack)?).await?,
        };
        let account = Account::of(&emulators).await;
        let kube = control_plane.client()?;

        progress("creating the cluster");
        let endpoint = format!("https://127.0.0.1:{}", wires.kubernetes.port());
        emulators.set_cluster(CLUSTER, &endpoint, &control_plane.ca_pem()?).await?;
        create_cluster(&account, CLUSTER).await?;
        let function = Function::named(&account, FUNCTION);
        let folder = folder.to_owned();
        Ok(Self { folder, tools, emulators, control_plane, kube, account, wires, function, proxy })
    }

    /// The environment of a function of this stack: `settings` on top of the endpoints.
    #[must_use]
    pub fn environment(&self, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        environment(&self.wires, settings)
    }

    /// Another function of the same role, with the same rights in the cluster.
    pub async fn another_function(&self, name: &str, settings: &[(&str, &str)]) -> Result<Function> {
        self.admit(name).await?;
        let role = self.account.iam.get_role().role_name(HANDLER_ROLE).send().await?;
        let role = role.role.context("GetRole answers a role")?.arn;
        Function::create(&self.account, &self.tools, name, &role, &self.environment(settings)).await
    }

    /// Gives the function called `name` the rights that the one called `cast-spot` has in the cluster.
    pub async fn admit(&self, name: &str) -> Result<()> {
        let (_, mut binding) = rbac()?;
        binding.metadata.name = Some(format!("cast-spot-handler-{name}"));
        binding.subjects.iter_mut().flatten().for_each(|subject| subject.name = user_of(name));
        Api::all(self.kube.clone()).create(&PostParams::default(), &binding).await?;
        Ok(())
    }

    /// A rule with the event pattern of `infra/`, and the function as its target.
    pub async fn rule(&self, function: &Function, name: &str) -> Result<()> {
        let events = &self.account.event_bridge;
        let rule = events.put_rule().name(name).event_pattern(SPOT_INTERRUPTION.pattern).send().await?;
        let FunctionConfiguration { function_arn, .. } = self
            .account
            .lambda
            .get_function()
            .function_name(&function.name)
            .send()
            .await?
            .configuration
            .context("GetFunction answers a configuration")?;
        let allow = self.account.lambda.add_permission().function_name(&function.name).statement_id(name);
        let allow = allow.action("lambda:InvokeFunction").principal("events.amazonaws.com");
        allow.set_source_arn(rule.rule_arn).send().await?;
        let target = Target::builder().id("function").arn(function_arn.unwrap_or_default()).build()?;
        events.put_targets().rule(name).targets(target).send().await?;
        Ok(())
    }

    /// Adds a wire to the proxy.
    pub async fn wire(&self, name: &str, upstream: u16) -> Result<Wire> {
        self.proxy.wire(name, upstream).await
    }

    /// Lets everything run after this value is dropped. `process::stop_left_running(folder)` ends it.
    pub fn leave_running(&mut self) {
        self.emulators.leave_running();
        self.control_plane.leave_running();
        self.proxy.leave_running();
    }
}

fn environment(wires: &Wires, settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let endpoint = |wire: &Wire| format!("http://127.0.0.1:{}", wire.port());
    let mut environment = vec![
        ("AWS_ENDPOINT_URL_EC2".to_owned(), endpoint(&wires.ec2)),
        ("AWS_ENDPOINT_URL_AUTO_SCALING".to_owned(), endpoint(&wires.auto_scaling)),
        ("AWS_ENDPOINT_URL_EKS".to_owned(), endpoint(&wires.eks)),
        ("CAST_SPOT_CLUSTERS".to_owned(), CLUSTER.to_owned()),
        // Most scenarios have no late pods, and are over when the node is empty.
        ("CAST_SPOT_STAY".to_owned(), "0".to_owned()),
    ];
    for (name, value) in settings {
        environment.retain(|(known, _)| known != name);
        environment.push(((*name).to_owned(), (*value).to_owned()));
    }
    environment
}

/// Creates a cluster in EKS; its other parameters do not matter here.
pub async fn create_cluster(account: &Account, name: &str) -> Result<()> {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = format!("eks-{name}");
    let role = account.iam.create_role().role_name(role).assume_role_policy_document(trust).send().await?;
    let network =
        aws_sdk_eks::types::VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
    let access = aws_sdk_eks::types::CreateAccessConfigRequest::builder()
        .authentication_mode(aws_sdk_eks::types::AuthenticationMode::ApiAndConfigMap)
        .build();
    let role = role.role.context("CreateRole answers a role")?.arn;
    let call = account.eks.create_cluster().name(name).role_arn(role).resources_vpc_config(network);
    call.access_config(access).send().await.with_context(|| format!("cluster {name}"))?;
    Ok(())
}

/// `infra/iam/handler.json` for this account and cluster.
#[must_use]
pub fn handler_policy() -> String {
    iam::HANDLER
        .replace("<partition>", "aws")
        .replace("<region>", REGION)
        .replace("<account>", crate::emulators::ACCOUNT)
        .replace("<cluster>", CLUSTER)
}

/// The user of the function called `name`.
#[must_use]
pub fn user_of(name: &str) -> String {
    SESSIONS.0.replace("{{SessionName}}", name)
}

/// `infra/kubernetes/rbac.yaml`: the ClusterRole and its binding.
pub fn rbac() -> Result<(ClusterRole, ClusterRoleBinding)> {
    let mut documents = RBAC.split("\n---\n");
    let mut next = || documents.next().context("infra/kubernetes/rbac.yaml has two documents");
    Ok((serde_saphyr::from_str(next()?)?, serde_saphyr::from_str(next()?)?))
}

/// Creates all objects of `infra/kubernetes/`, but for what only `cast-spot savings` needs.
async fn apply_manifests(kube: &kube::Client) -> Result<()> {
    for document in [FLOW_CONTROL, ADMISSION, RBAC].iter().flat_map(|text| text.split("\n---\n")) {
        create(kube, document).await.with_context(|| document.to_owned())?;
    }
    Ok(())
}

/// Creates one cluster-wide object.
async fn create(kube: &kube::Client, document: &str) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(serde_saphyr::from_str::<Value>(document)?)?;
    let types = object.types.as_ref().context("an object names its kind")?;
    let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
    let resource = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, &types.kind));
    Api::all_with(kube.clone(), &resource).create(&PostParams::default(), &object).await?;
    Ok(())
}

fn port(url: &str) -> Result<u16> {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).with_context(|| format!("no port in {url}"))
}

//! Karpenter: the CustomResourceDefinitions of its AWS provider on a control plane, and its controller with the KWOK
//! provider, which creates nodes without machines.
//!
//! The KWOK provider has a node class of its own: [`on_kwok`] makes NodePools of AWS ones for it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::pinned_kind,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    clock::eventually,
    control_plane::ControlPlane,
    process::{Process, free_port},
    tools,
};

const PATIENCE: Duration = Duration::from_mins(2);
const MANAGER: &str = "cast-spot-tests";

/// The node class of the KWOK provider.
const NODE_CLASS: (&str, &str) = ("karpenter.kwok.sh", "KWOKNodeClass");

/// Resources that the KWOK provider takes off each node (`kwok/cloudprovider/helpers.go`): thousandths of a CPU, bytes.
const OVERHEAD: (u64, u64) = (100, 10 * 1024 * 1024);

/// Programs of Karpenter, which `cargo xtask` builds for the tier `extended`.
#[derive(Debug, Clone)]
pub struct Programs {
    controller: PathBuf,
    crds: PathBuf,
}

impl Programs {
    /// Reads the environment.
    pub fn from_environment() -> Result<Self> {
        let [controller, crds] = tools::paths(["CAST_SPOT_KARPENTER", "CAST_SPOT_KARPENTER_CRDS"])?;
        Ok(Self { controller, crds })
    }

    /// Creates the CustomResourceDefinitions, and waits until the API server serves them.
    pub async fn add_crds(&self, client: &Client) -> Result<()> {
        let printed = Command::new(&self.crds).output().context("the CRDs of Karpenter")?;
        ensure!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let text = String::from_utf8(printed.stdout)?;
        let crds: Vec<Value> = serde_saphyr::from_multiple(&text)?;
        for crd in &crds {
            apply(client, crd, Mode::Real).await?;
        }
        eventually("the kinds of Karpenter are served", PATIENCE, async || {
            for crd in &crds {
                let of = |field: &str| crd["spec"][field].as_str().unwrap_or_default();
                let version = crd["spec"]["versions"][0]["name"].as_str().unwrap_or_default();
                let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default();
                pinned_kind(client, &GroupVersionKind::gvk(of("group"), version, kind)).await?;
            }
            Ok(Some(()))
        })
        .await
    }
}

/// Whether the API server keeps an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It only validates it.
    DryRun,
    /// It keeps it.
    Real,
}

/// Applies an object on the server's side, with strict validation: unknown fields are errors.
pub async fn apply(client: &Client, object: &Value, mode: Mode) -> Result<()> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
    let kind = GroupVersionKind::gvk(group, version, text("kind"));
    let (resource, _) = pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object["metadata"]["name"].as_str().context("a name")?;
    let mut params = PatchParams::apply(MANAGER).validation_strict();
    params.dry_run = mode == Mode::DryRun;
    api.patch(name, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("{} {name}", text("kind")))?;
    Ok(())
}

/// A type of the KWOK provider's file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    name: String,
    architecture: String,
    operating_systems: [&'static str; 1],
    resources: BTreeMap<String, String>,
    offerings: Vec<Value>,
}

impl InstanceType {
    /// A Linux type with this much for pods and their number at most.
    #[must_use]
    pub fn new(name: &str, architecture: &str, cpu_millis: u64, memory: u64, pods: u32) -> Self {
        let resources = [
            ("cpu", format!("{}m", cpu_millis + OVERHEAD.0)),
            ("memory", (memory + OVERHEAD.1).to_string()),
            ("pods", pods.to_string()),
        ];
        Self {
            name: name.to_owned(),
            architecture: architecture.to_owned(),
            operating_systems: ["linux"],
            resources: resources.map(|(resource, amount)| (resource.to_owned(), amount)).into(),
            offerings: Vec::new(),
        }
    }

    /// The same with more of a resource.
    #[must_use]
    pub fn with(mut self, resource: &str, amount: u64) -> Self {
        self.resources.insert(resource.to_owned(), amount.to_string());
        self
    }

    /// The same with an offer. `capacity_type` is Karpenter's word for the market; the price is for an hour, in dollars.
    #[must_use]
    pub fn offered(mut self, zone: &str, capacity_type: &str, price: f64) -> Self {
        let (family, size) = self.name.split_once('.').unwrap_or((&self.name, ""));
        let labels = [
            ("karpenter.sh/capacity-type", capacity_type),
            ("topology.kubernetes.io/zone", zone),
            // Labels of the AWS provider, which the KWOK provider knows from here only.
            ("karpenter.k8s.aws/instance-family", family),
            ("karpenter.k8s.aws/instance-size", size),
        ];
        let requirements =
            labels.map(|(key, value)| json!({ "key": key, "operator": "In", "values": [value] }));
        let offering = json!({ "Price": price, "Available": true, "Requirements": requirements });
        self.offerings.push(offering);
        self
    }
}

/// Objects for the AWS provider as objects for the KWOK provider: NodePools refer to its node class, and each
/// EC2NodeClass becomes one.
#[must_use]
pub fn on_kwok(objects: &[Value]) -> Vec<Value> {
    let (group, kind) = NODE_CLASS;
    let swapped = objects.iter().map(|object| match object["kind"].as_str() {
        Some("EC2NodeClass") => {
            json!({ "apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": object["metadata"] })
        }
        Some("NodePool") => {
            let mut pool = object.clone();
            let reference = &mut pool["spec"]["template"]["spec"]["nodeClassRef"];
            reference["group"] = group.into();
            reference["kind"] = kind.into();
            pool
        }
        _ => object.clone(),
    });
    swapped.collect()
}

/// Karpenter's controller; dropping it ends it.
#[derive(Debug)]
pub struct Karpenter {
    _controller: Process,
}

impl Karpenter {
    /// Starts the controller with these types, and waits until it is ready. The CRDs have to be there.
    pub async fn start(
        programs: &Programs,
        control_plane: &ControlPlane,
        folder: &Path,
        types: &[InstanceType],
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join("instance-types.json");
        fs::write(&file, serde_json::to_string(types)?)?;
        let (metrics, health) = (free_port()?, free_port()?);
        let mut command = Command::new(&programs.controller);
        command
            .env("KUBECONFIG", control_plane.kubeconfig())
            .arg(format!("--instance-types-file-path={}", file.display()))
            .arg(format!("--metrics-port={metrics}"))
            .arg(format!("--health-probe-port={health}"))
            .arg("--disable-leader-election=true");
        let mut controller = Process::start(folder, "karpenter", &mut command)?;
        controller.ready(PATIENCE, async || is_ready(health).await).await?;
        Ok(Self { _controller: controller })
    }
}

async fn is_ready(port: u16) -> bool {
    let Ok(config) = format!("http://127.0.0.1:{port}").parse().map(kube::Config::new) else { return false };
    let (Ok(client), Ok(request)) =
        (Client::try_from(config), http::Request::get("/readyz").body(Vec::new()))
    else {
        return false;
    };
    client.request_text(request).await.is_ok()
}

//! Comparison by call: one drain, by the function in the lab and by the same handler in the world.
//!
//! ```text
//! setting ─┬─ lab    the deployed function   audit log of the API server ─┐
//!          └─ world  the handler in process  calls as the world got them ─┴─► calls ─► listing, compared
//!                            both: recorder between them and AWS ─────────────────────►
//! ```
//!
//! What depends on the speed of the machine is compared as "at least once": repeated refusals, with any grace, and
//! repeated watches. Accepted calls are compared with their grace.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    clock::eventually,
    lab::Lab,
    notice::Notice,
    stack::{CLUSTER, Stack, user_of},
};
use serde_json::Value;

mod calls;
mod in_world;
mod listing;
mod recorder;
mod setting;

use self::{calls::Call, listing::Names, recorder::Recorder};

/// The calls and the report of one side.
struct Side {
    names: Names,
    kubernetes: Vec<Call>,
    aws: Vec<recorder::Exchange>,
    report: Value,
}

pub(crate) async fn the_world_drains_a_node_call_by_call_like_the_real_parts(stack: &Stack) -> Result<()> {
    let (real, world) = tokio::try_join!(in_lab(stack), in_world::drain())?;

    let mut differences = Vec::new();
    for (what, expected, found) in [
        ("calls to the API server", real.kubernetes_listing()?, world.kubernetes_listing()?),
        ("calls to AWS", real.aws_listing(), world.aws_listing()),
        ("the report", real.report_listing(), world.report_listing()),
    ] {
        ensure!(expected.len() > 5, "{what}: {expected:#?}");
        differences.extend(listing::differences(what, &expected, &found));
    }
    differences.extend(listing::inventions(&real.aws, &world.aws));
    ensure!(differences.is_empty(), "the world is wrong:\n{}", differences.join("\n"));
    Ok(())
}

/// Runs the drain in the lab.
async fn in_lab(stack: &Stack) -> Result<Side> {
    let mut lab = Lab::open(stack, setting::NAMESPACE).await?;
    let ec2_and_auto_scaling = Recorder::before(stack.emulators.moto.clone()).await?;
    let eks = Recorder::before(stack.emulators.ministack.clone()).await?;
    lab.configure(&[
        ("AWS_ENDPOINT_URL_EC2", &ec2_and_auto_scaling.url),
        ("AWS_ENDPOINT_URL_AUTO_SCALING", &ec2_and_auto_scaling.url),
        ("AWS_ENDPOINT_URL_EKS", &eks.url),
    ])
    .await?;
    setting::real(&mut lab).await?;
    let before = lab.pods_on(lab.victim()).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(setting::AGE);

    let report = lab.invoke(&notice).await?;

    for pod in report["pods"].as_array().into_iter().flatten() {
        let real = before.get(pod["name"].as_str().unwrap_or_default());
        let uid = real.and_then(|pod| pod.metadata.uid.as_deref());
        ensure!(pod["uid"] == uid.context("a pod of the node")?, "{pod}");
    }
    let caller = user_of(&lab.function.name);
    let calls = eventually("the watch has ended", Duration::from_secs(10), async || {
        let mut entries = stack.control_plane.audit().entries()?;
        entries.retain(|entry| entry.user == caller);
        Ok(entries.iter().any(|entry| entry.verb == "watch").then_some(entries))
    })
    .await?;
    let victim = lab.victim();
    let names = Names::of(&report, [&victim.node, &victim.instance, &lab.name, CLUSTER]);
    let aws = [eks.take(), ec2_and_auto_scaling.take()].concat();
    Ok(Side { names, kubernetes: calls.into_iter().map(Call::from).collect(), aws, report })
}

impl Side {
    fn kubernetes_listing(&self) -> Result<Vec<String>> {
        listing::of_calls(&self.kubernetes, &self.names)
    }

    fn aws_listing(&self) -> Vec<String> {
        listing::of_exchanges(&self.aws, &self.names)
    }

    fn report_listing(&self) -> Vec<String> {
        listing::of_report(&self.report, &self.names)
    }
}

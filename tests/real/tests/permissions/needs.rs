//! The table of needs: each permission, a situation that needs it, the outcome without it, and where that is reported.

use anyhow::{Context, Result, ensure};
use cast_spot_real::stack::Stack;
use futures_util::future::try_join_all;

use crate::{
    permission::Permission::{self, Action, Verb},
    situation::{Handled, Seen, Situation},
};

/// A permission and the situation that needs it.
pub(crate) struct Need {
    pub(crate) permission: Permission,
    situation: Situation,
    /// The outcome without the permission.
    without: Seen,
    reported: Reported,
}

/// Where the refusal is reported, in the words of the API.
enum Reported {
    /// JSON pointer into the report.
    Report(&'static str),
    /// In the log: the report does not name it.
    Log,
}

const POD: Reported = Reported::Report("/pods/0/reason");
const CORDON: Reported = Reported::Report("/cordon/reason");
const REPLACEMENT: Reported = Reported::Report("/replacement/reason");
const REASON: Reported = Reported::Report("/reason");

/// All needs. Fields that are not listed are as with all permissions.
pub(crate) fn needs() -> Vec<Need> {
    use Situation::{Budget, Drain, Ec2Unreachable, Hook, OtherProviderId, Unowned, Unreplaced};
    let need = |permission, situation: Situation, reported, change: fn(Seen) -> Seen| Need {
        permission,
        situation,
        without: change(situation.expected()),
        reported,
    };
    let not_cordoned: fn(Seen) -> Seen = |seen| Seen {
        outcome: "failed",
        cordoned: false,
        pods: Some("left"),
        left: 2,
        events: false,
        ..seen
    };
    let not_replaced: fn(Seen) -> Seen = |seen| Seen {
        outcome: "drained_without_replacement",
        replacement: ("failed", "none"),
        member: Some("InService"),
        ..seen
    };
    let refused: fn(Seen) -> Seen =
        |seen| Seen { outcome: "incomplete", pods: Some("failed"), left: 2, ..seen };
    vec![
        // A node without a cordon is drained nevertheless.
        need(Verb("patch", "nodes"), Unowned, CORDON, |seen| Seen {
            outcome: "incomplete",
            cordoned: false,
            ..seen
        }),
        need(Verb("list", "pods"), Drain, REASON, |seen| Seen {
            outcome: "failed",
            pods: None,
            left: 2,
            events: false,
            ..seen
        }),
        need(Verb("watch", "pods"), Drain, Reported::Log, |seen| seen),
        // Without evictions, pods are deleted at the last moment.
        need(Verb("create", "pods/eviction"), Budget, POD, |seen| seen),
        need(Verb("create", "events"), Drain, Reported::Log, |seen| Seen { events: false, ..seen }),
        // The report has the reason for the call instead.
        need(Verb("get", "nodes"), OtherProviderId, Reported::Log, not_cordoned),
        // The group's tags locate the instance, too, but name no node.
        need(Verb("list", "nodes"), Ec2Unreachable, REASON, |seen| Seen {
            outcome: "failed",
            cordoned: false,
            pods: None,
            left: 2,
            events: false,
            ..seen
        }),
        need(Verb("delete", "pods"), Budget, POD, refused),
        need(Verb("list", "poddisruptionbudgets"), Budget, POD, |seen| seen),
        need(Action("ec2:DescribeInstances"), Drain, REASON, |seen| seen),
        need(Action("eks:DescribeCluster"), Drain, CORDON, |seen| Seen {
            outcome: "failed",
            cordoned: false,
            pods: None,
            left: 2,
            events: false,
            ..seen
        }),
        need(Action("autoscaling:DescribeAutoScalingInstances"), Drain, REPLACEMENT, not_replaced),
        need(Action("autoscaling:DescribeAutoScalingGroups"), Drain, REPLACEMENT, not_replaced),
        need(Action("autoscaling:DetachInstances"), Drain, REPLACEMENT, |seen| Seen {
            outcome: "drained_without_replacement",
            replacement: ("failed", "detach"),
            member: Some("InService"),
            ..seen
        }),
        need(Action("autoscaling:DescribeLifecycleHooks"), Hook, REPLACEMENT, |seen| seen),
        need(Action("autoscaling:DescribeScalingActivities"), Unreplaced, REPLACEMENT, |seen| seen),
    ]
}

pub(crate) async fn a_drain_needs_each_of_its_permissions(stack: &Stack) -> Result<()> {
    let with_all = prove(stack, Situation::Drain).await?;
    ensure!(with_all.lists == 1, "the watch should have seen the end, not {} lists", with_all.lists);
    ensure!(with_all.report["calls"]["kubernetes:list nodes"].is_null(), "{}", with_all.report);
    Ok(())
}

pub(crate) async fn a_cordon_needs_its_patch_and_the_evictions_do_not(stack: &Stack) -> Result<()> {
    prove(stack, Situation::Unowned).await.map(drop)
}

pub(crate) async fn a_refused_cordon_needs_to_read_the_node(stack: &Stack) -> Result<()> {
    prove(stack, Situation::OtherProviderId).await.map(drop)
}

pub(crate) async fn without_ec2_the_node_list_is_needed(stack: &Stack) -> Result<()> {
    prove(stack, Situation::Ec2Unreachable).await.map(drop)
}

pub(crate) async fn a_last_moment_needs_to_delete_and_to_name_the_budget(stack: &Stack) -> Result<()> {
    let with_all = prove(stack, Situation::Budget).await?;
    let reason = &with_all.report["pods"][0]["reason"];
    ensure!(reason == "PodDisruptionBudget web allows no disruption", "{reason}");
    Ok(())
}

pub(crate) async fn a_termination_hook_needs_to_be_read(stack: &Stack) -> Result<()> {
    prove(stack, Situation::Hook).await.map(drop)
}

pub(crate) async fn a_group_without_a_launch_is_asked_for_the_reason(stack: &Stack) -> Result<()> {
    prove(stack, Situation::Unreplaced).await.map(drop)
}

pub(crate) async fn a_group_of_another_cluster_is_out_of_reach(stack: &Stack) -> Result<()> {
    let handled = prove(stack, Situation::OtherClustersGroup).await?;
    check_reported(&handled, &REPLACEMENT, Action("autoscaling:DetachInstances"))
}

/// Plays the situation with all permissions, then once without each permission that it needs. Returns the first run.
async fn prove(stack: &Stack, situation: Situation) -> Result<Handled> {
    let with_all = async {
        let name = format!("{situation:?}").to_lowercase();
        let handled = situation.meet(stack, &name, None).await?;
        handled.check(&situation.expected())?;
        // The permissions are sufficient.
        ensure!(handled.refused.is_empty(), "{:?}", handled.refused);
        Ok(handled)
    };
    let needs = needs();
    let without = needs.iter().filter(|need| need.situation == situation).map(|need| async move {
        missed(stack, need).await.with_context(|| format!("without {:?}", need.permission))
    });
    let with_all = with_all.await.context("with all permissions")?;
    try_join_all(without).await?;
    Ok(with_all)
}

async fn missed(stack: &Stack, need: &Need) -> Result<()> {
    let handled = need.situation.meet(stack, &name(need.permission), Some(need.permission)).await?;
    handled.check(&need.without)?;
    check_reported(&handled, &need.reported, need.permission)?;
    let expected = match need.permission {
        Verb(verb, resource) => vec![(verb.to_owned(), resource.to_owned())],
        Action(_) => Vec::new(),
    };
    ensure!(handled.refused.iter().eq(&expected), "refused: {:?}", handled.refused);
    if need.permission == Verb("watch", "pods") {
        ensure!(handled.lists > 1, "what the watch does not say must be listed");
    }
    Ok(())
}

fn check_reported(handled: &Handled, place: &Reported, permission: Permission) -> Result<()> {
    let words = match place {
        Reported::Report(pointer) => handled.report.pointer(pointer).and_then(|words| words.as_str()),
        Reported::Log => Some(handled.log.as_str()),
    };
    let words = words.with_context(|| format!("no reason: {}", handled.report))?;
    ensure!(words.contains("forbidden: "), "{words}");
    ensure!(words.contains(&permission.in_refusals()), "{words}");
    Ok(())
}

/// `pods/eviction` create: `no-create-pods-eviction`.
fn name(permission: Permission) -> String {
    let words = match permission {
        Verb(verb, resource) => format!("no-{verb}-{resource}"),
        Action(action) => format!("no-{}", action.rsplit(':').next().unwrap_or(action)),
    };
    words.replace('/', "-").to_lowercase()
}

//! EC2, Auto Scaling and EKS, called by their SDKs.

use aws_config::retry::RetryConfig;
use aws_sdk_autoscaling::{Client as AutoScaling, error::ProvideErrorMetadata as _};
use aws_sdk_ec2::Client as Ec2;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Bench, small};
use crate::{
    Action, Api, Bucket, Fault, FaultKind, HookSpec, WorldSpec,
    facts::LaunchedBy,
    world::baseline::{ACCOUNT, CLUSTER, GROUP},
};

/// One change of a spec.
type Change = fn(&mut WorldSpec);

const OLD: &str = "i-0a000000000000000";

fn autoscaling(bench: &Bench) -> AutoScaling {
    let config = aws_sdk_autoscaling::config::Builder::from(&bench.sdk).retry_config(RetryConfig::disabled());
    AutoScaling::from_conf(config.build())
}

fn ec2(bench: &Bench) -> Ec2 {
    let config = aws_sdk_ec2::config::Builder::from(&bench.sdk).retry_config(RetryConfig::disabled());
    Ec2::from_conf(config.build())
}

#[tokio::test(start_paused = true)]
async fn ec2_describes_instances_with_all_that_the_handler_reads() {
    let bench = Bench::new(&small()).await;
    let answer = ec2(&bench).describe_instances().instance_ids(OLD).send().await.unwrap();
    assert_eq!(bench.now_ms(), 20, "one round trip");
    let instance = &answer.reservations()[0].instances()[0];
    assert_eq!(instance.instance_id(), Some(OLD));
    assert_eq!(instance.state().unwrap().name().unwrap().as_str(), "running");
    assert_eq!(instance.private_dns_name(), Some(bench.node.as_str()));
    assert_eq!(instance.placement().unwrap().availability_zone(), Some("eu-west-1a"));
    assert_eq!(instance.instance_lifecycle().unwrap().as_str(), "spot");
    assert_eq!(instance.private_dns_name_options().unwrap().hostname_type().unwrap().as_str(), "ip-name");
    let tag =
        |key: &str| instance.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    assert_eq!(tag("aws:autoscaling:groupName"), Some(GROUP));
    assert_eq!(tag("kubernetes.io/cluster/production"), Some("owned"));
    assert_eq!(answer.reservations()[0].owner_id(), Some(ACCOUNT));
    let unknown = ec2(&bench).describe_instances().instance_ids("i-00000000").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("InvalidInstanceID.NotFound"));
    assert_eq!(unknown.message(), Some("The instance ID 'i-00000000' does not exist"));
}

#[tokio::test(start_paused = true)]
async fn ec2_filters_by_instance_id_only() {
    let bench = Bench::new(&small()).await;
    let filtered = |name: &str| {
        let filter = aws_sdk_ec2::types::Filter::builder().name(name).values(OLD).build();
        ec2(&bench).describe_instances().filters(filter).send()
    };
    assert_eq!(filtered("instance-id").await.unwrap().reservations().len(), 1);
    assert_eq!(filtered("instance").await.unwrap_err().code(), Some("InvalidParameterValue"));
    bench.world.enter(|state| {
        let trace = std::mem::take(&mut state.trace);
        assert!(trace.iter().all(|line| line.contains(OLD)), "{trace:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn ec2_throttles_by_its_bucket_and_fails_by_faults() {
    let mut spec = small();
    spec.ec2_bucket = Some(Bucket { burst: 2, per_second: 1 });
    let bench = Bench::new(&spec).await;
    for expected in [None, None, Some("RequestLimitExceeded")] {
        let answer = ec2(&bench).describe_instances().send().await;
        assert_eq!(answer.err().and_then(|error| error.code().map(str::to_owned)).as_deref(), expected);
    }
    bench.at(1_100).await;
    ec2(&bench).describe_instances().send().await.unwrap();

    for (kind, code) in [
        (FaultKind::Throttled, Some("RequestLimitExceeded")),
        (FaultKind::InternalError, Some("InternalError")),
        (FaultKind::Forbidden, Some("UnauthorizedOperation")),
        (FaultKind::Refused, None),
        (FaultKind::AnswerLost, None),
    ] {
        let mut spec = small();
        spec.faults = vec![Fault::always(Api::Ec2, kind)];
        let bench = Bench::new(&spec).await;
        let error = ec2(&bench).describe_instances().send().await.unwrap_err();
        assert_eq!(error.code(), code, "{kind:?}");
        assert_eq!(bench.now_ms(), 20, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn detach_launches_a_replacement_once() {
    let bench = Bench::new(&small()).await;
    let client = autoscaling(&bench);
    let detach = || {
        let call = client.detach_instances().instance_ids(OLD).auto_scaling_group_name(GROUP);
        call.should_decrement_desired_capacity(false).send()
    };
    let activities = detach().await.unwrap();
    assert_eq!(activities.activities()[0].auto_scaling_group_name(), Some(GROUP));
    let refused = detach().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
    assert_eq!(refused.message(), Some(&*format!("The instance {OLD} is not in InService or Standby.")));
    let group = client.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await.unwrap();
    let group = &group.auto_scaling_groups()[0];
    assert_eq!((group.desired_capacity(), group.instances().len()), (Some(2), 3));
    assert_eq!(group.capacity_rebalance(), Some(false));
    bench.at(31_000).await;
    let refused = detach().await.unwrap_err();
    let gone = format!("The instance {OLD} is not part of Auto Scaling group {GROUP}.");
    assert_eq!(refused.message(), Some(&*gone));
    let answer = ec2(&bench).describe_instances().instance_ids(OLD).send().await.unwrap();
    let tags = answer.reservations()[0].instances()[0].tags();
    assert!(tags.iter().all(|tag| tag.key() != Some("aws:autoscaling:groupName")), "the tag goes with it");
    let member = client.describe_auto_scaling_instances().instance_ids(OLD).send().await.unwrap();
    assert!(member.auto_scaling_instances().is_empty());
    bench.at(46_000).await;
    assert_eq!(bench.world.enter(|state| state.clusters[0].nodes.len()), 3, "booted");
    assert_eq!(bench.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_group_ends_what_it_terminates_when_no_hook_holds_it() {
    let hook = |timeout_ms, consumer_ms| HookSpec { name: "drain".to_owned(), timeout_ms, consumer_ms };
    for (hook, state, ended_ms) in [
        (Some(hook(3_600_000, None)), "Terminating:Wait", 120_000),
        (Some(hook(30_000, None)), "Terminating:Wait", 31_010),
        (Some(hook(3_600_000, Some(2_000))), "Terminating:Wait", 3_010),
        (None, "Terminating", 30_010),
    ] {
        let mut spec = small();
        spec.group().hooks = hook.clone().into_iter().collect();
        let bench = Bench::new(&spec).await;
        let client = autoscaling(&bench);
        let call = client.terminate_instance_in_auto_scaling_group().instance_id(OLD);
        call.should_decrement_desired_capacity(false).send().await.unwrap();
        let member = client.describe_auto_scaling_instances().instance_ids(OLD).send().await.unwrap();
        assert_eq!(member.auto_scaling_instances()[0].lifecycle_state(), Some(state));
        let hooks = client.describe_lifecycle_hooks().auto_scaling_group_name(GROUP).send().await.unwrap();
        let seen = hooks.lifecycle_hooks().first().map(|hook| {
            (hook.lifecycle_hook_name().unwrap().to_owned(), hook.heartbeat_timeout().unwrap() as u64 * 1_000)
        });
        assert_eq!(seen, hook.map(|hook| (hook.name, hook.timeout_ms)));
        bench.at(130_000).await;
        assert_eq!(bench.world.enter(|state| state.instances[OLD].ended_ms), Some(ended_ms));
        assert_eq!(bench.world.enter(|state| state.instances[OLD].replaced_by.len()), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_finds_no_capacity_is_an_activity() {
    let mut spec = small();
    spec.group().spare_capacity = Some(1);
    let bench = Bench::new(&spec).await;
    bench.detach().await;
    let client = autoscaling(&bench);
    let activities =
        || client.describe_scaling_activities().auto_scaling_group_name(GROUP).max_records(1).send();
    let launched = activities().await.unwrap();
    assert!(launched.activities()[0].description().unwrap().starts_with("Launching a new EC2 instance: i-"));
    bench.world.enter(|state| state.launch_for(OLD, LaunchedBy::Group));
    let failed = activities().await.unwrap();
    let failed = &failed.activities()[0];
    assert_eq!(failed.status_code().unwrap().as_str(), "Failed");
    assert!(failed.status_message().unwrap().contains("UnfulfillableCapacity"));
}

#[tokio::test(start_paused = true)]
async fn a_group_launches_nothing_while_launch_is_suspended() {
    let mut spec = small();
    spec.group().suspended = vec!["Launch".to_owned()];
    let bench = Bench::new(&spec).await;
    bench.detach().await;
    let client = autoscaling(&bench);
    let group = client.describe_auto_scaling_groups().auto_scaling_group_names(GROUP).send().await.unwrap();
    let group = &group.auto_scaling_groups()[0];
    assert_eq!(group.suspended_processes()[0].process_name(), Some("Launch"));
    assert_eq!(group.instances().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rebalancing_group_replaces_soon_after_the_notice() {
    let changes: [(Change, &str); 2] = [
        (|spec| spec.group().capacity_rebalance = true, "Terminating"),
        (|spec| spec.group().managed_node_group = Some("spot".to_owned()), "Terminating:Wait"),
    ];
    for (change, expected) in changes {
        let mut spec = WorldSpec::baseline(1, 2, 0);
        change(&mut spec);
        spec.interrupt(0, Action::Terminate, 500);
        let bench = Bench::new(&spec).await;
        bench.at(3_500).await;
        let (state, replaced) = bench.world.enter(|state| {
            let old = &state.instances[OLD];
            (old.member.as_ref().unwrap().lifecycle.as_str(), old.replaced_by.len())
        });
        assert_eq!((state, replaced), (expected, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn eks_names_address_and_ca() {
    let bench = Bench::new(&small()).await;
    let client = aws_sdk_eks::Client::new(&bench.sdk);
    let answer = client.describe_cluster().name(CLUSTER).send().await.unwrap();
    let cluster = answer.cluster().unwrap();
    assert!(cluster.endpoint().unwrap().starts_with("https://production."));
    let ca = STANDARD.decode(cluster.certificate_authority().unwrap().data().unwrap()).unwrap();
    assert!(ca.starts_with(b"-----BEGIN CERTIFICATE-----"));
    let unknown = client.describe_cluster().name("nowhere").send().await.unwrap_err();
    assert!(unknown.into_service_error().is_resource_not_found_exception());
}

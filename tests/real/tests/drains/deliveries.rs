//! Deliveries: notices that come twice, too late, in a batch with a bad record, or to a function that is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result, ensure};
use aws_sdk_lambda::types::FunctionResponseType;
use aws_sdk_sqs::types::QueueAttributeName;
use cast_spot_real::{
    audit,
    clock::eventually,
    function::Function,
    lab::{Lab, PATIENCE},
    notice::Notice,
    stack::Stack,
    workload::Workload,
};
use k8s_openapi::api::core::v1::Pod;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

pub(crate) async fn a_notice_that_comes_again_finds_its_work_done(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "delivered-again").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    let pods = lab.pods_on(lab.victim()).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(60);

    let first = lab.invoke(&notice).await?;
    let (group, evictions) = (lab.group().await?, evictions(&lab)?);
    let second = lab.invoke(&notice).await?;

    assert_eq!(first["outcome"], "drained", "{first}");
    assert_eq!(first["replacement"]["outcome"], "confirmed", "{first}");
    assert_eq!(second["outcome"], "drained", "{second}");
    assert_eq!(second["cordon"]["outcome"], "already", "{second}");
    assert_eq!(second["pods"], json!([]), "{second}");
    assert_eq!(second["replacement"]["outcome"], "not_needed", "{second}");
    assert_eq!(lab.group().await?, group);
    assert_replaced_once(&lab).await?;
    assert_eq!(self::evictions(&lab)?, evictions);
    assert_evicted(&lab, &pods, 1)
}

pub(crate) async fn a_notice_that_comes_twice_at_once_replaces_once(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "delivered-twice").await?;
    lab.run(&Workload::deployment("web", 3).exits_after("3s")).await?;
    let pods = lab.pods_on(lab.victim()).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(60);

    let (one, other) = tokio::try_join!(lab.invoke(&notice), lab.invoke(&notice))?;

    for report in [&one, &other] {
        assert_eq!(report["outcome"], "drained", "{report}");
        assert_ne!(report["replacement"]["outcome"], "failed", "{report}");
    }
    let confirmed =
        [&one, &other].iter().filter(|report| report["replacement"]["outcome"] == "confirmed").count();
    assert_eq!(confirmed, 1, "{one} {other}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    assert_replaced_once(&lab).await?;
    // Neither can see the other's evictions before it has sent its own.
    assert_evicted(&lab, &pods, 2)
}

pub(crate) async fn a_function_that_is_killed_is_called_again_and_goes_on(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "killed").await?;
    lab.configure(&[]).await?;
    lab.run(&Workload::deployment("web", 3).exits_after("8s")).await?;
    let pods = lab.pods_on(lab.victim()).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(30);

    lab.function.invoke_later(&notice.event()).await?;
    eventually("all pods are on their way out", PATIENCE, async || {
        let pods = lab.pods_on(lab.victim()).await?;
        Ok(pods.values().all(|pod| pod.metadata.deletion_timestamp.is_some()).then_some(()))
    })
    .await?;
    kill_process(process_of(stack, &lab.function)?, Signal::KILL)?;

    let report = lab.function.report(&notice.instance, 1, PATIENCE).await?;
    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["cordon"]["outcome"], "already", "{report}");
    assert_eq!(report["summary"], json!({ "gone": 3 }), "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    assert_replaced_once(&lab).await?;
    assert_evicted(&lab, &pods, 1)?;
    assert_eq!(lab.function.reports(&notice.instance).await?.len(), 1, "the first run has reported nothing");
    Ok(())
}

pub(crate) async fn a_bad_record_goes_to_the_dead_letter_queue_alone(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "bad-record").await?;
    lab.configure(&[]).await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    let (dead_letters, arn) = queue(stack, "bad-record-dead-letters", &[]).await?;
    let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 1 }).to_string();
    let settings = [
        (QueueAttributeName::RedrivePolicy, redrive.as_str()),
        (QueueAttributeName::VisibilityTimeout, "10"),
    ];
    let (notices, arn) = queue(stack, "bad-record", &settings).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(60);
    let bad = notice.message().replace("terminate", "");
    for body in [&bad, &notice.message()] {
        stack.account.sqs.send_message().queue_url(&notices).message_body(body).send().await?;
    }

    let mapping = stack.account.lambda.create_event_source_mapping().function_name(&lab.function.name);
    let mapping = mapping.event_source_arn(arn).batch_size(10);
    mapping.function_response_types(FunctionResponseType::ReportBatchItemFailures).send().await?;

    let report = lab.function.report(&notice.instance, 1, PATIENCE).await?;
    assert_eq!(report["outcome"], "drained", "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    assert_replaced_once(&lab).await?;
    let dead = eventually("a message in the dead-letter queue", PATIENCE, async || {
        let received =
            stack.account.sqs.receive_message().queue_url(&dead_letters).max_number_of_messages(10);
        Ok(received.send().await?.messages.filter(|messages| !messages.is_empty()))
    })
    .await?;
    assert_eq!(dead.iter().filter_map(|message| message.body.as_ref()).collect::<Vec<_>>(), [&bad]);
    assert_eq!(lab.function.reports(&notice.instance).await?.len(), 1, "the good notice was handled once");
    // The operator's hint: the field of the bad record.
    let log = lab.function.log().await?;
    assert!(
        log.iter().any(|line| line.contains("InvalidEvent") && line.contains("detail.instance-action")),
        "{log:?}"
    );
    Ok(())
}

pub(crate) async fn a_stale_notice_changes_nothing(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "stale").await?;
    lab.run(&Workload::deployment("web", 1)).await?;
    let group = lab.group().await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(300)).await?;

    assert_eq!(report["outcome"], "ignored", "{report}");
    assert!(report["reason"].as_str().unwrap_or_default().starts_with("stale"), "{report}");
    assert!(lab.calls()?.is_empty(), "{:?}", lab.calls()?);
    assert_eq!(lab.group().await?, group);
    assert!(!is_cordoned(&lab).await?);
    assert_eq!(lab.pods_on(lab.victim()).await?.len(), 1);
    Ok(())
}

/// Whether the victim is cordoned.
pub(crate) async fn is_cordoned(lab: &Lab<'_>) -> Result<bool> {
    let spec = lab.node(lab.victim()).await?.spec.unwrap_or_default();
    Ok(spec.unschedulable == Some(true))
}

/// The evictions that the API server has accepted.
fn evictions(lab: &Lab<'_>) -> Result<Vec<audit::Entry>> {
    let mut calls = lab.calls()?;
    calls.retain(|call| call.is_eviction() && call.code == 201);
    Ok(calls)
}

/// Asserts that the function has requested the eviction of these pods and no others, each at most `times` times.
fn assert_evicted(lab: &Lab<'_>, pods: &BTreeMap<String, Pod>, times: usize) -> Result<()> {
    let mut evicted: BTreeMap<_, usize> = BTreeMap::new();
    for call in evictions(lab)? {
        let uid = call.delete_options().and_then(|options| options["preconditions"]["uid"].as_str());
        *evicted.entry(uid.context("an eviction names its pod's UID")?.to_owned()).or_default() += 1;
    }
    let uids: BTreeSet<_> = pods.values().filter_map(|pod| pod.metadata.uid.clone()).collect();
    assert_eq!(evicted.keys().cloned().collect::<BTreeSet<_>>(), uids);
    assert!(evicted.values().all(|count| *count <= times), "{evicted:?}");
    Ok(())
}

/// Asserts that one machine was replaced.
pub(crate) async fn assert_replaced_once(lab: &Lab<'_>) -> Result<()> {
    let group = lab.group().await?;
    assert_eq!(group.len(), 1, "{group:?}");
    assert!(!group.contains_key(&lab.victim().instance), "{group:?}");
    Ok(())
}

/// The process id of the running function.
fn process_of(stack: &Stack, function: &Function) -> Result<Pid> {
    let (parent, name) =
        (stack.emulators.lambda_process(), format!("AWS_LAMBDA_FUNCTION_NAME={}", function.name));
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|id| id.parse::<i32>().ok()) else { continue };
        // Processes may end meanwhile.
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let of_lambda = read("status").lines().any(|line| line == format!("PPid:\t{parent}"));
        if of_lambda && read("environ").split('\0').any(|variable| variable == name) {
            found.extend(Pid::from_raw(id));
        }
    }
    ensure!(found.len() == 1, "processes of {}: {found:?}", function.name);
    Ok(found[0])
}

/// A queue; its URL and its ARN.
async fn queue(
    stack: &Stack,
    name: &str,
    settings: &[(QueueAttributeName, &str)],
) -> Result<(String, String)> {
    let sqs = &stack.account.sqs;
    let settings = settings.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect();
    let url = sqs.create_queue().queue_name(name).set_attributes(Some(settings)).send().await?.queue_url;
    let url = url.context("CreateQueue answers a URL")?;
    let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
    let arn = asked.send().await?.attributes.and_then(|mut all| all.remove(&QueueAttributeName::QueueArn));
    Ok((url, arn.context("a queue has an ARN")?))
}

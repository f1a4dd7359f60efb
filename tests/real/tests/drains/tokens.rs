//! Functions and tokens that the API server does not accept.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4::SigningParams,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cast_spot_real::{
    account::REGION,
    audit::Entry,
    clock,
    function::Function,
    lab::Lab,
    notice::Notice,
    stack::{self, CLUSTER, HANDLER_GROUP, HANDLER_USER, SESSIONS, Stack},
    workload::Workload,
};
use k8s_openapi::api::core::v1::Node;
use kube::Api;

use crate::deliveries::{assert_replaced_once, is_cordoned};

pub(crate) async fn a_role_without_an_access_entry_still_replaces_the_instance(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "no-access-entry").await?;
    lab.run(&Workload::deployment("web", 1)).await?;
    let policy = stack::handler_policy();
    let role = stack.account.function_role("no-access-entry", &policy).await?;
    let environment = stack.environment(&[]);
    lab.function = Function::create(&stack.account, &stack.tools, &lab.name, &role, &environment).await?;

    refused_but_replaced(&lab).await
}

pub(crate) async fn a_token_for_another_cluster_still_replaces_the_instance(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "foreign-token").await?;
    lab.run(&Workload::deployment("web", 1)).await?;
    // A second cluster for which EKS returns the API server of the first one.
    let cluster = "foreign";
    let endpoint = format!("https://127.0.0.1:{}", stack.wires.kubernetes.port());
    stack.emulators.set_cluster(cluster, &endpoint, &stack.control_plane.ca_pem()?).await?;
    stack::create_cluster(&stack.account, cluster).await?;
    let policy = stack::handler_policy().replace(&format!(":cluster/{CLUSTER}"), ":cluster/foreign");
    let role = stack.account.function_role("foreign-token", &policy).await?;
    // Access to both: only the token names the cluster.
    for cluster in [cluster, CLUSTER] {
        stack.account.access_entry(cluster, &role, SESSIONS).await?;
    }
    let tag = aws_sdk_ec2::types::Tag::builder().key("eks:cluster-name").value(cluster).build();
    stack.account.ec2.create_tags().resources(&lab.victim().instance).tags(tag).send().await?;
    let environment = stack.environment(&[("CAST_SPOT_CLUSTERS", cluster)]);
    lab.function = Function::create(&stack.account, &stack.tools, &lab.name, &role, &environment).await?;

    refused_but_replaced(&lab).await
}

pub(crate) async fn a_token_is_accepted_for_fifteen_minutes(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "old-token").await?;
    let node = &lab.victim().node;
    let caller = caller(stack, &lab.name).await?;
    for (minutes, expected) in [(0, None), (14, None), (16, Some(401)), (120, Some(401))] {
        let token = token(&caller, SystemTime::from(clock::now()) - Duration::from_mins(minutes))?;
        let nodes: Api<Node> = Api::all(stack.control_plane.client_with(&token)?);

        let refused = match nodes.get(node).await {
            Ok(_) => None,
            Err(kube::Error::Api(status)) => Some(status.code),
            Err(error) => return Err(error.into()),
        };

        assert_eq!(refused, expected, "signed {minutes} minutes ago");
    }
    let asked = stack.control_plane.audit().entries()?.into_iter().filter(|call| call.uri.ends_with(node));
    let by_function_or_refused = asked.filter(|call| call.code == 401 || is_in_the_functions_group(call));
    let codes: Vec<_> = by_function_or_refused.map(|call| call.code).collect();
    assert_eq!(codes, [200, 200, 401, 401]);
    Ok(())
}

/// Asserts that the API server accepts no token of the function: nothing is written there, the report has the reason,
/// and the instance is replaced.
async fn refused_but_replaced(lab: &Lab<'_>) -> Result<()> {
    let report = lab.invoke(&Notice::of(lab.victim()).seconds_ago(106)).await?;

    assert_eq!(report["outcome"], "failed", "{report}");
    let reason = report["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("unauthenticated") && reason.contains("access entry"), "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert!(!is_cordoned(lab).await?);
    let pods = lab.pods_on(lab.victim()).await?;
    assert_eq!(pods.len(), 1);
    assert!(pods.values().all(|pod| pod.metadata.deletion_timestamp.is_none()), "{pods:?}");
    let calls = lab.calls()?;
    assert!(calls.is_empty(), "{calls:?}");
    let node = &lab.victim().node;
    let mut refused = lab.stack.control_plane.audit().entries()?;
    refused.retain(|call| call.uri.contains(node) && call.code == 401);
    assert!(refused.iter().any(|call| call.verb == "patch" && call.resource == "nodes"), "{refused:?}");
    // The notice leaves 14 s: patch and list at once, then one probe after 1, 2 and 4 s. Every 401 is a call to
    // STS, so no other call is made.
    assert!((4..=8).contains(&refused.len()), "{refused:?}");
    assert_replaced_once(lab).await
}

fn is_in_the_functions_group(call: &Entry) -> bool {
    call.groups.iter().any(|group| group == HANDLER_GROUP)
}

/// Credentials of a user with the function's access to the cluster.
async fn caller(stack: &Stack, name: &str) -> Result<Credentials> {
    let iam = &stack.account.iam;
    let user = iam.create_user().user_name(name).send().await?.user.context("CreateUser answers a user")?;
    let key = iam.create_access_key().user_name(name).send().await?.access_key;
    let key = key.context("CreateAccessKey answers a key")?;
    stack.account.access_entry(CLUSTER, &user.arn, (HANDLER_USER, HANDLER_GROUP)).await?;
    Ok(Credentials::new(key.access_key_id, key.secret_access_key, None, None, "a user"))
}

/// An EKS token as it was signed at `time`: a presigned GetCallerIdentity (aws-iam-authenticator, "API Authorization
/// from Outside a Cluster").
fn token(caller: &Credentials, time: SystemTime) -> Result<String> {
    let url = format!("https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_mins(1));
    let identity = caller.clone().into();
    let params = SigningParams::builder().identity(&identity).region(REGION).name("sts").time(time);
    let params = params.settings(settings).build()?;
    let headers = [("x-k8s-aws-id", CLUSTER)].into_iter();
    let request = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))?;
    let (instructions, _signature) = sign(request, &params.into())?.into_parts();
    let mut request = http::Request::get(&url).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(request.uri().to_string())))
}

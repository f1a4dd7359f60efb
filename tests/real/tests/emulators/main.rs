//! The emulators answer like AWS wherever the function calls it: EKS and its tokens, EventBridge, Lambda, Auto Scaling,
//! and IAM for all of them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_autoscaling::{
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{LaunchTemplateSpecification, Tag},
};
use aws_sdk_ec2::types::{
    InstanceLifecycleType, InstanceType, LaunchTemplateInstanceMarketOptionsRequest, MarketType,
    RequestLaunchTemplateData,
};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_lambda::{
    primitives::Blob,
    types::{FunctionCode, Runtime},
};
use bytes::Bytes;
use cast_spot_infra::events::SPOT_INTERRUPTION;
use cast_spot_real::{
    account::{Account, REGION, config},
    clock::eventually,
    emulators::{ACCOUNT, Emulators},
    stack::{CLUSTER, handler_policy},
    tools::Tools,
};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs the virtual environments that `cargo xtask test` sets up"]
async fn the_emulators_answer_as_aws_does() -> Result<()> {
    let tools = Tools::from_environment()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulators");
    let _ = fs::remove_dir_all(&folder);
    let emulators = Emulators::start(&tools, &folder).await?;
    let account = Account::of(&emulators).await;
    let role = account.function_role("function", &handler_policy()).await?;
    eks_shows_the_configured_cluster(&account, &emulators).await?;
    account.access_entry(CLUSTER, &role, ("handler:{{SessionName}}", "handlers")).await?;
    function(&account, &role, &zip(&tools, &folder)?).await?;
    let answer = invoke(&account).await?;
    the_webhook_knows_the_role(&emulators, &answer).await?;
    a_notice_of_ec2_reaches_the_function(&account).await?;
    the_role_may_change_groups_of_its_cluster_only(&account, &emulators, &answer["environment"]).await
}

async fn eks_shows_the_configured_cluster(account: &Account, emulators: &Emulators) -> Result<()> {
    let role = account.function_role("control-plane", &policy_of_nothing()).await?;
    let network = aws_sdk_eks::types::VpcConfigRequest::builder().subnet_ids("subnet-1").build();
    account.eks.create_cluster().name(CLUSTER).role_arn(role).resources_vpc_config(network).send().await?;
    for endpoint in ["https://127.0.0.1:1", "https://127.0.0.1:2"] {
        emulators.set_cluster(CLUSTER, endpoint, "PEM").await?;
        let cluster =
            account.eks.describe_cluster().name(CLUSTER).send().await?.cluster.context("cluster")?;
        ensure!(cluster.endpoint() == Some(endpoint), "{cluster:?}");
        ensure!(cluster.certificate_authority().and_then(|ca| ca.data()) == Some("UEVN"), "{cluster:?}");
    }
    Ok(())
}

fn policy_of_nothing() -> String {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] })
        .to_string()
}

/// A Lambda package of `echo.py`.
fn zip(tools: &Tools, folder: &Path) -> Result<Vec<u8>> {
    let bootstrap = folder.join("bootstrap");
    fs::write(&bootstrap, format!("#!{} -I\n{}", tools.ministack.display(), include_str!("echo.py")))?;
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))?;
    let mut zip = Command::new(&tools.ministack);
    zip.current_dir(folder).args(["-m", "zipfile", "-c", "function.zip", "bootstrap"]);
    ensure!(zip.status()?.success());
    Ok(fs::read(folder.join("function.zip"))?)
}

async fn function(account: &Account, role: &str, zip: &[u8]) -> Result<()> {
    let code = FunctionCode::builder().zip_file(Blob::new(zip)).build();
    let call = account.lambda.create_function().function_name("echo").role(role).code(code);
    let arn =
        call.runtime(Runtime::Providedal2023).handler("bootstrap").timeout(20).send().await?.function_arn;
    let pattern = SPOT_INTERRUPTION.pattern;
    account.event_bridge.put_rule().name("notices").event_pattern(pattern).send().await?;
    let target = Target::builder().id("echo").arn(arn.unwrap_or_default()).build()?;
    account.event_bridge.put_targets().rule("notices").targets(target).send().await?;
    Ok(())
}

async fn invoke(account: &Account) -> Result<Value> {
    let event = json!({ "cluster": CLUSTER }).to_string();
    let answer = account.lambda.invoke().function_name("echo").payload(Blob::new(event)).send().await?;
    let payload = answer.payload.context("the function answers")?;
    ensure!(answer.function_error.is_none(), "{}", String::from_utf8_lossy(payload.as_ref()));
    Ok(serde_json::from_slice(payload.as_ref())?)
}

async fn the_webhook_knows_the_role(emulators: &Emulators, answer: &Value) -> Result<()> {
    let user = review(emulators, CLUSTER, &answer["token"]).await?;
    ensure!(
        user["user"]["username"] == json!("handler:echo"),
        "the session's name is the function's: {user}"
    );
    ensure!(user["user"]["groups"] == json!(["system:authenticated", "handlers"]), "{user}");
    let stranger = review(emulators, "another", &answer["token"]).await?;
    ensure!(stranger["authenticated"] == json!(false), "{stranger}");
    Ok(())
}

async fn review(emulators: &Emulators, cluster: &str, token: &Value) -> Result<Value> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token },
    });
    let request = http::Request::post(emulators.token_webhook(cluster));
    let request = request.body(Full::new(Bytes::from(review.to_string())))?;
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
    let answer: Value = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
    Ok(answer["status"].clone())
}

async fn a_notice_of_ec2_reaches_the_function(account: &Account) -> Result<()> {
    let instance = "arn:aws:ec2:eu-west-1a:instance/i-1";
    let entry = PutEventsRequestEntry::builder()
        .source("aws.ec2")
        .detail_type(SPOT_INTERRUPTION.detail_type)
        .time(aws_sdk_eventbridge::primitives::DateTime::from_secs(1_767_323_045))
        .resources(instance)
        .detail(json!({ "instance-id": "i-1", "instance-action": "terminate" }).to_string())
        .build();
    let put = account.event_bridge.put_events().entries(entry).send().await?;
    let id = put.entries.unwrap_or_default()[0].event_id.clone();
    let delivered = eventually("the notice is in the log", Duration::from_secs(10), async || {
        let log = account.logs.filter_log_events().log_group_name("/aws/lambda/echo").send().await?;
        let mut lines = log.events.into_iter().flatten().filter_map(|event| event.message);
        Ok(lines.find(|line| line.contains("aws.ec2")))
    });
    let delivered: Value = serde_json::from_str(&delivered.await?)?;
    let expected = json!({
        "version": "0", "id": id, "source": "aws.ec2", "account": ACCOUNT, "region": REGION,
        "time": "2026-01-02T03:04:05Z", "resources": [instance],
        "detail-type": SPOT_INTERRUPTION.detail_type,
        "detail": { "instance-id": "i-1", "instance-action": "terminate" },
    });
    ensure!(delivered == expected, "{delivered}");
    Ok(())
}

async fn the_role_may_change_groups_of_its_cluster_only(
    account: &Account,
    emulators: &Emulators,
    environment: &Value,
) -> Result<()> {
    let own = group(account, CLUSTER).await?;
    let other = group(account, "another").await?;
    let key = |name: &str| environment[name].as_str().unwrap_or_default().to_owned();
    let (id, secret) = (key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY"));
    let credentials = Credentials::new(id, secret, Some(key("AWS_SESSION_TOKEN")), None, "function");
    let sdk = config(&emulators.moto, credentials).await;
    let auto_scaling = aws_sdk_autoscaling::Client::new(&sdk);
    let detach = async |group: &str, id: &str| {
        let call = auto_scaling.detach_instances().auto_scaling_group_name(group).instance_ids(id);
        let refusal = call.should_decrement_desired_capacity(false).send().await.err();
        refusal.map(|error| {
            (error.code().unwrap_or_default().to_owned(), DisplayErrorContext(error).to_string())
        })
    };
    let refused = detach(CLUSTER, &own).await;
    ensure!(refused.is_none(), "{refused:?}");
    let left = detach(CLUSTER, &own).await.context("detached twice")?;
    ensure!(left.0 == "ValidationError" && left.1.contains("is not part of Auto Scaling group"), "{left:?}");
    let (code, text) = detach("another", &other).await.context("detached in another cluster")?;
    ensure!(code == "AccessDenied", "{text}");

    let refused =
        aws_sdk_ec2::Client::new(&sdk).describe_subnets().send().await.err().context("not allowed")?;
    ensure!(refused.code() == Some("UnauthorizedOperation"), "{}", DisplayErrorContext(refused));
    let groups =
        account.auto_scaling.describe_auto_scaling_groups().auto_scaling_group_names(CLUSTER).send().await?;
    let members = groups.auto_scaling_groups()[0].instances();
    ensure!(members.len() == 1 && members[0].instance_id() != Some(&own), "{members:?}");
    Ok(())
}

/// Creates a group of one Spot instance, named like its cluster; returns the instance's id.
async fn group(account: &Account, cluster: &str) -> Result<String> {
    let spot = LaunchTemplateInstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).build();
    let data = RequestLaunchTemplateData::builder()
        .image_id("ami-12345678")
        .instance_type(InstanceType::M5Large)
        .instance_market_options(spot)
        .build();
    let template = account.ec2.create_launch_template().launch_template_name(cluster);
    template.launch_template_data(data).send().await?;
    let template = LaunchTemplateSpecification::builder().launch_template_name(cluster).build();
    let tag = format!("kubernetes.io/cluster/{cluster}");
    let tag = Tag::builder().key(&tag).value("owned").propagate_at_launch(true).build();
    let call = account.auto_scaling.create_auto_scaling_group().auto_scaling_group_name(cluster);
    let call = call.launch_template(template).tags(tag).availability_zones("eu-west-1a");
    call.min_size(0).max_size(3).desired_capacity(1).send().await?;

    let groups =
        account.auto_scaling.describe_auto_scaling_groups().auto_scaling_group_names(cluster).send().await?;
    let id = groups.auto_scaling_groups()[0].instances()[0].instance_id().unwrap_or_default().to_owned();
    let filter = aws_sdk_ec2::types::Filter::builder().name("instance-id").values(&id).build();
    let found = account.ec2.describe_instances().filters(filter).send().await?;
    // The instance is a Spot instance of the function's account.
    ensure!(found.reservations()[0].owner_id() == Some(ACCOUNT), "{:?}", found.reservations()[0].owner_id());
    let instance = &found.reservations()[0].instances()[0];
    let name = instance.private_dns_name().unwrap_or_default();
    ensure!(name.starts_with("ip-") && name.ends_with(".eu-west-1.compute.internal"), "{name}");
    ensure!(instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot), "{instance:?}");
    ensure!(
        instance.tags().iter().any(|t| t.key().is_some_and(|key| key.ends_with(cluster))),
        "{instance:?}"
    );
    Ok(id)
}

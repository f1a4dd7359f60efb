//! Onboarding inside the cluster: `aws-auth`, if the cluster uses it, and the function's rights.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_eks::types::{AuthenticationMode, CreateAccessConfigRequest, VpcConfigRequest};
use cast_spot_real::{
    cli::Cli,
    stack::{HANDLER_GROUP, HANDLER_USER, Stack},
};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::ConfigMap,
    rbac::v1::ClusterRole,
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::situation::Situation;

/// A cluster that uses `aws-auth` alone; its API server is that of the stack.
const CLASSIC: &str = "classic";
const FOREIGN: &str = "arn:aws:iam::123456789012:role/theirs";

/// mapRoles in forms that people and tools write, each with a foreign entry unless it is empty.
const FORMS: [(&str, &str); 9] = [
    (
        "block",
        "- rolearn: arn:aws:iam::123456789012:role/theirs\n  username: theirs\n  groups:\n  - system:masters\n",
    ),
    (
        "indented, with comments",
        "# who may\n  - groups: [\"system:masters\"] # all\n    rolearn: \"arn:aws:iam::123456789012:role/theirs\"\n    username: theirs\n",
    ),
    (
        "windows line ends",
        "- rolearn: arn:aws:iam::123456789012:role/theirs\r\n  username: theirs\r\n  groups:\r\n    - system:masters\r\n",
    ),
    (
        "JSON in a line",
        r#"[{"rolearn":"arn:aws:iam::123456789012:role/theirs","username":"theirs","groups":["system:masters"]}]"#,
    ),
    (
        "JSON over lines",
        "[\n  {\n    \"rolearn\": \"arn:aws:iam::123456789012:role/theirs\",\n    \"username\": \"theirs\",\n    \"groups\": [\"system:masters\"]\n  }\n]\n",
    ),
    (
        "no newline at the end",
        "- rolearn: arn:aws:iam::123456789012:role/theirs\n  username: theirs\n  groups: [system:masters]",
    ),
    ("an empty list", "[]\n"),
    ("an empty text", ""),
    (
        "a foreign key in an entry",
        "- rolearn: arn:aws:iam::123456789012:role/theirs\n  username: theirs\n  groups: [system:masters]\n  note: of the platform team\n",
    ),
];

pub(crate) async fn every_form_of_aws_auth_is_edited_and_restored(stack: &Stack) -> Result<()> {
    let cli = classic(stack).await?;
    let situation = Situation::begin(stack).await?.with(cli);
    let maps = maps(stack);
    for (form, text) in FORMS {
        let data = BTreeMap::from([
            ("mapRoles".to_owned(), text.to_owned()),
            ("theirs".to_owned(), "kept".to_owned()),
        ]);
        write(&maps, &data).await?;
        situation.onboard().await.context(form)?;
        let edited = maps.get("aws-auth").await?.data.unwrap_or_default();
        let entries: Vec<Value> = serde_saphyr::from_str(&edited["mapRoles"]).context(form)?;
        let arns: Vec<_> = entries.iter().filter_map(|entry| entry["rolearn"].as_str()).collect();
        ensure!(arns.iter().any(|arn| arn.ends_with("role/CastLambdaRoleForSpot")), "{form}: {edited:?}");
        ensure!(arns.iter().any(|arn| arn.contains("role/cast-classic-eks-")), "{form}: {edited:?}");
        ensure!(text.contains(FOREIGN) == arns.contains(&FOREIGN), "{form}: {edited:?}");
        ensure!(edited["theirs"] == "kept", "{form}: {edited:?}");
        situation.cli.run(&["offboard", "--yes"]).await?.expect(0).context(form)?;
        let restored = maps.get("aws-auth").await?.data.unwrap_or_default();
        let bare = |text: &str| text.trim().trim_matches(['[', ']']).trim().to_owned();
        ensure!(
            restored["mapRoles"] == text || bare(&restored["mapRoles"]) == bare(text),
            "{form}: {restored:?}"
        );
        maps.delete("aws-auth", &DeleteParams::default()).await?;
    }
    // No ConfigMap at all.
    situation.onboard().await?;
    let made = maps.get("aws-auth").await?.data.unwrap_or_default();
    ensure!(made["mapRoles"].contains("CastLambdaRoleForSpot"), "{made:?}");
    situation.cli.run(&["offboard", "--yes"]).await?.expect(0)?;
    maps.delete("aws-auth", &DeleteParams::default()).await?;
    situation.is_as_before().await
}

pub(crate) async fn a_concurrent_foreign_edit_is_kept(stack: &Stack) -> Result<()> {
    let cli = classic(stack).await?;
    let situation = Situation::begin(stack).await?.with(cli);
    let maps = maps(stack);
    write(&maps, &BTreeMap::from([("mapRoles".to_owned(), FORMS[0].1.to_owned())])).await?;
    let edits = async {
        for round in 0..60 {
            let key = format!("round-{round}");
            let patch = Patch::Merge(json!({ "data": { key: "theirs" } }));
            maps.patch("aws-auth", &PatchParams::default(), &patch).await?;
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    };
    tokio::try_join!(situation.onboard(), edits)?;
    let data = maps.get("aws-auth").await?.data.unwrap_or_default();
    ensure!((0..60).all(|round| data.contains_key(&format!("round-{round}"))), "{data:?}");
    ensure!(data["mapRoles"].contains(FOREIGN) && data["mapRoles"].contains("CastLambdaRole"), "{data:?}");
    situation.cli.run(&["offboard", "--yes"]).await?.expect(0)?;
    maps.delete("aws-auth", &DeleteParams::default()).await?;
    situation.is_as_before().await
}

pub(crate) async fn the_function_may_do_exactly_what_its_cluster_role_grants(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let (role, _) = cast_spot_real::stack::rbac()?;
    exactly(stack, stack.control_plane.client_as(HANDLER_USER, &[HANDLER_GROUP])?, &role).await?;
    // Another session of the role.
    let session = stack.control_plane.client_as("cast-spot:another", &[HANDLER_GROUP])?;
    exactly(stack, session, &ClusterRole::default()).await?;
    situation.end().await
}

/// Reviews that a user may do what a ClusterRole grants, and nothing else.
pub(crate) async fn exactly(stack: &Stack, user: Client, role: &ClusterRole) -> Result<()> {
    let granted = |group: &str, resource: &str, verb: &str| {
        role.rules.iter().flatten().any(|rule| {
            let has = |list: &Option<Vec<String>>, item: &str| list.iter().flatten().any(|own| own == item);
            has(&rule.api_groups, group)
                && has(&rule.resources, resource)
                && rule.verbs.iter().any(|own| own == verb)
        })
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(user);
    let mut asked = 0;
    for (group, resource) in resources(&stack.kube).await? {
        for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] {
            let allowed = review(&reviews, &group, &resource, verb).await?;
            // Every authenticated user may review their own access.
            let of_all =
                group.starts_with("authorization.k8s.io") || group.starts_with("authentication.k8s.io");
            ensure!(
                of_all || allowed == granted(&group, &resource, verb),
                "{verb} {resource} of `{group}`: {allowed}"
            );
            asked += 1;
        }
    }
    ensure!(asked > 300, "only {asked} questions");
    Ok(())
}

async fn review(
    reviews: &Api<SelfSubjectAccessReview>,
    group: &str,
    resource: &str,
    verb: &str,
) -> Result<bool> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = ResourceAttributes {
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: Some(subresource.to_owned()).filter(|name| !name.is_empty()),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

async fn resources(kube: &Client) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for resource in kube.list_core_api_resources("v1").await?.resources {
        all.push((String::new(), resource.name));
    }
    for group in kube.list_api_groups().await?.groups {
        let version = group.preferred_version.context("a preferred version")?.group_version;
        for resource in kube.list_api_group_resources(&version).await?.resources {
            all.push((group.name.clone(), resource.name));
        }
    }
    Ok(all)
}

async fn classic(stack: &Stack) -> Result<Cli> {
    let eks = &stack.account.eks;
    if eks.describe_cluster().name(CLASSIC).send().await.is_err() {
        let endpoint = format!("https://127.0.0.1:{}", stack.wires.kubernetes.port());
        stack.emulators.set_cluster(CLASSIC, &endpoint, &stack.control_plane.ca_pem()?).await?;
        let network = VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
        let mode =
            CreateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::ConfigMap).build();
        let role = stack.account.iam.get_role().role_name("eks-lab").send().await?;
        let role = role.role.context("the role of the stack's cluster")?.arn;
        let call = eks.create_cluster().name(CLASSIC).role_arn(role).resources_vpc_config(network);
        call.access_config(mode).send().await?;
    }
    Ok(Cli::of(stack).with("CAST_SPOT_CLUSTER", CLASSIC))
}

fn maps(stack: &Stack) -> Api<ConfigMap> {
    Api::namespaced(stack.kube.clone(), "kube-system")
}

async fn write(maps: &Api<ConfigMap>, data: &BTreeMap<String, String>) -> Result<()> {
    let map: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "aws-auth" }, "data": data }))?;
    maps.create(&PostParams::default(), &map).await?;
    Ok(())
}

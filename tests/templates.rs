//! The templates of `infra/cloudformation/` create what the library creates: their evaluation is compared with
//! `desired()` for all choices. What CloudFormation cannot create is left out by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

#[path = "templates/choice.rs"]
mod choice;
#[path = "templates/current.rs"]
mod current;
#[path = "templates/made.rs"]
mod made;
#[path = "templates/stack.rs"]
mod stack;
#[path = "templates/template.rs"]
mod template;

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_handler::config::VARIABLES;
use cast_spot_provisioner::{
    names::RECORDS,
    policy,
    resource::{Function, Id, Ingress, InstanceProfile, Policy, Resource, Role, Tags},
    spec::Request,
};
use choice::Choice;
use made::made;
use serde_json::Value;
use stack::Stack;

/// Removes what CloudFormation cannot create and what a template cannot know, for the comparison.
fn comparable(resources: Vec<Resource>) -> BTreeMap<Id, Resource> {
    let comparable = resources.into_iter().filter_map(|mut resource| {
        match &mut resource {
            // A secret in a stack can be read forever, and no type of CloudFormation's own makes Kubernetes objects.
            Resource::AccessKey(_) | Resource::Manifest(_) => return None,
            // "AWS::IAM::ManagedPolicy" and "AWS::IAM::InstanceProfile" have no property Tags.
            Resource::Policy(Policy { arn, tags, .. }) => (*arn, *tags) = (String::new(), Tags::new()),
            Resource::InstanceProfile(InstanceProfile { tags, .. }) => *tags = Tags::new(),
            // Part of the cluster's own group.
            Resource::Ingress(Ingress { vpc_id, .. }) => *vpc_id = String::new(),
            // In a bucket.
            Resource::Function(Function { code, .. }) => *code = None,
            // A stack knows neither the hash of its code nor those of clusters, and does not encode.
            Resource::Role(Role { tags, .. }) => {
                tags.retain(|key, _| !RECORDS.iter().any(|tag| key.starts_with(tag)));
            }
            _ => {}
        }
        Some((resource.id(), resource))
    });
    comparable.collect()
}

/// The differences, one line each.
fn differences(wanted: Vec<Resource>, made: Vec<Resource>) -> Vec<String> {
    let (count, wanted, made) = (made.len(), comparable(wanted), comparable(made));
    assert_eq!(made.len(), count, "two of one name");
    let ids: BTreeSet<&Id> = wanted.keys().chain(made.keys()).collect();
    ids.into_iter()
        .flat_map(|id| match (wanted.get(id), made.get(id)) {
            (Some(wanted), Some(made)) => fields(id, wanted, made),
            (wanted, _) => {
                vec![format!("{id}: {}", if wanted.is_some() { "not made" } else { "not wanted" })]
            }
        })
        .collect()
}

fn fields(id: &Id, wanted: &Resource, made: &Resource) -> Vec<String> {
    let [wanted, made] = [wanted, made].map(|resource| serde_json::to_value(resource).unwrap());
    let differs = |field: &&String| match field.as_str() {
        "document" | "trust" | "policy" => !policy::same(&wanted[*field], &made[*field]),
        _ => wanted[*field] != made[*field],
    };
    let names = wanted.as_object().unwrap().keys().filter(differs);
    names.map(|field| format!("{id}: {field} is {}, not {}", made[field], wanted[field])).collect()
}

#[test]
fn both_stacks_make_what_the_library_makes() {
    let (account, cluster) = (template::read("account.yaml"), template::read("cluster.yaml"));
    for choice in Choice::all() {
        let stacks = choice.stacks(&account, &cluster);
        for stack in &stacks {
            assert_eq!(stack.refusals(), Vec::<&str>::new(), "{choice:?}");
        }
        let differences = differences(choice.desired(), made(&stacks));
        assert!(differences.is_empty(), "{choice:?}:\n{}", differences.join("\n"));
    }
}

#[test]
fn a_second_region_reuses_the_parts_of_the_account() {
    let (account, cluster) = (template::read("account.yaml"), template::read("cluster.yaml"));
    let choice = Choice::beside("open");
    let [_, of_cluster] = choice.stacks(&account, &cluster);
    let parameters = [choice.account(), vec![("AccountParts", "false".to_owned())]].concat();
    let of_account = Stack::new(&account, choice.scope(), &parameters);
    let elsewhere = [
        "policy CastEKSPolicy",
        "role CastLambdaRoleForSpot",
        "inline policy CastLambdaRoleForSpot/cast-spot",
    ];
    let differences = differences(choice.desired(), made(&[of_account, of_cluster]));
    assert_eq!(differences, elsewhere.map(|id| format!("{id}: not made")));
}

#[test]
fn the_role_is_prepared_for_a_vpc_in_another_region() {
    let (account, cluster) = (template::read("account.yaml"), template::read("cluster.yaml"));
    let choice = Choice::beside("private");
    let differences = differences(choice.desired(), made(&choice.stacks(&account, &cluster)));
    let of_the_vpc = [
        "attachment CastLambdaRoleForSpot/AWSLambdaVPCAccessExecutionRole: not wanted",
        "inline policy CastLambdaRoleForSpot/cast-spot-vpc: not wanted",
    ];
    assert_eq!(differences, of_the_vpc);
}

#[test]
fn dependent_parameters_are_required_together() {
    let (account, cluster) = (template::read("account.yaml"), template::read("cluster.yaml"));
    let choice = Choice::private();
    let refused = |template: &Value, mut parameters: Vec<(&'static str, String)>, left_out: &str| {
        parameters.retain(|(name, _)| *name != left_out);
        let stack = Stack::new(template, choice.scope(), &parameters);
        let refusals = stack.refusals();
        assert!(refusals.len() == 1 && refusals[0].contains(left_out), "{left_out}: {refusals:?}");
    };
    refused(&account, choice.account(), "SubnetIds");
    let elsewhere = [choice.account(), vec![("AccountParts", "false".to_owned())]].concat();
    refused(&account, elsewhere, "OtherRegions");
    for left_out in ["PrincipalArn", "ExternalId", "HandlerSecurityGroupId"] {
        refused(&cluster, choice.parameters(), left_out);
    }
}

#[test]
fn every_setting_of_the_handler_can_be_given() {
    // The clusters and their endpoints have parameters of their own; Lambda sets its own variable.
    let elsewhere =
        ["CAST_SPOT_CLUSTERS", "CAST_SPOT_ENDPOINTS", "CAST_SPOT_ENDPOINTS_FILE", "AWS_LAMBDA_LOG_LEVEL"];
    let settings = VARIABLES.iter().map(|variable| variable.name).filter(|name| !elsewhere.contains(name));
    assert!(settings.eq(choice::SETTINGS.iter().map(|(name, ..)| *name)), "SETTINGS in templates/choice.rs");
}

#[test]
fn log_retentions_equal_those_of_the_library() {
    let account = template::read("account.yaml");
    let days = account["Parameters"]["LogRetentionDays"]["AllowedValues"].as_array().unwrap();
    let days: BTreeSet<i64> = days.iter().map(|days| days.as_i64().unwrap()).collect();
    let accepted = (0..=3700).filter(|days| {
        let request = Request {
            cluster: "prod".to_owned(),
            mode: "user".to_owned(),
            log_retention_days: Some(days.to_string()),
            ..Request::default()
        };
        request.validate().is_ok()
    });
    assert_eq!(days, accepted.collect());
}

#[test]
fn every_parameter_has_a_description_and_a_place_in_a_group() {
    for name in ["account.yaml", "cluster.yaml"] {
        let template = template::read(name);
        let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
        let groups = interface["ParameterGroups"].as_array().unwrap().iter();
        let grouped = groups.flat_map(|group| group["Parameters"].as_array().unwrap());
        let grouped: Vec<_> = grouped.map(|parameter| parameter.as_str().unwrap()).collect();
        let parameters = template["Parameters"].as_object().unwrap();
        for (parameter, says) in parameters {
            assert!(says["Description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {parameter}");
            let constraints = ["AllowedValues", "AllowedPattern", "MaxLength"];
            assert!(constraints.iter().any(|one| says.get(one).is_some()), "{name}: {parameter}");
            assert_eq!(grouped.iter().filter(|one| *one == parameter).count(), 1, "{name}: {parameter}");
        }
        assert_eq!(grouped.len(), parameters.len(), "{name}");
    }
}

//! The generated part of docs/permissions.md.

use std::{fmt::Write as _, fs};

use cast_spot_provisioner::{
    names,
    policy::{self, AdminMode, Scope, size},
};
use cast_spot_tests::{assert_current, root};
use serde_json::Value;

use crate::documents::{longest, statements, strings};

/// A scope that keeps the placeholders of `infra/iam/`.
const OPEN: Scope<'static> = Scope {
    partition: "<partition>",
    region: "<region>",
    account: "<account>",
    cluster: "<cluster>",
    vpc_id: "<vpc>",
    node_role: "<node-role>",
    image_owners: &[],
};

const BEGIN: &str = "<!-- From here on written by tests/policies.rs: INSTA_UPDATE=always -->\n";
const END: &str = "<!-- To here. -->\n";

struct Section {
    title: &'static str,
    about: &'static str,
    policy: fn(&Scope) -> Value,
}

const SECTIONS: [Section; 17] = [
    Section {
        title: "CastEKSPolicy",
        about: "Managed policy on the user or role `cast-eks-<cluster>`; one for all clusters of the account, \
            which it tells apart by the tags of the user or role.",
        policy: policy::cast_eks,
    },
    Section {
        title: "CastEKSRestrictedAccess-\\<cluster>",
        about: "Managed policy on the user or role `cast-eks-<cluster>`; one for each cluster. `--image-owner` adds owners of \
            images.",
        policy: policy::restricted,
    },
    Section {
        title: "CastEKSDocumentedPolicy, with \\--documented-privilege",
        about: "Managed policy on the user or role `cast-eks-<cluster>`, beside the others; one for all clusters of the \
            account.",
        policy: policy::documented,
    },
    Section {
        title: "Trust of the role cast-eks-\\<cluster>",
        about: "`<principal>` and `<external-id>` are given to `onboard`.",
        policy: |_| policy::principal_trust("<principal>", "<external-id>"),
    },
    Section {
        title: "Boundary of the node role",
        about: "Permissions boundary of a new node role, unless another one is chosen; with the role's name. It grants nothing by \
            itself.",
        policy: policy::node_boundary,
    },
    Section {
        title: "Node role",
        about: "Inline policy `cast-spot-vpc` of the node role, beside AmazonEKSWorkerNodePolicy, \
            AmazonEC2ContainerRegistryReadOnly and AmazonEKS_CNI_Policy: the denials of its boundary, whatever boundary it \
            has.",
        policy: policy::node_vpc,
    },
    Section {
        title: "CastLambdaRoleForSpot, for each cluster",
        about: "Inline policy `cast-spot.<region>.<cluster>` of the function's role. All of them together are the \
            register of clusters.",
        policy: policy::handler_cluster,
    },
    Section {
        title: "CastLambdaRoleForSpot",
        about: "Inline policy `cast-spot` of the function's role.",
        policy: policy::handler_reads,
    },
    Section {
        title: "CastLambdaRoleForSpot, for a private cluster",
        about: "Inline policy `cast-spot-vpc` of the function's role, beside AWSLambdaVPCAccessExecutionRole: Lambda needs \
            that policy to put the function into the VPC, and the function's code does not.",
        policy: policy::handler_vpc,
    },
    Section {
        title: "CastLambdaRoleForSpot, with \\--documented-privilege",
        about: "Inline policy `cast-spot` of the function's role, beside CloudWatchLogsFullAccess, AWSLambdaRole and \
            AmazonEC2ReadOnlyAccess.",
        policy: policy::handler_dead_letter,
    },
    Section { title: "Trust of CastLambdaRoleForSpot", about: "", policy: |_| policy::lambda_trust() },
    Section {
        title: "Trust of the node role",
        about: "In China `ec2.amazonaws.com.cn`, in the secret regions `ec2.c2s.ic.gov` and `ec2.sc2s.sgov.gov`.",
        policy: |scope| policy::node_trust(scope.partition),
    },
    Section {
        title: "Queue cast-spot-dlq",
        about: "Who may send to the dead-letter queue without a right of their own.",
        policy: policy::dead_letter_queue,
    },
    Section {
        title: "A handler of one's own",
        about: "All that the handler calls for one cluster (`infra/iam/handler.json`), for those who deploy it \
            without `onboard`.",
        policy: policy::handler,
    },
    Section {
        title: "Savings",
        about: "For the principal that runs `cast-spot savings`; read only. In Kubernetes it needs the ClusterRole of \
            `infra/kubernetes/savings.yaml`.",
        policy: policy::savings,
    },
    Section {
        title: "Administrator, mode role",
        about: "Who runs `plan`, `onboard`, `status` and `offboard` for one cluster with a role.",
        policy: |scope| policy::admin(AdminMode::Role, scope),
    },
    Section {
        title: "Administrator, mode user",
        about: "The same with a user.",
        policy: |scope| policy::admin(AdminMode::User, scope),
    },
];

fn generated() -> String {
    let mut page = String::from(BEGIN);
    for Section { title, about, policy } in &SECTIONS {
        let longest = size(&policy(&longest("aws-us-gov")));
        write!(page, "\n### {title}\n\n").unwrap();
        if !about.is_empty() {
            write!(page, "{about}\n\n").unwrap();
        }
        write!(
            page,
            "At most {longest} characters.\n\n| statement | actions | on | if |\n|---|---|---|---|\n"
        )
        .unwrap();
        for statement in statements(&policy(&OPEN)) {
            writeln!(page, "{}", row(statement)).unwrap();
        }
    }
    // The hash at the end of the name is that of the cluster's ARN.
    let suffix = names::suffix("arn:<partition>:eks:<region>:<account>:cluster/<cluster>");
    page.replace(&suffix, "<hash>") + "\n" + END
}

fn row(statement: &Value) -> String {
    let denies = if statement["Effect"] == "Deny" { "**denies** " } else { "" };
    let sid = statement["Sid"].as_str().unwrap();
    let on: Vec<_> = if let Value::Object(kinds) = &statement["Principal"] {
        kinds.values().map(|who| format!("by {}", code(who.as_str().unwrap()))).collect()
    } else {
        let arns = strings(&statement["Resource"]).into_iter().map(|arn| code(&own(short(arn))));
        let others = strings(&statement["NotResource"]).into_iter();
        arns.chain(others.map(|arn| format!("not {}", code(&own(short(arn)))))).collect()
    };
    let actions: Vec<_> = strings(&statement["Action"]).into_iter().map(code).collect();
    format!(
        "| {denies}{sid} | {} | {} | {} |",
        actions.join("<br>"),
        on.join("<br>"),
        conditions(statement).join("<br>")
    )
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn short(arn: &str) -> &str {
    arn.strip_prefix("arn:<partition>:").unwrap_or(arn)
}

fn conditions(statement: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().unwrap() {
            let values: Vec<_> = strings(values).into_iter().map(|value| code(&own(short(value)))).collect();
            let (key, values) = (code(key), values.join(" or "));
            found.push(match operator.as_str() {
                "StringEquals" | "ArnEquals" | "StringLike" | "ArnLike" | "Bool" => {
                    format!("{key} is {values}")
                }
                "StringNotEquals" | "ArnNotLike" => format!("{key} is not {values}"),
                "StringEqualsIfExists" => format!("{key}, if there, is {values}"),
                "ForAllValues:StringLike" | "ForAllValues:ArnLike" => format!("each of {key} is {values}"),
                "Null" if values == "`true`" => format!("{key} is not there"),
                "Null" => format!("{key} is there"),
                other => panic!("say {other} in words"),
            });
        }
    }
    // The order of keys depends on a feature of serde_json that any crate may enable.
    found.sort();
    found
}

/// `${aws:PrincipalTag/cast-spot:region}` is the region of the caller.
fn own(text: &str) -> String {
    text.replace("${aws:PrincipalTag/cast-spot:", "{own ")
}

#[test]
fn the_page_on_permissions_says_what_the_policies_say() {
    let file = root().join("docs/permissions.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{}{after}", generated());
    assert_current(&file, &wanted);
}

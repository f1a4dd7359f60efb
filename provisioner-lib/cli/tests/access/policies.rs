//! The policies of a place: what is refused, and what is looked up.

use insta::assert_snapshot;

use crate::{
    aws::Aws,
    script::{Folder, cast_spot, run, transcript},
};

#[test]
fn a_policy_of_a_wrong_place_is_refused_with_all_faults() {
    let folder = Folder::new("wrong-place");
    let wrong =
        "policy cluster --cluster ${aws:username} --region * --account 12 --vpc-id * --partition nonsense";
    let args: Vec<_> = wrong.split(' ').collect();
    assert_snapshot!("policy_of_a_wrong_place", transcript(&folder, &mut cast_spot(&folder, &args)));
    let name = "a".repeat(101);
    for (option, value) in [("--cluster", name.as_str()), ("--cluster", "a.b"), ("--partition", "aws-cn")] {
        let place = ["policy", "handler", "--account", "111122223333", "--region", "eu-west-1"];
        let args =
            [&place[..], if option == "--cluster" { &[] } else { &["--cluster", "prod"] }, &[option, value]];
        let (code, out, err) = run(&mut cast_spot(&folder, &args.concat()));
        assert!((code, out.as_str()) == (2, "") && err.contains(&format!("{option} {value}")), "{err}");
    }
    for principal in ["*", "111122223333", "arn:aws:iam::111122223333:user/*"] {
        let args = ["policy", "trust", "--principal", principal, "--external-id", ""];
        let (code, out, err) = run(&mut cast_spot(&folder, &args));
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(&format!("--principal {principal}: not the ARN")), "{err}");
        assert!(err.contains("--external-id: missing, and needed in `trust`"), "{err}");
    }
}

#[test]
fn a_policy_has_the_partition_of_its_region() {
    let folder = Folder::new("partitions");
    for (region, partition) in [
        ("eusc-de-east-1", "aws-eusc"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ] {
        let args = ["policy", "admin", "--cluster", "a", "--account", "111122223333", "--vpc-id", "vpc-0a1b"];
        let (code, out, err) = run(&mut cast_spot(&folder, &[&args[..], &["--region", region]].concat()));
        assert_eq!(code, 0, "{err}");
        assert!(out.contains(&format!("arn:{partition}:")) && !out.contains("arn:aws:"), "{region}: {out}");
    }
}

#[test]
fn a_policy_without_a_vpc_asks_for_the_clusters_or_is_refused() {
    let (folder, aws) = (Folder::new("vpc"), Aws::start());
    for name in ["admin", "cluster"] {
        let ask = |cluster: &str, account: &str, key: Option<&str>| {
            let args = ["policy", name, "--region", "eu-west-1", "--cluster", cluster, "--account", account];
            let mut command = cast_spot(&folder, &args);
            if let Some(key) = key {
                command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", "secret");
            }
            run(command.env("AWS_ENDPOINT_URL", &aws.url))
        };
        let (code, out, err) = ask("prod", "111122223333", Some("AKIA"));
        assert!(code == 0 && out.contains("vpc-0a1b") && !out.contains("vpc/*"), "{err}");
        for (cluster, account, key, expected) in [
            ("prod", "111122223333", None, 4),
            ("prod", "999999999999", Some("AKIA"), 2),
            ("stage", "111122223333", Some("AKIA"), 2),
        ] {
            let (code, out, err) = ask(cluster, account, key);
            assert_eq!((code, out.as_str()), (expected, ""), "{err}");
            assert!(err.contains("--vpc-id: not given") && err.contains("hint: give --vpc-id"), "{err}");
        }
    }
}

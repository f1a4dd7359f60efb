//! Which cluster a command works on, by kubeconfigs as people have them.

use std::process::Command;

use crate::script::{Folder, cast_spot, run};

/// Leads to the cluster prod of an account.
const PROD: &str = "\
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: 'arn:aws:eks:eu-west-1:111122223333:cluster/prod', cluster: {server: 'https://127.0.0.1:1'}}
contexts:
- {name: prod, context: {cluster: 'arn:aws:eks:eu-west-1:111122223333:cluster/prod', user: u}}
- {name: left-over, context: {cluster: gone, user: null}}
users:
- {name: u, user: {token: t}}
- {name: gone, user: null}
";
/// What `kubectl config unset` leaves.
const NULLS: &str = "\
apiVersion: v1
clusters: null
contexts: null
current-context: \"\"
kind: Config
preferences: {}
users: null
a-field-of-tomorrow: {x: [1]}
";

fn connect(folder: &Folder, kubeconfig: &str) -> Command {
    let args = ["connect", "--cluster", "stage", "--account", "999999999999"];
    let mut command = cast_spot(folder, &args);
    command.env("KUBECONFIG", kubeconfig).env("CAST_SPOT_AGENT_TOKEN", "t0ken");
    command
}

#[test]
fn nulls_in_a_kubeconfig_switch_no_check_off() {
    let folder = Folder::new("nulls");
    let (nulls, prod) = (folder.file("nulls", NULLS), folder.file("prod", PROD));
    for list in [
        prod.clone(),
        format!("{nulls}:{prod}"),
        format!("{prod}:{nulls}"),
        format!("/nowhere:{prod}:{nulls}"),
    ] {
        let (code, out, err) = run(&mut connect(&folder, &list));
        assert_eq!((code, out.as_str()), (2, ""), "{list}: {err}");
        assert!(err.contains("--cluster stage: the kubeconfig leads to prod"), "{list}: {err}");
        assert!(
            err.contains("--account 999999999999: the kubeconfig leads to 111122223333"),
            "{list}: {err}"
        );
        let found = ["policy", "handler", "--region", "eu-west-1"];
        let (code, out, err) = run(cast_spot(&folder, &found).env("KUBECONFIG", &list));
        assert!(code == 0 && out.contains("111122223333") && out.contains("cluster/prod"), "{list}: {err}");
    }
}

#[test]
fn an_unreadable_kubeconfig_switches_no_check_off() {
    let folder = Folder::new("unreadable");
    let broken = folder.file("broken", "contexts: [ {token: s3cret\n");
    let (code, _, err) = run(&mut connect(&folder, &broken));
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains(&format!("the kubeconfig {broken}: ")) && err.contains("hint: mend the file"),
        "{err}"
    );
    assert!(!err.contains("s3cret"), "{err}");
    for command in ["plan", "offboard", "savings"] {
        let (code, _, err) =
            run(cast_spot(&folder, &[command, "--cluster", "prod"]).env("KUBECONFIG", &broken));
        assert!(code == 2 && err.contains(&broken), "{command}: its region is not known otherwise: {err}");
        let nowhere = [command, "--cluster", "prod", "--region", "eu-west-1", "--kubeconfig", "nowhere"];
        let (code, _, err) = run(&mut cast_spot(&folder, &nowhere));
        assert!(
            code == 2 && err.contains("the kubeconfig nowhere: there is no such file"),
            "{command}: {err}"
        );
    }
    // A folder in place of a file cannot be read either, and so is not passed over.
    let (code, _, err) = run(&mut connect(&folder, &folder.path().display().to_string()));
    assert!(code == 2 && err.contains("hint: mend the file"), "{err}");
}

/// What is read to connect is what was read to check.
#[test]
fn a_file_that_no_check_has_read_is_not_connected_to() {
    let folder = Folder::new("unchecked");
    std::fs::create_dir_all(folder.path().join(".kube")).unwrap();
    folder.file(".kube/config", PROD);
    let (code, out, err) = run(&mut connect(&folder, ":"));
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    assert!(err.contains("KUBECONFIG names no file") && !err.contains("127.0.0.1"), "{err}");
    let (code, _, err) = run(connect(&folder, "").env_remove("HOME"));
    assert!(code == 4 && err.contains("KUBECONFIG names no file"), "{err}");
}

#[test]
fn names_of_a_kubeconfig_are_checked_like_options() {
    let folder = Folder::new("names");
    let named = |arn: &str| {
        let text = format!(
            "current-context: c\nclusters: []\nusers: []\ncontexts:\n- {{name: c, context: {{cluster: '{arn}', user: u}}}}\n"
        );
        folder.file("named", &text)
    };
    for (arn, problem) in [
        ("arn:aws:eks:eu-west-1:111122223333:cluster/*", "--cluster *: not a cluster name"),
        ("arn:aws:eks:*:111122223333:cluster/prod", "region *: not the name of a region"),
        ("arn:aws:eks:evil.example/:111122223333:cluster/prod", "region evil.example/: not the name"),
        ("arn:aws:eks:eu-west-1:*:cluster/prod", "the kubeconfig *: not the 12 digits of an account"),
    ] {
        for command in [&["policy", "cluster"][..], &["offboard"], &["savings"]] {
            let (code, out, err) = run(cast_spot(&folder, command).env("KUBECONFIG", named(arn)));
            assert_eq!((code, out.as_str()), (2, ""), "{command:?} {arn}: {err}");
            assert!(err.contains(problem), "{command:?} {arn}: {err}");
        }
    }
}

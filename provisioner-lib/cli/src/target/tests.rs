use super::*;

struct File(PathBuf);

impl File {
    fn of(test: &str, cluster: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cast-spot-target-{}-{test}", std::process::id()));
        let config = format!(
            "current-context: c\ncontexts:\n- {{name: c, context: {{cluster: '{cluster}', user: u}}}}\n"
        );
        std::fs::write(&path, config).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const PROD: &str = "arn:aws:eks:eu-west-1:123456789012:cluster/prod";

fn read(args: &TargetArgs, file: &File, environment: Environment) -> (Target, Vec<String>) {
    let mut complaints = Vec::new();
    let environment = Environment { kubeconfig: vec![file.0.clone()], ..environment };
    let target = args.read(&environment, &mut complaints);
    (target, complaints.into_iter().map(|complaint| complaint.error).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "as options are")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn without_options_it_is_the_cluster_of_the_kubeconfig_in_its_own_region_and_account() {
    let file = File::of("own", PROD);
    let environment = Environment { region: some("us-east-1"), ..Environment::default() };
    let (target, complaints) = read(&TargetArgs::default(), &file, environment);
    assert_eq!((target.cluster.as_str(), target.connection.region), ("prod", some("eu-west-1")));
    assert_eq!(target.account.unwrap().id, "123456789012");
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn an_option_wins_over_the_environment_and_the_environment_over_the_kubeconfig() {
    let file = File::of("order", PROD);
    let args = TargetArgs { cluster: some("one"), ..TargetArgs::default() };
    let environment =
        || Environment { cluster: some("two"), region: some("us-east-1"), ..Environment::default() };
    let (target, _) = read(&args, &file, environment());
    assert_eq!((target.cluster.as_str(), target.connection.region), ("one", some("us-east-1")));
    let (target, _) = read(&TargetArgs::default(), &file, environment());
    assert_eq!((target.cluster.as_str(), target.account), ("two", None));
    let args = TargetArgs { cluster: some("prod"), ..TargetArgs::default() };
    let (target, _) = read(&args, &file, Environment::default());
    assert_eq!(target.connection.region, some("eu-west-1"), "of the same name");
}

#[test]
fn what_contradicts_or_is_missing_is_said_all_at_once() {
    let file = File::of("wrong", PROD);
    let args = TargetArgs { region: some("us-east-1"), account: some("12"), ..TargetArgs::default() };
    let (_, complaints) = read(&args, &file, Environment::default());
    assert!(
        complaints[0].contains("--region us-east-1") && complaints[0].contains("eu-west-1"),
        "{complaints:?}"
    );
    assert!(complaints[1].contains("--account 12"), "{complaints:?}");
    let file = File::of("kind", "kind-local");
    let (target, complaints) = read(&TargetArgs::default(), &file, Environment::default());
    assert_eq!(target.cluster, "");
    assert!(
        complaints[0].starts_with("--cluster: not given, and the kubeconfig's context `c`"),
        "{complaints:?}"
    );
}

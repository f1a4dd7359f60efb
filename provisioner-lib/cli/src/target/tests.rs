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
    let mut diagnostics = Vec::new();
    let environment = Environment { kubeconfig: vec![file.0.clone()], ..environment };
    let target = args.target(&environment, &mut diagnostics);
    (target, diagnostics.into_iter().map(|diagnostic| diagnostic.error).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "options are optional")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn without_options_the_kubeconfig_decides() {
    let file = File::of("own", PROD);
    let environment = Environment { region: some("us-east-1"), ..Environment::default() };
    let (target, diagnostics) = read(&TargetArgs::default(), &file, environment);
    assert_eq!((target.cluster.as_str(), target.connection.region), ("prod", some("eu-west-1")));
    assert_eq!(target.account.unwrap().id, "123456789012");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
}

#[test]
fn options_win_over_environment_over_kubeconfig() {
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
fn all_contradictions_and_gaps_are_reported_at_once() {
    let file = File::of("wrong", PROD);
    let args = TargetArgs { region: some("us-east-1"), account: some("12"), ..TargetArgs::default() };
    let (_, diagnostics) = read(&args, &file, Environment::default());
    assert!(
        diagnostics[0].contains("--region us-east-1") && diagnostics[0].contains("eu-west-1"),
        "{diagnostics:?}"
    );
    assert!(diagnostics[1].contains("--account 12"), "{diagnostics:?}");
    let file = File::of("kind", "kind-local");
    let (target, diagnostics) = read(&TargetArgs::default(), &file, Environment::default());
    assert_eq!(target.cluster, "");
    assert!(
        diagnostics[0].starts_with("--cluster: not given, and the kubeconfig's context `c`"),
        "{diagnostics:?}"
    );
}

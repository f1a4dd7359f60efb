use super::*;

fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
}

#[test]
fn only_the_clusters_must_be_given() {
    let config = config(&[(CLUSTERS, " prod, stage ,prod")]).unwrap();
    assert_eq!(config.clusters, ["prod", "stage"]);
    assert_eq!(config.policy.pdb, PdbPolicy::Delete);
    assert_eq!(config.policy.replacement, ReplacementPolicy::Auto);
    assert_eq!(config.policy.margin, Duration::from_secs(5));
    assert!(!config.policy.dry_run);
}

#[test]
fn all_faults_are_reported_at_once_with_name_value_and_remedy() {
    let error = config(&[(PDB_POLICY, "ignore"), (MARGIN_SECONDS, "0"), (DRY_RUN, "yes")]).unwrap_err();
    assert_eq!(
        error.faults,
        [
            "CAST_SPOT_CLUSTERS is not set (expected EKS cluster names, separated by commas)",
            "CAST_SPOT_PDB_POLICY is `ignore` (expected `delete` or `leave`)",
            "CAST_SPOT_MARGIN_SECONDS is `0` (expected whole seconds, 1 to 60)",
            "CAST_SPOT_DRY_RUN is `yes` (expected `true` or `false`)",
        ]
    );
}

#[test]
fn endpoints_come_from_the_file_and_the_environment() {
    let entry = |server: &str| format!(r#"{{"server": "https://{server}", "ca": "MAMCAQE="}}"#);
    let inline = format!(r#"{{"prod": {}}}"#, entry("inline"));
    let vars = [(CLUSTERS, "prod,stage,test"), (ENDPOINTS, inline.as_str()), (ENDPOINTS_FILE, "/opt/x")];
    let lookup = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    let file = |path: &str| {
        assert_eq!(path, "/opt/x");
        Ok(Some(format!(r#"{{"prod": {}, "stage": {}}}"#, entry("file"), entry("file"))))
    };
    let endpoints = Config::read(lookup, file).unwrap().endpoints;
    let servers: Vec<_> = endpoints.iter().map(|(name, e)| (name.as_str(), e.server.as_str())).collect();
    assert_eq!(servers, [("prod", "https://inline"), ("stage", "https://file")]);
    assert_eq!(Config::read(lookup, |_| Ok(None)).unwrap().endpoints.len(), 1, "the file need not exist");
}

#[test]
fn malformed_endpoints_are_ignored_without_their_text() {
    let read = config(&[(CLUSTERS, "prod"), (ENDPOINTS, "{secret")]).unwrap();
    let problem = &read.ignored["prod"];
    assert!(problem.starts_with("CAST_SPOT_ENDPOINTS: key must be a string"), "{problem}");
    assert!(read.endpoints.is_empty() && !problem.contains("secret"), "{problem}");
    let lookup = |name: &str| (name == CLUSTERS).then(|| "prod".to_owned());
    let unreadable = Config::read(lookup, |_| Err("permission denied".into())).unwrap();
    assert_eq!(unreadable.ignored["prod"], "/opt/cast-spot/endpoints.json: permission denied");
}

#[test]
fn an_ignored_endpoint_is_a_warning_with_cluster_and_fault() {
    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (lines, text) = (Lines::default(), r#"{"prod": {"server": "https://a", "ca": "%"}}"#);
    let out = lines.clone();
    let subscriber = crate::logging::subscriber(LogFormat::Json, tracing::Level::WARN, move || out.clone());
    let config = config(&[(CLUSTERS, "prod,stage"), (ENDPOINTS, text)]).unwrap();
    tracing::subscriber::with_default(subscriber, || config.log_ignored());
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    for part in [r#""level":"WARN""#, r#""cluster":"prod""#, "`ca` is not base64", "EKS is asked"] {
        assert!(lines.contains(part), "{part} is not in {lines}");
    }
}

#[test]
fn a_launch_that_an_earlier_release_allowed_is_auto() {
    let read = config(&[(CLUSTERS, "prod"), (REPLACEMENT, "launch")]).unwrap();
    assert_eq!(read.policy.replacement, ReplacementPolicy::Auto);
    assert!(read.outdated.unwrap().ends_with("read as `auto`"));
    assert_eq!(config(&[(CLUSTERS, "prod"), (REPLACEMENT, "auto")]).unwrap().outdated, None);
}

#[test]
fn the_documentation_shows_the_registry() {
    let documentation = include_str!("../../../docs/configuration.md");
    for v in VARIABLES {
        let default = v.default.map_or("must be given".to_owned(), |d| format!("`{d}`"));
        let row = format!("| `{}` | {} | {default} | ", v.name, v.values);
        let meaning = documentation.split_once(&row).map(|(_, meaning)| meaning);
        let meaning = meaning.unwrap_or_else(|| panic!("docs/configuration.md lacks this row:\n{row}"));
        assert!(!meaning.starts_with('|'), "docs/configuration.md does not say what {} does", v.name);
    }
    let rows = documentation.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, VARIABLES.len(), "docs/configuration.md shows a variable that does not exist");
}

#[test]
fn a_cluster_name_that_eks_would_refuse_is_a_fault() {
    for bad in ["-prod", "pro d", "a/b", &"x".repeat(101)] {
        assert!(config(&[(CLUSTERS, bad)]).is_err(), "{bad}");
    }
}

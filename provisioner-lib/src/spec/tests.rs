use super::*;

const PRINCIPAL: &str = "arn:aws:iam::123456789012:user/cast-crossrole-prod";

fn request() -> Request {
    Request {
        cluster: "prod".to_owned(),
        principal: Some(PRINCIPAL.to_owned()),
        external_id: Some("0b7f-prod".to_owned()),
        ..Request::default()
    }
}

fn fields(request: Request) -> Vec<String> {
    request.validate().expect_err("faults").0.into_iter().map(|fault| fault.field).collect()
}

#[test]
fn a_role_with_an_external_id_is_the_usual_request() {
    let spec = request().validate().expect("valid");
    let access = Access::Role { principal: PRINCIPAL.to_owned(), external_id: "0b7f-prod".to_owned() };
    assert_eq!((spec.access, spec.privilege, spec.log_retention_days), (access, None, None));
}

#[test]
fn all_faults_are_said_at_once_with_a_hint_each() {
    let request = Request {
        cluster: "-prod".to_owned(),
        log_retention_days: Some("13".to_owned()),
        settings: vec!["CAST_SPOT_CLUSTERS=other".to_owned(), "nonsense".to_owned()],
        package: Some(b"not a zip".to_vec()),
        ..Request::default()
    };
    let faults = request.clone().validate().expect_err("faults").0;
    assert!(faults.iter().all(|fault| !fault.hint.is_empty()), "{faults:?}");
    assert_eq!(
        fields(request),
        ["cluster", "principal", "external-id", "log-retention-days", "env", "env", "zip"]
    );
}

#[test]
fn a_replacement_that_needs_other_rights_is_refused() {
    let settings = |value: &str| vec![format!("CAST_SPOT_REPLACEMENT={value}")];
    let launch = Request { settings: settings("launch"), ..request() };
    let faults = launch.validate().expect_err("faults").0;
    assert_eq!((faults.len(), &*faults[0].field), (1, "env"));
    assert_eq!(faults[0].hint, "use CAST_SPOT_REPLACEMENT=auto");
    assert!(Request { settings: settings("verify"), ..request() }.validate().is_ok());
}

#[test]
fn settings_are_known_ones_or_variables_of_any_value() {
    for (setting, fields_of) in [
        ("CAST_SPOT_STAYS=20", &["env"][..]),
        ("NO_PROXY=a,b c", &[]),
        ("HTTPS_PROXY=http://proxy.example:3128", &[]),
        ("CAST_SPOT_STAY=", &[]),
    ] {
        let result = Request { settings: vec![setting.to_owned()], ..request() }.validate();
        let found: Vec<_> =
            result.err().into_iter().flat_map(|faults| faults.0).map(|one| one.field).collect();
        assert_eq!(found, fields_of, "{setting}");
    }
}

#[test]
fn an_external_id_is_always_required() {
    assert_eq!(fields(Request { external_id: None, ..request() }), ["external-id"]);
    assert_eq!(fields(Request { external_id: Some(" ".to_owned()), ..request() }), ["external-id"]);
}

#[test]
fn what_belongs_to_the_other_mode_is_refused() {
    assert_eq!(fields(Request { mode: "user".to_owned(), ..request() }), ["principal", "external-id"]);
    assert_eq!(fields(Request { rotate_key: true, ..request() }), ["rotate-key"]);
    assert_eq!(fields(Request { cluster_admin: true, ..request() }), ["cluster-admin"]);
    assert_eq!(fields(Request { mode: "admin".to_owned(), ..request() }), ["mode"]);
}

#[test]
fn cluster_names_are_those_of_eks() {
    for (name, valid) in [
        ("prod", true),
        ("9_a-B", true),
        ("", false),
        ("_a", false),
        ("a.b", false),
        ("a b", false),
        ("ä", false),
        (&"c".repeat(100), true),
        (&"c".repeat(101), false),
    ] {
        let valid_now = Request { cluster: name.to_owned(), ..request() }.validate().is_ok();
        assert_eq!(valid_now, valid, "{name}");
    }
}

#[test]
fn principals_are_users_roles_and_roots() {
    for (arn, valid) in [
        ("arn:aws:iam::123456789012:root", true),
        ("arn:aws-cn:iam::123456789012:role/a/b", true),
        ("arn:aws:iam::123456789012:group/x", false),
        ("arn:aws:iam::12345:root", false),
        ("123456789012", false),
        ("*", false),
    ] {
        let valid_now = Request { principal: Some(arn.to_owned()), ..request() }.validate().is_ok();
        assert_eq!(valid_now, valid, "{arn}");
    }
}

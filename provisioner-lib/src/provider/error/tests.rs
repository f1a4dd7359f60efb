use super::*;

fn reason(code: &str, message: &str) -> ErrorKind {
    meaning("iam:CreateRole", code, message).reason
}

#[test]
fn codes_mean_what_the_references_say() {
    for (code, expected) in [
        ("ExpiredToken", ErrorKind::Credentials),
        ("InvalidClientTokenId", ErrorKind::Credentials),
        ("UnrecognizedClientException", ErrorKind::Credentials),
        ("SignatureDoesNotMatch", ErrorKind::Credentials),
        ("EntityAlreadyExists", ErrorKind::Changed),
        ("PreconditionFailedException", ErrorKind::Changed),
        ("ResourceConflictException", ErrorKind::Changed),
        ("ResourceInUseException", ErrorKind::Changed),
        ("ConcurrentModification", ErrorKind::Changed),
        ("LimitExceeded", ErrorKind::Limit),
        ("ServiceQuotaExceededException", ErrorKind::Limit),
        ("MalformedPolicyDocument", ErrorKind::Other),
        ("InvalidParameterValueException", ErrorKind::Other),
    ] {
        assert_eq!(reason(code, "as it is"), expected, "{code}");
    }
}

#[test]
fn a_denial_names_the_action_that_was_missing() {
    let by = |message: &str| match reason("AccessDenied", message) {
        ErrorKind::Denied { action } => action,
        other => panic!("{other:?}"),
    };
    assert_eq!(by(""), "iam:CreateRole");
    assert_eq!(
        by("User: arn:aws:iam::1:user/u is not authorized to perform: iam:TagRole on resource: r"),
        "iam:TagRole"
    );
    assert_eq!(
        by("User: u is not authorized to perform: lambda:AddPermission, which it needs"),
        "lambda:AddPermission"
    );
    assert_eq!(by("not authorized to perform: this"), "iam:CreateRole");
    let error = meaning("ec2:CreateSecurityGroup", "UnauthorizedOperation", "You are not authorized");
    assert_eq!(error.reason, ErrorKind::Denied { action: "ec2:CreateSecurityGroup".into() });
    assert!(error.hint.is_some_and(|hint| hint.contains("cast-spot policy admin")));
}

#[test]
fn an_answer_of_the_api_server_means_what_its_code_says() {
    for (code, expected) in [
        (401, ErrorKind::Credentials),
        (403, ErrorKind::Denied { action: "create clusterroles".into() }),
        (409, ErrorKind::Changed),
        (422, ErrorKind::Other),
        (503, ErrorKind::Unreachable),
    ] {
        let status: kube::core::Status =
            serde_json::from_value(serde_json::json!({ "code": code, "message": "no" })).unwrap();
        let error = of_kubernetes("create clusterroles")(kube::Error::Api(Box::new(status)));
        assert_eq!((error.reason, error.message.as_str()), (expected, "no"), "{code}");
    }
}

#[test]
fn missing_credentials_are_told_from_a_missing_answer() {
    use aws_sdk_iam::operation::get_role::GetRoleError;
    use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};

    let failure =
        |error: ConnectorError| -> SdkError<GetRoleError, HttpResponse> { SdkError::dispatch_failure(error) };
    let missing = failure(ConnectorError::other(Box::new(CredentialsError::not_loaded("none found")), None));
    assert_eq!(of("iam:GetRole")(missing).reason, ErrorKind::Credentials);
    let refused = failure(ConnectorError::io("connection refused".into()));
    assert_eq!(of("iam:GetRole")(refused).reason, ErrorKind::Unreachable);
    let late: SdkError<GetRoleError, HttpResponse> = SdkError::timeout_error("too late");
    assert_eq!(of("iam:GetRole")(late).reason, ErrorKind::Unreachable);
}

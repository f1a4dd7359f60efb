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
fn missing_credentials_differ_from_a_missing_answer() {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};

    let failure = |error: ConnectorError| -> SdkError<GetCallerIdentityError, HttpResponse> {
        SdkError::dispatch_failure(error)
    };
    let missing = failure(ConnectorError::other(Box::new(CredentialsError::not_loaded("none found")), None));
    assert_eq!(from_sdk("iam:GetRole")(missing).reason, ErrorKind::Credentials);
    let refused = failure(ConnectorError::io("connection refused".into()));
    assert_eq!(from_sdk("iam:GetRole")(refused).reason, ErrorKind::Unreachable);
    let late: SdkError<GetCallerIdentityError, HttpResponse> = SdkError::timeout_error("too late");
    assert_eq!(from_sdk("iam:GetRole")(late).reason, ErrorKind::Unreachable);
}

//! Credentials and certificates as `aws` finds them, against an AWS on this machine.

use std::process::Command;

use crate::aws::{ACCOUNT, Aws};
use crate::script::{Folder, cast_spot, run};

const CONFIG: &str = "\
[profile base]
aws_access_key_id = AKIAPROFILE
aws_secret_access_key = secret
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = base
mfa_serial = arn:aws:iam::111122223333:mfa/me
[profile over-mfa]
role_arn = arn:aws:iam::111122223333:role/y
source_profile = mfa
[profile login]
login_session = arn:aws:iam::111122223333:user/me
";

/// What `aws login` writes, in a file whose name is the SHA-256 of the profile's `login_session`.
const SESSION: &str = r#"{"accessToken": {"accessKeyId": "ASIALOGIN", "secretAccessKey": "s", "sessionToken": "t",
    "accountId": "111122223333", "expiresAt": "2100-01-01T00:00:00Z"}, "tokenType": "aws_sigv4", "refreshToken": "r",
    "idToken": "i", "clientId": "c", "dpopKey": "k"}"#;
const SESSION_FILE: &str = "6eeec053fe13079aaf7fd81065ec5ecbdb93674f20700e51842d0c769b240c8a.json";

/// A command that asks AWS who calls, and prints the account in a policy.
fn who(folder: &Folder, aws: &Aws, args: &[&str]) -> Command {
    let args = [&["policy", "handler", "--cluster", "prod", "--region", "eu-west-1"], args].concat();
    let mut command = cast_spot(folder, &args);
    command.env("AWS_ENDPOINT_URL", &aws.url).env("AWS_CONFIG_FILE", folder.file("config", CONFIG));
    command
}

fn with_keys(command: &mut Command) -> &mut Command {
    command.env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT").env("AWS_SECRET_ACCESS_KEY", "secret")
}

#[test]
fn a_profile_with_mfa_is_refused_before_any_call() {
    let (folder, aws) = (Folder::new("mfa"), Aws::start());
    for profile in ["mfa", "over-mfa"] {
        let (code, out, err) = run(&mut who(&folder, &aws, &["--profile", profile]));
        assert_eq!((code, out.as_str()), (4, ""), "{err}");
        for words in [
            "profile mfa",
            "mfa_serial arn:aws:iam::111122223333:mfa/me",
            "export-credentials",
            "get-session-token",
        ] {
            assert!(err.contains(words), "{words}: {err}");
        }
        assert!(!err.contains("sso login"), "{err}");
    }
    assert!(aws.asked().is_empty(), "{:?}", aws.asked());
}

#[test]
fn a_named_profile_precedes_the_keys_of_the_environment() {
    let (folder, aws) = (Folder::new("precedence"), Aws::start());
    let (code, out, err) = run(with_keys(&mut who(&folder, &aws, &["--profile", "base"])));
    assert!(code == 0 && out.contains(ACCOUNT), "{err}");
    // As with `aws`, those of the environment do before AWS_PROFILE.
    let mut command = who(&folder, &aws, &[]);
    assert_eq!(run(with_keys(&mut command).env("AWS_PROFILE", "base")).0, 0);
    let keys: Vec<_> = aws.asked().iter().map(|asked| asked.split(' ').nth(2).unwrap().to_owned()).collect();
    assert_eq!(keys, ["AKIAPROFILE", "AKIAENVIRONMENT"]);
}

#[test]
fn a_profile_that_does_not_exist_is_named() {
    let (folder, aws) = (Folder::new("no-profile"), Aws::start());
    let (code, _, err) = run(with_keys(&mut who(&folder, &aws, &["--profile", "nowhere"])));
    assert!(code == 4 && err.contains("no profile `nowhere`") && err.contains("list-profiles"), "{err}");
    assert!(aws.asked().is_empty());
}

#[test]
fn a_profile_of_aws_login_has_its_session() {
    let (folder, aws) = (Folder::new("login"), Aws::start());
    let (code, _, err) = run(&mut who(&folder, &aws, &["--profile", "login"]));
    assert_eq!(code, 4, "there is no session: {err}");
    assert!(err.contains("`aws login`") && !err.contains("cargo feature"), "{err}");
    folder.file(SESSION_FILE, SESSION);
    let mut command = who(&folder, &aws, &["--profile", "login"]);
    let (code, out, err) = run(command.env("AWS_LOGIN_CACHE_DIRECTORY", folder.path()));
    assert!(code == 0 && out.contains(ACCOUNT), "{err}");
    assert!(aws.asked()[0].contains("ASIALOGIN"), "{:?}", aws.asked());
}

#[test]
fn a_ca_bundle_is_trusted_by_variable_and_by_profile() {
    let (folder, aws) = (Folder::new("bundle"), Aws::start_with_tls());
    let pem = folder.file("ca.pem", &format!("# the company's\n{}", aws.authority));
    let (code, _, err) = run(with_keys(&mut who(&folder, &aws, &[])));
    assert!(code == 4 && err.contains("UnknownIssuer") && err.contains("AWS_CA_BUNDLE"), "{err}");
    let (code, out, err) = run(with_keys(&mut who(&folder, &aws, &[])).env("AWS_CA_BUNDLE", &pem));
    assert!(code == 0 && out.contains(ACCOUNT), "{err}");
    let mut command = who(&folder, &aws, &[]);
    let config = folder.file("config", &format!("[default]\nca_bundle = {pem}\n"));
    let (code, out, err) = run(with_keys(&mut command).env("AWS_CONFIG_FILE", config));
    assert!(code == 0 && out.contains(ACCOUNT), "{err}");
}

#[test]
fn a_bundle_that_cannot_be_used_is_named_with_its_file() {
    let (folder, aws) = (Folder::new("no-bundle"), Aws::start());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (path, problem) in [
        ("nowhere.pem".to_owned(), "No such file"),
        (folder.file("empty.pem", "text\n"), "no certificate in it"),
        (folder.file("broken.pem", broken), "certificate 1"),
    ] {
        let (code, _, err) = run(with_keys(&mut who(&folder, &aws, &[])).env("AWS_CA_BUNDLE", &path));
        assert!(
            code == 4 && err.contains(&format!("AWS_CA_BUNDLE {path}: ")) && err.contains(problem),
            "{err}"
        );
        assert!(err.contains("hint: name a file"), "{err}");
    }
    assert!(aws.asked().is_empty());
}

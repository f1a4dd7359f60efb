use serde_json::{Value, json};

use super::*;
use crate::provider::wire::{self, Asked};

/// SHA-256 of the earlier zip.
const OLD: &str = "KlHTVHwjqN5Q8+IyhaDfNWYn72TDAAh9OycXPwje0qA=";
const FUNCTIONS: &str = "/2015-03-31/functions/cast-spot";

/// Lambda whose function runs `running`; the alias, where there is one, is on version 3 with the code [`OLD`].
fn lambda(running: &'static str, alias: Option<String>) -> (Client, Asked) {
    lambda_that(running, alias, false)
}

/// The same, where no version can be deleted.
fn lambda_that(running: &'static str, alias: Option<String>, keeps_versions: bool) -> (Client, Asked) {
    let has_alias = alias.is_some();
    let (config, asked) = wire::config(move |asked| {
        let absent = || (404, json!({ "__type": "ResourceNotFoundException" }).to_string());
        let answer: Value = match asked.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["GET", path] if path == FUNCTIONS => match &alias {
                Some(url) => json!({
                    "Code": { "Location": url },
                    "Configuration": { "CodeSha256": OLD, "Version": "3", "Architectures": ["arm64"] },
                }),
                None => return absent(),
            },
            ["GET", path] if path.ends_with("/configuration") => json!({
                "CodeSha256": running, "RevisionId": "r", "State": "Active", "LastUpdateStatus": "Successful",
            }),
            ["POST", path] if path.ends_with("/versions") => json!({ "Version": "4" }),
            ["GET", path] if path.ends_with("/versions") => {
                let version = |number: &str, description: &str| json!({ "Version": number, "Description": description });
                json!({ "Versions": [
                    version("$LATEST", ""), version("1", DESCRIPTION), version("2", "theirs"),
                    version("3", DESCRIPTION), version("4", DESCRIPTION),
                ] })
            }
            ["PUT", path] if path.contains("/aliases/") && !has_alias => return absent(),
            ["DELETE", _] if keeps_versions => {
                return (403, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string());
            }
            _ => json!({}),
        };
        (200, answer.to_string())
    });
    (Client::new(&config), asked)
}

/// What the tags of the role record, where all code is cast-spot's.
fn record() -> CodeRecord {
    CodeRecord { code: Some("new".to_owned()), previous: Some(OLD.to_owned()) }
}

fn writes(asked: &Asked) -> Vec<String> {
    wire::calls(asked).into_iter().filter(|call| !call.starts_with("GET")).collect()
}

#[tokio::test]
async fn a_rollback_swaps_the_code_and_the_alias() {
    let (lambda, asked) = lambda("new", Some(wire::s3(b"earlier".to_vec())));
    let done = roll_back(&lambda, &record()).await.unwrap();
    let expected =
        RolledBack { version: "3".to_owned(), from: "new".to_owned(), to: OLD.to_owned(), warning: None };
    assert_eq!(done, expected);
    let call = |method: &str, path: &str| format!("{method} {FUNCTIONS}{path}");
    assert_eq!(
        writes(&asked),
        [
            call("POST", "/versions"),
            call("PUT", "/code"),
            call("PUT", "/aliases/previous"),
            // Versions 1 and 3; the number is in the query.
            call("DELETE", ""),
            call("DELETE", ""),
        ]
    );
    let asked = asked.lock().unwrap();
    let body = |part: &str| -> Value {
        let call = asked.iter().find(|call| call.starts_with("PUT") && call.contains(part)).unwrap();
        serde_json::from_str(call.splitn(3, ' ').last().unwrap()).unwrap()
    };
    assert_eq!(body("/code")["ZipFile"], "ZWFybGllcg==");
    assert_eq!(body("/code")["Architectures"], json!(["arm64"]));
    assert_eq!(body("/aliases/")["FunctionVersion"], "4");
}

/// A second run would go forward again, to the code that is to be gone.
#[tokio::test]
async fn old_versions_that_stay_do_not_fail_a_rollback() {
    let (lambda, asked) = lambda_that("new", Some(wire::s3(b"earlier".to_vec())), true);
    let done = roll_back(&lambda, &record()).await.unwrap();
    assert_eq!(done.to, OLD);
    assert!(done.warning.is_some_and(|warning| warning.contains("versions with earlier code are left")));
    assert!(writes(&asked).iter().any(|call| call.starts_with("DELETE")));
}

#[tokio::test]
async fn a_rollback_is_shown_without_a_write() {
    let (lambda, asked) = lambda("new", Some(String::new()));
    let expected =
        RolledBack { version: "3".to_owned(), from: "new".to_owned(), to: OLD.to_owned(), warning: None };
    assert_eq!(rollback(&lambda, &record()).await.unwrap(), expected);
    assert_eq!(writes(&asked), Vec::<String>::new());
}

#[tokio::test]
async fn without_an_earlier_code_nothing_is_written() {
    for (running, alias, words) in
        [("new", None, "has no alias previous"), (OLD, Some(String::new()), "runs already")]
    {
        let (lambda, asked) = lambda(running, alias);
        let error = roll_back(&lambda, &record()).await.unwrap_err();
        assert!(error.message.contains(words) && error.hint.is_some(), "{error}");
        assert_eq!(writes(&asked), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_zip_that_is_another_is_not_deployed() {
    let (lambda, asked) = lambda("new", Some(wire::s3(b"another".to_vec())));
    let error = roll_back(&lambda, &record()).await.unwrap_err();
    assert!(error.message.contains("version 3 is not the one"), "{error}");
    assert_eq!(writes(&asked), Vec::<String>::new());
}

#[tokio::test]
async fn code_without_a_record_is_not_brought_back() {
    for record in [
        CodeRecord::default(),
        CodeRecord { code: Some("new".to_owned()), previous: None },
        CodeRecord { code: Some("new".to_owned()), previous: Some("older".to_owned()) },
    ] {
        let (lambda, asked) = lambda("new", Some(wire::s3(b"earlier".to_vec())));
        let error = roll_back(&lambda, &record).await.unwrap_err();
        assert!(error.message.contains("is not on record"), "{record:?}: {error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("onboard --zip")), "{record:?}");
        assert_eq!(writes(&asked), Vec::<String>::new(), "{record:?}");
    }
}

#[tokio::test]
async fn code_without_a_record_is_replaced_and_not_kept() {
    let (lambda, asked) = lambda("trojan", Some(wire::s3(b"earlier".to_vec())));
    let done = roll_back(&lambda, &record()).await.unwrap();
    assert_eq!(writes(&asked), [format!("PUT {FUNCTIONS}/code")]);
    assert_eq!(
        (done.to.as_str(), done.warning.is_some_and(|warning| warning.contains("not kept"))),
        (OLD, true)
    );
}

#[tokio::test]
async fn the_alias_is_made_where_there_is_none() {
    let (lambda, asked) = lambda("new", None);
    set_previous(&lambda, "cast-spot", "4").await.unwrap();
    let call = |method: &str, path: &str| format!("{method} {FUNCTIONS}{path}");
    assert_eq!(writes(&asked), [call("PUT", "/aliases/previous"), call("POST", "/aliases")]);
}

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use super::*;
use crate::provider::wire::{self, Asked};

/// SHA-256 of the earlier zip.
const OLD: &str = "KlHTVHwjqN5Q8+IyhaDfNWYn72TDAAh9OycXPwje0qA=";
const FUNCTIONS: &str = "/2015-03-31/functions/cast-spot";

/// A place that gives a zip once; its address.
fn s3(zip: [u8; 7]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/earlier", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n").unwrap();
        stream.write_all(&zip).unwrap();
    });
    url
}

/// Lambda whose function runs `running`; the alias, where there is one, is on version 3 with the code [`OLD`].
fn lambda(running: &'static str, alias: Option<String>) -> (Lambda, Asked) {
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
            _ => json!({}),
        };
        (200, answer.to_string())
    });
    (Lambda { client: aws_sdk_lambda::Client::new(&config) }, asked)
}

fn writes(asked: &Asked) -> Vec<String> {
    wire::calls(asked).into_iter().filter(|call| !call.starts_with("GET")).collect()
}

#[tokio::test]
async fn a_rollback_swaps_the_code_and_the_alias() {
    let (lambda, asked) = lambda("new", Some(s3(*b"earlier")));
    let done = lambda.roll_back().await.unwrap();
    let expected = RolledBack { version: "3".to_owned(), from: "new".to_owned(), to: OLD.to_owned() };
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

#[tokio::test]
async fn without_an_earlier_code_nothing_is_written() {
    for (running, alias, words) in
        [("new", None, "has no alias previous"), (OLD, Some(String::new()), "runs already")]
    {
        let (lambda, asked) = lambda(running, alias);
        let error = lambda.roll_back().await.unwrap_err();
        assert!(error.message.contains(words) && error.hint.is_some(), "{error}");
        assert_eq!(writes(&asked), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_zip_that_is_another_is_not_deployed() {
    let (lambda, asked) = lambda("new", Some(s3(*b"another")));
    let error = lambda.roll_back().await.unwrap_err();
    assert!(error.message.contains("version 3 is not the one"), "{error}");
    assert_eq!(writes(&asked), Vec::<String>::new());
}

#[tokio::test]
async fn the_alias_is_made_where_there_is_none() {
    let (lambda, asked) = lambda("new", None);
    lambda.set_previous("cast-spot", "4").await.unwrap();
    let call = |method: &str, path: &str| format!("{method} {FUNCTIONS}{path}");
    assert_eq!(writes(&asked), [call("PUT", "/aliases/previous"), call("POST", "/aliases")]);
}

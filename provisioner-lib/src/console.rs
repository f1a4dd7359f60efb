//! The console that manages the cluster from outside, and learns which role to assume.

use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use cast_spot_cloud::{Error, ErrorKind, exchange};
use http::HeaderValue;
use serde_json::json;
use tokio::time::{Instant, sleep};

const CALL: &str = "console";
/// Limit of all attempts. A new role is known everywhere within seconds, at worst within minutes ("IAM is eventually
/// consistent" in the IAM User Guide).
const PATIENCE: Duration = Duration::from_mins(5);
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Status and body of an answer.
type Answer = (u16, String);

/// Sends the role's ARN to the console at `url`: `POST {url}/v1/kubernetes/external-clusters/{id}` with the token as
/// `X-API-Key`. The console tries the role at once and refuses one that AWS does not know everywhere yet: that is
/// retried for five minutes.
pub async fn announce(url: &str, cluster_id: &str, token: &str, role_arn: &str) -> Result<(), Error> {
    let address = format!("{}/v1/kubernetes/external-clusters/{cluster_id}", url.trim_end_matches('/'));
    let body = json!({ "eks": { "assumeRoleArn": role_arn } }).to_string();
    until_taken(async || {
        let request = request(&address, token, &body)?;
        let (status, body) = exchange(request).await.map_err(|words| {
            Error::new(ErrorKind::Unreachable, CALL, words)
                .hint("check the address, the network and HTTPS_PROXY")
        })?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    })
    .await
}

/// The call. It shows the token neither as text nor in an error.
fn request(address: &str, token: &str, body: &str) -> Result<http::Request<SdkBody>, Error> {
    let unusable = |error: http::Error| Error::other(CALL, error.to_string());
    let mut token = HeaderValue::try_from(token).map_err(|error| unusable(error.into()))?;
    token.set_sensitive(true);
    let request = http::Request::post(address).header("content-type", "application/json");
    request.header("x-api-key", token).body(SdkBody::from(body)).map_err(unusable)
}

/// Retries until the console accepts, refuses for good, or the time is up.
async fn until_taken(call: impl AsyncFn() -> Result<Answer, Error>) -> Result<(), Error> {
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let (status, words) = call().await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        if !is_early(status, &words) || Instant::now() + pause > end {
            return Err(refused(status, &words));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the same call may succeed later.
fn is_early(status: u16, words: &str) -> bool {
    status >= 500 || (status == 400 && words.to_lowercase().contains("credential"))
}

fn refused(status: u16, words: &str) -> Error {
    const MOST: usize = 300;
    let words: String = words.trim().chars().take(MOST).collect();
    let message = if words.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {words}") };
    match status {
        401 | 403 => Error::new(ErrorKind::Credentials, CALL, message)
            .hint("the token has to be one of the console that may change this cluster"),
        404 => Error::other(CALL, message).hint("check the address and the cluster's id in the console"),
        500.. => {
            Error::new(ErrorKind::Unreachable, CALL, message).hint("run it again later; all else is done")
        }
        _ => Error::other(CALL, message)
            .hint("run it again, or enter the role's ARN in the console by hand; all else is done"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Gives the answers one after the other, then the last one forever: how it ended, after how many calls and
    /// seconds.
    async fn run(answers: &[(u16, &str)]) -> (Result<(), Error>, usize, u64) {
        let calls = Mutex::new(0);
        let start = Instant::now();
        let result = until_taken(async || {
            let mut calls = calls.lock().unwrap();
            let (status, words) = answers[(*calls).min(answers.len() - 1)];
            *calls += 1;
            Ok((status, words.to_owned()))
        })
        .await;
        let calls = *calls.lock().unwrap();
        (result, calls, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_is_not_known_yet_is_announced_again() {
        let early = (400, r#"{"message":"Could not validate Credentials"}"#);
        for (answers, calls, seconds) in
            [(vec![(200, "{}")], 1, 0), (vec![early, (503, ""), early, (201, "")], 4, 2 + 4 + 8)]
        {
            let (result, made, elapsed) = run(&answers).await;
            assert_eq!((result, made, elapsed), (Ok(()), calls, seconds), "{answers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_is_said_at_once() {
        for (answer, reason) in [
            ((400, "no such field"), ErrorKind::Other),
            ((401, ""), ErrorKind::Credentials),
            ((404, ""), ErrorKind::Other),
        ] {
            let (result, made, _) = run(&[answer]).await;
            let error = result.unwrap_err();
            assert_eq!((error.reason, made), (reason, 1), "{answer:?}");
            assert!(error.message.starts_with(&format!("HTTP {}", answer.0)) && error.hint.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_five_minutes() {
        let (result, made, elapsed) = run(&[(400, "credentials are not valid")]).await;
        assert!(result.unwrap_err().message.contains("credentials are not valid"));
        assert!(elapsed <= 300 && elapsed > 260 && made > 8, "{elapsed} s, {made} calls");
    }

    #[test]
    fn the_token_of_a_call_is_not_shown() {
        let shown = format!("{:?}", request("https://c", "t0ken", "{}").unwrap());
        assert!(!shown.contains("t0ken") && shown.contains("x-api-key"), "{shown}");
        let error = request("https://c", "t0ken\n", "{}").unwrap_err();
        assert!(!error.to_string().contains("t0ken"), "{error}");
    }

    #[tokio::test]
    async fn the_call_is_the_one_that_the_console_expects() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            while !request.ends_with("}}") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            request
        };
        let (announced, request) =
            tokio::join!(announce(&url, "c-1", "t0ken", "arn:aws:iam::1:role/r"), server);
        announced.unwrap();
        assert!(request.starts_with("POST /v1/kubernetes/external-clusters/c-1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-api-key: t0ken\r\n"), "{request}");
        assert!(request.ends_with(r#"{"eks":{"assumeRoleArn":"arn:aws:iam::1:role/r"}}"#), "{request}");
    }
}

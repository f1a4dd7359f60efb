//! An AWS on this machine: STS and EKS, as far as the command line asks who calls and for one cluster, and the prices of
//! two instance types.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// The account of every caller.
pub(crate) const ACCOUNT: &str = "111122223333";

/// A server, and what it was asked: method, path, the access key, the body.
pub(crate) struct Aws {
    pub(crate) url: String,
    /// Certificate that signs the server's, in PEM; empty without TLS.
    pub(crate) authority: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    pub(crate) fn start() -> Self {
        Self::serve(None, String::new())
    }

    /// With a certificate that no public authority has signed.
    pub(crate) fn start_with_tls() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        Self::serve(Some(Arc::new(config)), cert.pem())
    }

    fn serve(tls: Option<Arc<ServerConfig>>, authority: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if tls.is_some() {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        };
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answered = match &tls {
                    None => answer(stream, &log),
                    Some(tls) => {
                        let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                        answer(StreamOwned::new(connection, stream), &log)
                    }
                };
                // A client that does not trust the certificate hangs up.
                drop(answered);
            }
        });
        Self { url, authority, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(stream: impl Read + Write, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line);
    }
    let header = |name: &str| {
        let mut fields = head.iter().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body);
    let authorization = header("authorization").unwrap_or_default();
    let key = authorization.split_once("Credential=").map_or("", |(_, rest)| rest.split('/').next().unwrap());
    let line = head.first().map_or("", |line| line.trim_end_matches(" HTTP/1.1\r\n"));
    log.lock().unwrap().push(format!("{line} {key} {body}"));
    let (status, answer) = reply(line, &body);
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.flush()
}

fn reply(line: &str, body: &str) -> (&'static str, String) {
    if let Some(answer) = crate::prices::answer(body) {
        return ("200 OK", answer);
    }
    let arn = "arn:aws:eks:eu-west-1:111122223333:cluster/prod";
    if line == "GET /clusters/prod" {
        let vpc = r#"{"vpcId":"vpc-0a1b","subnetIds":[],"endpointPublicAccess":true}"#;
        let cluster =
            format!(r#"{{"name":"prod","arn":"{arn}","status":"ACTIVE","resourcesVpcConfig":{vpc}}}"#);
        ("200 OK", format!(r#"{{"cluster":{cluster}}}"#))
    } else if body.contains("Action=GetCallerIdentity") {
        let result = format!(
            "<Arn>arn:aws:iam::{ACCOUNT}:user/me</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account>"
        );
        let result = format!("<GetCallerIdentityResult>{result}</GetCallerIdentityResult>");
        let space = "https://sts.amazonaws.com/doc/2011-06-15/";
        (
            "200 OK",
            format!("<GetCallerIdentityResponse xmlns=\"{space}\">{result}</GetCallerIdentityResponse>"),
        )
    } else {
        ("404 Not Found", r#"{"__type":"ResourceNotFoundException","message":"none"}"#.to_owned())
    }
}

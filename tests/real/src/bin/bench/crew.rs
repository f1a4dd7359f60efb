//! The function's processes, and the Lambda runtime API that hands each idle one a notice.

use std::{
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cast_spot_real::{
    account::REGION,
    clock,
    process::Process,
    stack::{CLUSTER, HANDLER_ROLE, Stack},
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::{aws::Aws, loopback};

/// Time limit of an invocation: that of cargo-lambda.toml.
const LIMIT_MS: i64 = 150_000;

/// State of the runtime API.
struct Queue {
    notices: AsyncMutex<UnboundedReceiver<Value>>,
    answers: UnboundedSender<Value>,
    invoked: AtomicUsize,
}

/// Processes of the function, all of one environment.
pub(crate) struct Crew {
    binary: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    notices: UnboundedSender<Value>,
    answers: UnboundedReceiver<Value>,
    processes: Mutex<Vec<Process>>,
    name: String,
}

impl Crew {
    /// A crew without processes. `aws` is the endpoint of EC2 and Auto Scaling.
    pub(crate) async fn none(stack: &Stack, aws: &Aws, name: &str) -> Result<Self> {
        let (notices, waiting) = unbounded_channel();
        let (answers, answered) = unbounded_channel();
        let queue = Queue { notices: AsyncMutex::new(waiting), answers, invoked: AtomicUsize::new(0) };
        let queue = Arc::new(queue);
        let port = loopback::serve(move |request| runtime(queue.clone(), request)).await?;
        Ok(Self {
            binary: stack.tools.workspace.join("target/lambda/cast-spot-handler/bootstrap"),
            folder: stack.folder.join("functions"),
            environment: environment(stack, aws, port).await?,
            notices,
            answers: answered,
            processes: Mutex::default(),
            name: name.to_owned(),
        })
    }

    /// Starts processes until there are `size`.
    pub(crate) fn grow(&self, size: usize) -> Result<()> {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        for number in processes.len()..size {
            let mut command = Command::new(&self.binary);
            command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
            processes.push(Process::start(&self.folder, &format!("{}-{number}", self.name), &mut command)?);
        }
        Ok(())
    }

    /// Invokes the function with an event.
    pub(crate) fn invoke(&self, event: Value) -> Result<()> {
        self.notices.send(event).context("the runtime API listens")
    }

    /// Waits for `count` reports, each of a drained node.
    pub(crate) async fn reports(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let report = self.answers.recv().await.context("the runtime API listens")?;
            ensure!(report["outcome"] == "drained", "not drained: {report}");
        }
        Ok(())
    }
}

/// The function's environment as onboarding sets it, with the keys of its role.
async fn environment(stack: &Stack, aws: &Aws, runtime: u16) -> Result<Vec<(String, String)>> {
    let role = stack.account.iam.get_role().role_name(HANDLER_ROLE).send().await?;
    let role = role.role.context("GetRole answers a role")?.arn;
    let session = stack.account.sts.assume_role().role_arn(role).role_session_name("bench").send().await?;
    let keys = session.credentials.context("AssumeRole answers keys")?;
    let server = format!("https://127.0.0.1:{}", stack.wires.kubernetes.port());
    let ca = BASE64_STANDARD.encode(stack.control_plane.ca_pem()?);
    let endpoint = format!("http://127.0.0.1:{}", aws.port);
    let mut environment = stack.environment(&[
        ("AWS_ENDPOINT_URL_EC2", &endpoint),
        ("AWS_ENDPOINT_URL_AUTO_SCALING", &endpoint),
        ("CAST_SPOT_ENDPOINTS", &json!({ CLUSTER: { "server": server, "ca": ca } }).to_string()),
    ]);
    let of_lambda = [
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key),
        ("AWS_SESSION_TOKEN", keys.session_token),
        ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{runtime}")),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
    ];
    environment.extend(of_lambda.map(|(name, value)| (name.to_owned(), value)));
    Ok(environment)
}

async fn runtime(queue: Arc<Queue>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    if *request.method() == Method::GET {
        let notice = queue.notices.lock().await.recv().await.context("the bench is over")?;
        let id = queue.invoked.fetch_add(1, Ordering::Relaxed);
        return Ok(Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", format!("00000000-0000-4000-8000-{id:012}"))
            .header("Lambda-Runtime-Deadline-Ms", clock::now().as_millisecond() + LIMIT_MS)
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:bench",
            )
            .body(Full::new(notice.to_string().into()))?);
    }
    let body = request.into_body().collect().await?.to_bytes();
    queue.answers.send(serde_json::from_slice(&body).unwrap_or_default())?;
    Ok(Response::builder().status(202).body(Full::default())?)
}

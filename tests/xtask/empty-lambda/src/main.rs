//! A function that does nothing: what the runtime itself costs at start.
//!
//! A package of its own and not an example of the handler: an example is built with the handler's
//! dev-dependencies, and that would build aws-sdk-ec2 for release a second time.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload))).await
}

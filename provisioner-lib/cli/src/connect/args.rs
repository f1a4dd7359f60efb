//! The options of `cast-spot connect`.

use std::path::PathBuf;

use cast_spot_provisioner::connect::{Request, Token};
use clap::ValueEnum;

use crate::{
    environment::{Environment, secret},
    error::{self, CliError},
    target::{Direct, TargetArgs},
    terminal::Diagnostic,
    workflow::OutputOptions,
};

/// Not in a comment: to rustdoc it would be a link.
const API_URL_HELP: &str = "URL that the agent reports to [default: the current one, or https://api.cast.ai]";

/// Connect a cluster in read-only mode: an agent that reads it, and reports to a console
#[derive(Debug, Default, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// File with the agent's token [default: CAST_SPOT_AGENT_TOKEN, or the current token]
    #[arg(long, value_name = "FILE", help_heading = "What is made")]
    token_file: Option<PathBuf>,

    #[arg(long, value_name = "URL", help_heading = "What is made", help = API_URL_HELP)]
    api_url: Option<String>,

    /// The agent's image, best as NAME@sha256:DIGEST [default: the current one, or
    /// us-docker.pkg.dev/castai-hub/library/agent:v0.31.0]
    #[arg(long, value_name = "IMAGE", help_heading = "What is made")]
    image: Option<String>,

    /// Image of the autoscaler that sizes the agent [default: the current one, or cpvpa v0.8.4 by its digest]
    #[arg(long, value_name = "IMAGE", help_heading = "What is made")]
    autoscaler_image: Option<String>,

    /// The agent's name for the cloud [default: the current one, or eks]
    #[arg(long, value_name = "NAME", help_heading = "What is made")]
    provider: Option<String>,

    /// Label of every object and pod; repeatable; an empty one removes all [default: the current ones]
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What is made")]
    label: Vec<String>,

    /// Annotation of every object and pod, in the same way
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What is made")]
    annotation: Vec<String>,

    /// Take over existing objects of the same names
    #[arg(long, help_heading = "What is made")]
    adopt: bool,

    #[command(flatten)]
    output: OutputOptions,

    /// Format of the plan and the result; yaml prints the objects themselves and writes nothing
    #[arg(long = "output", value_name = "FORMAT", value_enum, default_value_t, help_heading = "How")]
    pub(super) format: Format,

    /// With --output yaml: include the token
    #[arg(long, help_heading = "How")]
    pub(super) include_token: bool,
}

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

impl Args {
    /// The target and the request, or every fault of both.
    pub(super) fn read(&self, environment: &Environment) -> Result<(Direct, Request), CliError> {
        let mut diagnostics = Vec::new();
        let target = self.target.direct(environment, &mut diagnostics);
        let mut fault = |error: String, hint: &str| diagnostics.push(Diagnostic::new(error, hint));
        let is_yaml = self.format == Format::Yaml;
        if is_yaml && self.output.json {
            fault("--json: --output yaml is not JSON".to_owned(), "leave one of the two out");
        }
        if self.include_token && !is_yaml {
            let hint = "give --output yaml with it, or leave it out";
            fault("--include-token: only YAML can contain the token".to_owned(), hint);
        }
        let token = self.token(environment).map_err(|fault| diagnostics.push(fault)).ok().flatten();
        let request = Request {
            cluster: target.cluster.clone(),
            region: target.connection.region.clone(),
            account: target.account.clone(),
            image: self.image.clone(),
            autoscaler_image: self.autoscaler_image.clone(),
            api_url: self.api_url.clone(),
            provider: self.provider.clone(),
            labels: self.label.clone(),
            annotations: self.annotation.clone(),
            token,
            without_token: is_yaml && !self.include_token,
            adopt: self.adopt,
        };
        diagnostics.extend(request.faults().iter().map(error::of_fault));
        error::check(diagnostics)?;
        Ok((target, request))
    }

    /// How the plan is applied, and its result shown.
    pub(super) fn options(&self) -> OutputOptions {
        OutputOptions { json: self.output.json || self.format == Format::Json, ..self.output }
    }

    /// The token, or a diagnostic. Neither of them contains the token.
    fn token(&self, environment: &Environment) -> Result<Option<Token>, Diagnostic> {
        let file = ("--token-file", self.token_file.as_deref());
        let secret = secret(file, ("CAST_SPOT_AGENT_TOKEN", environment.agent_token.as_deref()))?;
        let hint = "the console shows the token; it is one word";
        let read = |(source, text): (String, String)| {
            Token::read(&text).map_err(|problem| Diagnostic::new(format!("{source}: {problem}"), hint))
        };
        secret.map(read).transpose()
    }
}

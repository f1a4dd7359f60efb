//! The options of `cast-spot connect`.

use std::{fs, path::PathBuf};

use cast_spot_provisioner::connect::{Request, Token};

use crate::{
    environment::Environment,
    target::{Direct, TargetArgs},
    terminal::Complaint,
};

const EXAMPLES: &str = "\
Examples:
  cast-spot connect --token-file FILE  the cluster of your kubeconfig, after showing the plan and asking
  cast-spot connect --yes --json       for scripts, with the token in CAST_SPOT_AGENT_TOKEN
  cast-spot connect --dry-run          whether anything differs; once connected, the token need not be given
  cast-spot connect --output yaml      the objects for GitOps; asks nothing of the cluster
  cast-spot connect --image registry.example.com/castai/agent:v0.31.0
                                       once connected: another image, all else as it is
  cast-spot connect --adopt            take over an agent that something else has installed

It takes access to Kubernetes alone. AWS is asked for the account only where neither the kubeconfig nor --account
says it. The token is taken from CAST_SPOT_AGENT_TOKEN or from --token-file, and shown nowhere.

Exit codes:
  0    all is as it should be
  1    not complete, or not confirmed; running it again goes on from there
  2    wrong call, or something is missing
  3    something that is not ours stands in the way; --adopt makes it ours
  4    the cluster refused, or cannot be reached (rights, credentials, network)
  10   --dry-run: there are changes
  130  interrupted; running it again goes on from there";

/// Not in a comment: to rustdoc it would be a link.
const API_URL_HELP: &str = "Where the agent reports to [default: as it is, else https://api.cast.ai]";

/// Connect a cluster in read-only mode: an agent that reports to a console, and may change nothing
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "switches, each with each other")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) target: TargetArgs,

    /// File with the agent's token [default: CAST_SPOT_AGENT_TOKEN, else the one that it has]
    #[arg(long, value_name = "FILE", help_heading = "What is made")]
    pub(super) token_file: Option<PathBuf>,

    #[arg(long, value_name = "URL", help_heading = "What is made", help = API_URL_HELP)]
    pub(super) api_url: Option<String>,

    /// The agent's image [default: as it is, else us-docker.pkg.dev/castai-hub/library/agent:v0.31.0]
    #[arg(long, value_name = "IMAGE", help_heading = "What is made")]
    pub(super) image: Option<String>,

    /// Image of the autoscaler that sizes the agent [default: as it is, else registry.k8s.io/cpa/cpvpa:v0.8.4]
    #[arg(long, value_name = "IMAGE", help_heading = "What is made")]
    pub(super) autoscaler_image: Option<String>,

    /// What the agent calls the cloud [default: as it is, else eks]
    #[arg(long, value_name = "NAME", help_heading = "What is made")]
    pub(super) provider: Option<String>,

    /// Label of every object and pod; several; an empty one: none [default: as they are]
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What is made")]
    pub(super) label: Vec<String>,

    /// Annotation of every object and pod, in the same way
    #[arg(long, value_name = "KEY=VALUE", help_heading = "What is made")]
    pub(super) annotation: Vec<String>,

    /// Make ours what stands in the way under the same name
    #[arg(long, help_heading = "What is made")]
    pub(super) adopt: bool,

    /// Do not ask
    #[arg(long, short, help_heading = "How")]
    pub(super) yes: bool,

    /// Show the plan, write nothing
    #[arg(long, help_heading = "How")]
    pub(super) dry_run: bool,

    /// table, json, or yaml: the objects themselves, which writes nothing
    #[arg(long, value_name = "FORM", default_value = "table", help_heading = "How")]
    pub(super) output: String,

    /// The same as --output json
    #[arg(long, help_heading = "How")]
    pub(super) json: bool,

    /// With --output yaml: put the token in
    #[arg(long, help_heading = "How")]
    pub(super) include_token: bool,
}

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    #[default]
    Table,
    Json,
    Yaml,
}

impl Args {
    pub(super) fn form(&self, complaints: &mut Vec<Complaint>) -> Form {
        let form = match self.output.as_str() {
            "table" if self.json => Form::Json,
            "table" => Form::Table,
            "json" => Form::Json,
            "yaml" if !self.json => Form::Yaml,
            other => {
                let error = if other == "yaml" {
                    "--json: --output yaml is no JSON".to_owned()
                } else {
                    format!("--output {other}: not one of table, json, yaml")
                };
                complaints.push(Complaint::new(error, "see `cast-spot connect --help`"));
                Form::Table
            }
        };
        if self.include_token && form != Form::Yaml {
            let hint = "give --output yaml with it, or leave it out";
            complaints.push(Complaint::new("--include-token: only YAML can hold the token", hint));
        }
        form
    }

    /// Reads them, not yet validated; what cannot be read is added to `complaints`.
    pub(super) fn request(
        &self,
        target: &Direct,
        form: Form,
        environment: &Environment,
        complaints: &mut Vec<Complaint>,
    ) -> Request {
        Request {
            cluster: target.cluster.clone(),
            region: target.connection.region.clone(),
            account: target.account.clone(),
            image: self.image.clone(),
            autoscaler_image: self.autoscaler_image.clone(),
            api_url: self.api_url.clone(),
            provider: self.provider.clone(),
            labels: self.label.clone(),
            annotations: self.annotation.clone(),
            token: self.token(environment, complaints),
            without_token: form == Form::Yaml && !self.include_token,
            adopt: self.adopt,
        }
    }

    /// The token is in no complaint.
    fn token(&self, environment: &Environment, complaints: &mut Vec<Complaint>) -> Option<Token> {
        let (source, text) = match &self.token_file {
            Some(path) => {
                let source = format!("--token-file {}", path.display());
                match fs::read_to_string(path) {
                    Ok(text) => (source, text),
                    Err(error) => {
                        complaints.push(Complaint::new(
                            format!("{source}: {error}"),
                            "name the file with the token",
                        ));
                        return None;
                    }
                }
            }
            None => ("CAST_SPOT_AGENT_TOKEN".to_owned(), environment.agent_token.clone()?),
        };
        let read = Token::read(&text);
        read.map_err(|problem| {
            let hint = "the console shows the token; it is one word";
            complaints.push(Complaint::new(format!("{source}: {problem}"), hint));
        })
        .ok()
    }
}

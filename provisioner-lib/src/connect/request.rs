//! A request to connect a cluster: validated once, and completed with earlier choices.

use super::{
    Choices, CurrentAgent, Token,
    faults::{self, ACCOUNT_HINT, CLUSTER_HINT, REGION_HINT, Values},
};
use crate::{
    fault::{Fault, Faults},
    resource::Tags,
};

/// The agent that CAST AI's documentation shows. Its registry alone knows the digest.
const IMAGE: &str = "us-docker.pkg.dev/castai-hub/library/agent:v0.31.0";
/// The cluster-proportional-vertical-autoscaler, by the digest under which the Kubernetes project released it
/// (kubernetes/k8s.io, `registry.k8s.io/images/k8s-staging-cpa/images.yaml`).
const AUTOSCALER_IMAGE: &str = "registry.k8s.io/cpa/cpvpa:v0.8.4@sha256:\
                                f6c85b45bb5e8ce6077855425bdd03e93d41926dbf6b751af64ab1ea41e1755b";
/// The default of earlier releases: agents that were connected with it move to the same image by its digest.
const FORMER_AUTOSCALER_IMAGE: &str = "registry.k8s.io/cpa/cpvpa:v0.8.4";
const API_URL: &str = "https://api.cast.ai";
const PROVIDER: &str = "eks";

/// A request as it comes from a form, a command line or a file. Open fields take the earlier choice, else the default.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Name of the EKS cluster.
    pub cluster: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// See [`Choices::image`].
    pub image: Option<String>,
    /// See [`Choices::autoscaler_image`].
    pub autoscaler_image: Option<String>,
    /// See [`Choices::api_url`].
    pub api_url: Option<String>,
    /// See [`Choices::provider`].
    pub provider: Option<String>,
    /// Labels, `KEY=VALUE`; an empty one removes those chosen earlier.
    pub labels: Vec<String>,
    /// Annotations, in the same way.
    pub annotations: Vec<String>,
    /// The agent's token.
    pub token: Option<Token>,
    /// Whether the token may be missing.
    pub without_token: bool,
    /// Take over existing objects of the same names.
    pub adopt: bool,
}

/// A valid and complete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The choices.
    pub choices: Choices,
    /// The agent's token; without it, the Secret keeps its placeholder.
    pub token: Option<Token>,
    /// Take over existing objects of the same names.
    pub adopt: bool,
}

impl Spec {
    /// A spec whose objects have the names that those of every spec have.
    pub(super) fn example() -> Self {
        Self { choices: defaults(), token: None, adopt: false }
    }

    /// The spec that `agent` was connected with. Its choices are as valid as given ones.
    pub(super) fn of(agent: &CurrentAgent) -> Result<Self, Faults> {
        let spec = if agent.choices.is_none() && agent.kept.fault.is_none() {
            Self::example()
        } else {
            Request { without_token: true, ..Request::default() }.complete(Some(agent))?
        };
        Ok(Self { token: agent.token.clone(), ..spec })
    }

    /// Images that are named by a tag alone, which the owner of their registry can give to another program.
    #[must_use]
    pub fn unpinned(&self) -> Vec<&str> {
        let images = [self.choices.image.as_str(), self.choices.autoscaler_image.as_str()];
        images.into_iter().filter(|image| !image.contains('@')).collect()
    }
}

fn defaults() -> Choices {
    Choices {
        image: IMAGE.to_owned(),
        autoscaler_image: AUTOSCALER_IMAGE.to_owned(),
        api_url: API_URL.to_owned(),
        provider: PROVIDER.to_owned(),
        ..Choices::default()
    }
}

impl Request {
    /// Fills in the open fields from the current agent. Fails with everything that is wrong or missing.
    pub fn complete(&self, agent: Option<&CurrentAgent>) -> Result<Spec, Faults> {
        let mut faults = Faults(self.faults());
        if let Some(agent) = agent {
            faults.0.extend(self.faults_of_kept(agent));
        }
        let choices = self.over(agent.and_then(|agent| agent.choices.clone()).unwrap_or_else(defaults));
        for (field, value, hint) in [
            ("cluster", &choices.cluster, CLUSTER_HINT),
            ("region", &choices.region, REGION_HINT),
            ("account", &choices.account, ACCOUNT_HINT),
        ] {
            if value.is_empty() && !faults.0.iter().any(|fault| fault.field == field) {
                faults.add(field, "", "missing: the agent reports as this cluster", hint);
            }
        }
        let token =
            self.token.clone().map_or_else(|| stored_token(agent, &choices.api_url), |token| Ok(Some(token)));
        let token = token.unwrap_or_else(|problem| {
            if !self.without_token {
                faults.add("token", "", problem, TOKEN_HINT);
            }
            None
        });
        faults.or(Spec { choices, token, adopt: self.adopt })
    }

    /// Faults of the given values alone.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        faults::given(self.values(), [&self.labels, &self.annotations])
    }

    /// Faults of the choices that `agent` was connected with, where no given one replaces them.
    fn faults_of_kept(&self, agent: &CurrentAgent) -> Vec<Fault> {
        let mut faults: Vec<Fault> = agent.kept.fault.clone().into_iter().collect();
        if let Some(before) = &agent.choices {
            let mut values = faults::values(before).map(Some);
            for (value, given) in values.iter_mut().zip(self.values()) {
                *value = value.filter(|_| given.is_none());
            }
            let pairs = [(&before.labels, &self.labels), (&before.annotations, &self.annotations)];
            let pairs = pairs.map(|(before, given)| given.is_empty().then_some(before));
            faults.extend(faults::kept(&agent.kept, values, pairs));
        }
        faults
    }

    fn values(&self) -> Values<'_> {
        let Self { cluster, region, account, image, autoscaler_image, api_url, provider, .. } = self;
        [cluster, region, account, image, autoscaler_image, api_url, provider].map(Option::as_deref)
    }

    /// The given values, and those of `before` where none is given.
    fn over(&self, before: Choices) -> Choices {
        let or = |given: &Option<String>, before: String| given.clone().unwrap_or(before);
        let pinned = |image: String| {
            if image == FORMER_AUTOSCALER_IMAGE { AUTOSCALER_IMAGE.to_owned() } else { image }
        };
        Choices {
            account: or(&self.account, before.account),
            region: or(&self.region, before.region),
            cluster: or(&self.cluster, before.cluster),
            image: or(&self.image, before.image),
            autoscaler_image: or(&self.autoscaler_image, pinned(before.autoscaler_image)),
            api_url: or(&self.api_url, before.api_url),
            provider: or(&self.provider, before.provider),
            labels: pairs(&self.labels).unwrap_or(before.labels),
            annotations: pairs(&self.annotations).unwrap_or(before.annotations),
        }
    }
}

const TOKEN_HINT: &str = "set CAST_SPOT_AGENT_TOKEN, or give --token-file FILE; the console shows the token";

/// The token that `agent` has, for the address that it was stored for; else why there is none.
fn stored_token(agent: Option<&CurrentAgent>, api_url: &str) -> Result<Option<Token>, String> {
    let Some(token) = agent.and_then(|agent| agent.token.clone()) else {
        return Err("missing: the console knows the agent by it".to_owned());
    };
    match agent.and_then(|agent| agent.kept.token_for.as_deref()) {
        Some(address) if address == api_url => Ok(Some(token)),
        Some(address) => Err(format!("the stored one is for {address}, and is not sent to {api_url}")),
        None => {
            Err(format!("which address the stored one is for is unknown, so it is not sent to {api_url}"))
        }
    }
}

/// None if no pair is given.
fn pairs(given: &[String]) -> Option<Tags> {
    let pair = |pair: &String| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    (!given.is_empty()).then(|| given.iter().filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            cluster: Some("prod".to_owned()),
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
            token: Token::read("t0ken").ok(),
            ..Request::default()
        }
    }

    fn fields(request: &Request) -> Vec<String> {
        let faults = request.complete(None).map_or_else(|faults| faults.0, |_| Vec::new());
        faults.into_iter().map(|fault| format!("{} {}", fault.field, fault.value)).collect()
    }

    #[test]
    fn open_fields_take_the_defaults() {
        let spec = request().complete(None).unwrap();
        assert_eq!((spec.choices.image.as_str(), spec.choices.provider.as_str()), (IMAGE, PROVIDER));
        assert!(spec.choices.labels.is_empty() && spec.token.is_some());
    }

    #[test]
    fn all_faults_are_reported_at_once_and_once() {
        let wrong = Request {
            cluster: Some("prod!".to_owned()),
            region: Some("Europe".to_owned()),
            account: Some("12".to_owned()),
            image: Some("an image".to_owned()),
            autoscaler_image: Some(String::new()),
            api_url: Some("http://api.example.com".to_owned()),
            provider: Some("e k s".to_owned()),
            labels: vec!["team".to_owned(), "app.kubernetes.io/name=x".to_owned(), "a=-".to_owned()],
            annotations: vec!["a b=c".to_owned()],
            ..Request::default()
        };
        let expected = [
            "cluster prod!",
            "region Europe",
            "account 12",
            "image an image",
            "autoscaler-image ",
            "api-url http://api.example.com",
            "provider e k s",
            "label team",
            "label app.kubernetes.io/name=x",
            "label a=-",
            "annotation a b=c",
            "token ",
        ];
        assert_eq!(fields(&wrong), expected);
        assert_eq!(fields(&Request::default()), ["cluster ", "region ", "account ", "token "]);
    }

    #[test]
    fn the_token_may_be_missing_only_on_request() {
        let open = Request { token: None, without_token: true, ..request() };
        assert_eq!(open.complete(None).unwrap().token, None);
    }
}

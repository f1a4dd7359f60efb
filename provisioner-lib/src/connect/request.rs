//! A request to connect a cluster: validated once, and completed with earlier choices.

use super::{Choices, CurrentAgent, Token};
use crate::{
    address,
    fault::{Fault, Faults},
    names::LABEL_MANAGED_BY,
    resource::Tags,
    spec::{account_problem, cluster_problem, region_problem},
};

/// The agent that CAST AI's documentation shows.
const IMAGE: &str = "us-docker.pkg.dev/castai-hub/library/agent:v0.31.0";
/// The cluster-proportional-vertical-autoscaler, from the registry of the Kubernetes project.
const AUTOSCALER_IMAGE: &str = "registry.k8s.io/cpa/cpvpa:v0.8.4";
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

    /// The spec that `agent` was connected with.
    pub(super) fn of(agent: &CurrentAgent) -> Self {
        let choices = agent.choices.clone().unwrap_or_else(defaults);
        Self { choices, token: agent.token.clone(), adopt: false }
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
        let before = agent.and_then(|agent| agent.choices.clone()).unwrap_or_else(defaults);
        let or = |given: &Option<String>, before: &String| given.clone().unwrap_or_else(|| before.clone());
        let choices = Choices {
            account: or(&self.account, &before.account),
            region: or(&self.region, &before.region),
            cluster: or(&self.cluster, &before.cluster),
            image: or(&self.image, &before.image),
            autoscaler_image: or(&self.autoscaler_image, &before.autoscaler_image),
            api_url: or(&self.api_url, &before.api_url),
            provider: or(&self.provider, &before.provider),
            labels: pairs(&self.labels).unwrap_or(before.labels),
            annotations: pairs(&self.annotations).unwrap_or(before.annotations),
        };
        for (field, value, hint) in [
            ("cluster", &choices.cluster, CLUSTER_HINT),
            ("region", &choices.region, REGION_HINT),
            ("account", &choices.account, ACCOUNT_HINT),
        ] {
            if value.is_empty() && !faults.0.iter().any(|fault| fault.field == field) {
                faults.add(field, "", "missing: the agent reports as this cluster", hint);
            }
        }
        let token = self.token.clone().or_else(|| agent.and_then(|agent| agent.token.clone()));
        if token.is_none() && !self.without_token {
            faults.add("token", "", "missing: the console knows the agent by it", TOKEN_HINT);
        }
        faults.or(Spec { choices, token, adopt: self.adopt })
    }

    /// Faults of the given values alone.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check =
            |field: &str, value: &Option<String>, problem: fn(&str) -> Option<&'static str>, hint| {
                if let Some(value) = value
                    && let Some(problem) = problem(value)
                {
                    faults.push(Fault::new(field, value, problem, hint));
                }
            };
        check("cluster", &self.cluster, cluster_problem, CLUSTER_HINT);
        check("region", &self.region, region_problem, REGION_HINT);
        check("account", &self.account, account_problem, ACCOUNT_HINT);
        let hint = "such as registry.example.com/castai/agent:v0.31.0";
        check("image", &self.image, image_problem, hint);
        check("autoscaler-image", &self.autoscaler_image, image_problem, hint);
        check("provider", &self.provider, provider_problem, "`eks` is the usual one");
        if let Some(url) = &self.api_url
            && let Some(problem) = address::problem(url)
        {
            let hint = "the token goes with every call, so it has to be encrypted";
            faults.push(Fault::new("api-url", address::shown(url), problem, hint));
        }
        for (field, given, is_value) in [
            ("label", &self.labels, is_name as fn(&str) -> bool),
            ("annotation", &self.annotations, |_: &str| true),
        ] {
            for pair in given.iter().filter(|pair| !pair.is_empty()) {
                faults.extend(pair_fault(field, pair, is_value));
            }
        }
        faults
    }
}

const CLUSTER_HINT: &str = "`aws eks list-clusters` shows the names";
const REGION_HINT: &str = "give --region, such as eu-west-1, or set AWS_REGION";
const ACCOUNT_HINT: &str = "`aws sts get-caller-identity` shows the 12 digits of yours";
const TOKEN_HINT: &str = "set CAST_SPOT_AGENT_TOKEN, or give --token-file FILE; the console shows the token";

fn image_problem(image: &str) -> Option<&'static str> {
    let reads_well = image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte));
    (!image.starts_with(|c: char| c.is_ascii_alphanumeric()) || !reads_well).then_some("not an image")
}

fn provider_problem(provider: &str) -> Option<&'static str> {
    let reads_well = provider.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (provider.is_empty() || !reads_well).then_some("not letters, digits and -")
}

/// None if no pair is given.
fn pairs(given: &[String]) -> Option<Tags> {
    let pair = |pair: &String| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    (!given.is_empty()).then(|| given.iter().filter_map(pair).collect())
}

fn pair_fault(field: &str, pair: &str, is_value: fn(&str) -> bool) -> Option<Fault> {
    let hint = "KEY=VALUE, such as team=platform";
    let Some((key, value)) = pair.split_once('=') else {
        return Some(Fault::new(field, pair, "not KEY=VALUE", hint));
    };
    if !is_key(key) || !is_value(value) {
        let problem = "not what Kubernetes takes (\"Labels and Selectors\" in its documentation)";
        return Some(Fault::new(field, pair, problem, hint));
    }
    let own = ["app.kubernetes.io/name", "app.kubernetes.io/part-of", LABEL_MANAGED_BY];
    let is_own = own.contains(&key)
        || ["pod-security.kubernetes.io/", "cast-spot/"].iter().any(|prefix| key.starts_with(prefix));
    is_own.then(|| Fault::new(field, pair, "cast-spot sets this one itself", "choose another key"))
}

/// Whether `key` is a name, with or without the domain of its owner as a prefix.
fn is_key(key: &str) -> bool {
    let (domain, name) = key.rsplit_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    let is_domain = |domain: &str| {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        domain.len() <= 253 && domain.split('.').all(is_part)
    };
    !name.is_empty() && is_name(name) && domain.is_none_or(is_domain)
}

/// Whether `text` is the name of a key or the value of a label, which may be empty.
fn is_name(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.starts_with(is_end)
            && text.ends_with(is_end)
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))
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
            "provider e k s",
            "api-url http://api.example.com",
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
    fn keys_and_values_follow_the_rules_of_kubernetes() {
        for (pair, is_good) in [
            ("team=platform", true),
            ("team=", true),
            ("example.com/team=a_b.c-d", true),
            ("example.com/=a", false),
            ("Example.com/team=a", false),
            ("-team=a", false),
            ("team=a b", false),
            ("pod-security.kubernetes.io/enforce=privileged", false),
        ] {
            assert_eq!(pair_fault("label", pair, is_name).is_none(), is_good, "{pair}");
        }
        let arn = "eks.amazonaws.com/role-arn=arn:aws:iam::123456789012:role/agent";
        assert!(pair_fault("annotation", arn, |_| true).is_none());
    }

    #[test]
    fn the_token_may_be_missing_only_on_request() {
        let open = Request { token: None, without_token: true, ..request() };
        assert_eq!(open.complete(None).unwrap().token, None);
    }
}

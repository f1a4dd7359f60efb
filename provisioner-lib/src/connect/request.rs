//! What somebody asks for: validated once, and completed by what was chosen before.

use super::{Choices, Seen, Token};
use crate::{
    call::is_safe,
    fault::{Fault, Faults},
    names::LABEL_MANAGED_BY,
    resource::Tags,
    spec::cluster_problem,
};

/// The agent of the documentation's time.
const IMAGE: &str = "us-docker.pkg.dev/castai-hub/library/agent:v0.31.0";
/// The cluster-proportional-vertical-autoscaler, from where Kubernetes publishes its images.
const AUTOSCALER_IMAGE: &str = "registry.k8s.io/cpa/cpvpa:v0.8.4";
const API_URL: &str = "https://api.cast.ai";
const PROVIDER: &str = "eks";

/// A request as it comes from a form, a command line or a file. What is left open is as it was chosen before, else as
/// is usual.
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
    /// Labels, `KEY=VALUE`; one that is empty says that there are to be none.
    pub labels: Vec<String>,
    /// Annotations, in the same way.
    pub annotations: Vec<String>,
    /// The agent's token.
    pub token: Option<Token>,
    /// Whether the token's place may stay open.
    pub without_token: bool,
    /// Make objects of the same names ours.
    pub adopt: bool,
}

/// A request that can be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// What was chosen.
    pub choices: Choices,
    /// The agent's token; without it, its place stays open.
    pub token: Option<Token>,
    /// Make objects of the same names ours.
    pub adopt: bool,
}

impl Spec {
    /// Any one: its objects have the names that all have.
    pub(super) fn example() -> Self {
        Self { choices: usual(), token: None, adopt: false }
    }

    /// What was chosen for what there is.
    pub(super) fn of(seen: &Seen) -> Self {
        let choices = seen.choices.clone().unwrap_or_else(usual);
        Self { choices, token: seen.token.clone(), adopt: false }
    }
}

fn usual() -> Choices {
    Choices {
        account: String::new(),
        region: String::new(),
        cluster: String::new(),
        image: IMAGE.to_owned(),
        autoscaler_image: AUTOSCALER_IMAGE.to_owned(),
        api_url: API_URL.to_owned(),
        provider: PROVIDER.to_owned(),
        labels: Tags::new(),
        annotations: Tags::new(),
    }
}

impl Request {
    /// Fills in what is left open, from what was seen; or says all that is wrong or missing.
    pub fn complete(&self, seen: Option<&Seen>) -> Result<Spec, Faults> {
        let mut faults = self.faults();
        let before = seen.and_then(|seen| seen.choices.clone()).unwrap_or_else(usual);
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
            if value.is_empty() && !faults.iter().any(|fault| fault.field == field) {
                faults.push(Fault::new(field, "", "missing: the agent reports as this cluster", hint));
            }
        }
        let token = self.token.clone().or_else(|| seen.and_then(|seen| seen.token.clone()));
        if token.is_none() && !self.without_token {
            faults.push(Fault::new("token", "", "missing: the console knows the agent by it", TOKEN_HINT));
        }
        if faults.is_empty() { Ok(Spec { choices, token, adopt: self.adopt }) } else { Err(Faults(faults)) }
    }

    /// What is wrong with what is given, whatever there is.
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
        let hint = "the token goes with every call, so it has to be encrypted";
        check("api-url", &self.api_url, url_problem, hint);
        check("provider", &self.provider, provider_problem, "`eks` is the usual one");
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

fn region_problem(region: &str) -> Option<&'static str> {
    let reads_well = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (region.is_empty() || !reads_well).then_some("not the name of a region")
}

fn account_problem(account: &str) -> Option<&'static str> {
    let reads_well = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (!reads_well).then_some("not the 12 digits of an account")
}

fn image_problem(image: &str) -> Option<&'static str> {
    let reads_well = image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte));
    (!image.starts_with(|c: char| c.is_ascii_alphanumeric()) || !reads_well).then_some("not an image")
}

fn url_problem(url: &str) -> Option<&'static str> {
    let reads_well = url.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_safe(url) || !reads_well).then_some("not an https:// address")
}

fn provider_problem(provider: &str) -> Option<&'static str> {
    let reads_well = provider.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (provider.is_empty() || !reads_well).then_some("not letters, digits and -")
}

/// None where nothing is said.
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
    is_own.then(|| Fault::new(field, pair, "cast-spot goes by this one itself", "choose another key"))
}

/// A name, with the domain of whoever gives it in front.
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

/// The name of a key, or the value of a label, which may be empty.
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
    fn what_is_left_open_is_as_is_usual() {
        let spec = request().complete(None).unwrap();
        assert_eq!((spec.choices.image.as_str(), spec.choices.provider.as_str()), (IMAGE, PROVIDER));
        assert!(spec.choices.labels.is_empty() && spec.token.is_some());
    }

    #[test]
    fn everything_that_is_wrong_or_missing_is_said_at_once_and_once() {
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
    fn keys_and_values_are_those_that_kubernetes_takes() {
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
    fn the_place_of_the_token_may_stay_open_where_that_is_asked_for() {
        let open = Request { token: None, without_token: true, ..request() };
        assert_eq!(open.complete(None).unwrap().token, None);
    }
}

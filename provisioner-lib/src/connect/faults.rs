//! What is wrong with choices, given ones and those that an agent was connected with.

use super::{
    AGENT, Choices,
    recall::{CHOICES, Kept},
};
use crate::{
    address,
    fault::Fault,
    names::LABEL_MANAGED_BY,
    resource::Tags,
    spec::{account_problem, cluster_problem, region_problem},
};

/// The rule of a field.
struct Rule {
    field: &'static str,
    problem: fn(&str) -> Option<&'static str>,
    hint: &'static str,
}

impl Rule {
    /// The value without the parts of an address that may be secret.
    fn shown(&self, value: &str) -> String {
        if self.field == "api-url" { address::shown(value) } else { value.to_owned() }
    }
}

pub(super) const CLUSTER_HINT: &str = "`aws eks list-clusters` shows the names";
pub(super) const REGION_HINT: &str = "give --region, such as eu-west-1, or set AWS_REGION";
pub(super) const ACCOUNT_HINT: &str = "`aws sts get-caller-identity` shows the 12 digits of yours";
const IMAGE_HINT: &str = "such as registry.example.com/castai/agent:v0.31.0, or NAME@sha256:DIGEST";

const RULES: [Rule; 7] = [
    Rule { field: "cluster", problem: cluster_problem, hint: CLUSTER_HINT },
    Rule { field: "region", problem: region_problem, hint: REGION_HINT },
    Rule { field: "account", problem: account_problem, hint: ACCOUNT_HINT },
    Rule { field: "image", problem: image_problem, hint: IMAGE_HINT },
    Rule { field: "autoscaler-image", problem: image_problem, hint: IMAGE_HINT },
    Rule {
        field: "api-url",
        problem: url_problem,
        hint: "the token goes with every call, so it has to be encrypted",
    },
    Rule { field: "provider", problem: provider_problem, hint: "`eks` is the usual one" },
];

type IsValue = fn(&str) -> bool;

/// A key of labels or annotations, and whether a text is a value of it.
const PAIRS: [(&str, IsValue); 2] = [("label", is_name), ("annotation", |_| true)];
const PAIR_HINT: &str = "KEY=VALUE, such as team=platform";

/// Values in the order of [`RULES`].
pub(super) type Values<'v> = [Option<&'v str>; RULES.len()];

/// Faults of given values, and of given `KEY=VALUE`.
pub(super) fn given(values: Values<'_>, pairs: [&[String]; 2]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = problems(values)
        .map(|(rule, value, problem)| Fault::new(rule.field, rule.shown(value), problem, rule.hint))
        .collect();
    for ((field, is_value), given) in PAIRS.into_iter().zip(pairs) {
        for pair in given.iter().filter(|pair| !pair.is_empty()) {
            let problem = match pair.split_once('=') {
                Some((key, value)) => pair_problem(key, value, is_value),
                None => Some(("not KEY=VALUE", PAIR_HINT)),
            };
            faults.extend(problem.map(|(problem, hint)| Fault::new(field, pair, problem, hint)));
        }
    }
    faults
}

/// Faults of kept choices that no given value replaces: any program that may write the annotation may have written them.
pub(super) fn kept(kept: &Kept, values: Values<'_>, pairs: [Option<&Tags>; 2]) -> Vec<Fault> {
    let fault = |field: &str, value: &str, problem: &str| {
        let hint = format!(
            "the annotation {CHOICES} of {} {AGENT} holds it, and `cast-spot connect` does not write such; \
             give --{field} to replace it",
            kept.source
        );
        Fault::new(field, value, problem, hint)
    };
    let mut faults: Vec<Fault> = problems(values)
        .map(|(rule, value, problem)| fault(rule.field, &rule.shown(value), problem))
        .collect();
    for ((field, is_value), kept) in PAIRS.into_iter().zip(pairs) {
        for (key, value) in kept.into_iter().flatten() {
            if let Some((problem, _)) = pair_problem(key, value, is_value) {
                faults.push(fault(field, &format!("{key}={value}"), problem));
            }
        }
    }
    faults
}

fn problems(values: Values<'_>) -> impl Iterator<Item = (Rule, &str, &'static str)> {
    RULES.into_iter().zip(values).filter_map(|(rule, value)| {
        let value = value?;
        let problem = (rule.problem)(value)?;
        Some((rule, value, problem))
    })
}

/// The values of `choices` in the order of [`RULES`].
pub(super) fn values(choices: &Choices) -> [&str; RULES.len()] {
    let Choices { cluster, region, account, image, autoscaler_image, api_url, provider, .. } = choices;
    [cluster, region, account, image, autoscaler_image, api_url, provider].map(String::as_str)
}

fn image_problem(image: &str) -> Option<&'static str> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let reads_well = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/:-".contains(&byte));
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !reads_well {
        return Some("not an image");
    }
    if let Some(digest) = digest {
        return (!is_digest(digest)).then_some("its digest is not sha256: and 64 hexadecimal digits");
    }
    // A `:` further left stands before a port.
    let last = name.rsplit('/').next().unwrap_or_default();
    (!last.contains(':')).then_some("it has neither a tag nor a digest")
}

fn is_digest(digest: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex))
}

/// The agent runs in a pod, where an address of this machine means another one.
fn url_problem(url: &str) -> Option<&'static str> {
    address::problem(url).or_else(|| (!url.starts_with("https://")).then_some("not an https:// address"))
}

fn provider_problem(provider: &str) -> Option<&'static str> {
    let reads_well = provider.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (provider.is_empty() || !reads_well).then_some("not letters, digits and -")
}

/// What is wrong with a label or annotation, and a hint.
fn pair_problem(key: &str, value: &str, is_value: IsValue) -> Option<(&'static str, &'static str)> {
    if !is_key(key) || !is_value(value) {
        return Some((
            "not what Kubernetes takes (\"Labels and Selectors\" in its documentation)",
            PAIR_HINT,
        ));
    }
    let own = ["app.kubernetes.io/name", "app.kubernetes.io/part-of", LABEL_MANAGED_BY];
    let is_own = own.contains(&key)
        || ["pod-security.kubernetes.io/", "cast-spot/"].iter().any(|prefix| key.starts_with(prefix));
    is_own.then_some(("cast-spot sets this one itself", "choose another key"))
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
            let (key, value) = pair.split_once('=').unwrap();
            assert_eq!(pair_problem(key, value, is_name).is_none(), is_good, "{pair}");
        }
        let arn = "arn:aws:iam::123456789012:role/agent";
        assert!(pair_problem("eks.amazonaws.com/role-arn", arn, |_| true).is_none());
    }

    #[test]
    fn an_image_has_a_tag_or_a_whole_digest() {
        let digest = "a".repeat(64);
        for (image, is_good) in [
            ("registry.example.com/agent:v1".to_owned(), true),
            (format!("registry.example.com:5000/agent@sha256:{digest}"), true),
            (format!("agent:v1@sha256:{digest}"), true),
            ("registry.example.com:5000/agent".to_owned(), false),
            ("agent".to_owned(), false),
            (format!("agent@sha256:{}", &digest[1..]), false),
            (format!("agent@sha256:{}", digest.to_uppercase()), false),
            (format!("agent@sha512:{digest}"), false),
            ("@sha256:".to_owned(), false),
            ("an image:1".to_owned(), false),
        ] {
            assert_eq!(image_problem(&image).is_none(), is_good, "{image}");
        }
    }

    #[test]
    fn the_console_is_reached_by_https_alone() {
        for (url, is_good) in [
            ("https://api.cast.ai", true),
            ("https://console.example.com:8443/v1", true),
            ("http://localhost:8080", false),
            ("https://api.cast.ai@evil.example", false),
            ("https://", false),
            ("https://a b", false),
        ] {
            assert_eq!(url_problem(url).is_none(), is_good, "{url}");
        }
    }
}

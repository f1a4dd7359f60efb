//! Choices that an account demands: a permissions boundary, tags, owners of images.

use super::place::is_account;
use crate::{fault::Faults, resource::Tags};

/// Of 50 tags that a resource may have, those that are left beside ours ("Tag your AWS resources" in the Tagging AWS
/// Resources User Guide).
const MOST_TAGS: usize = 40;

/// A permissions boundary, or what is wrong with its ARN.
pub fn boundary(arn: Option<&str>, faults: &mut Faults) -> Option<String> {
    let arn = arn?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_policy = matches!(parts[..], ["arn", partition, "iam", "", account, policy]
        if partition.starts_with("aws")
            && (account == "aws" || is_account(account))
            && policy.strip_prefix("policy/").is_some_and(|name| !name.is_empty() && name.chars().all(is_name)));
    if is_policy {
        return Some(arn.to_owned());
    }
    let hint = "`aws iam list-policies --scope Local` shows the ARNs, such as arn:aws:iam::123456789012:policy/boundary";
    faults.add("permissions-boundary", arn, "not the ARN of a managed policy", hint);
    None
}

pub(super) fn tags(given: &[String], faults: &mut Faults) -> Tags {
    let mut tags = Tags::new();
    for tag in given {
        let hint = "such as --tags team=platform; repeat it for each tag";
        let problem = match tag.split_once('=') {
            None => Some("not KEY=VALUE"),
            Some((key, value)) => tag_problem(key, value),
        };
        match (problem, tag.split_once('=')) {
            (None, Some((key, value))) => drop(tags.insert(key.to_owned(), value.to_owned())),
            (problem, _) => faults.add("tags", tag, problem.unwrap_or_default(), hint),
        }
    }
    if tags.len() > MOST_TAGS {
        let problem = format!("{} tags; {MOST_TAGS} are possible beside those of cast-spot", tags.len());
        faults.add("tags", "", problem, "leave some of them out");
    }
    tags
}

/// Whether a tag can be one that was chosen.
pub(crate) fn is_choosable(key: &str, value: &str) -> bool {
    tag_problem(key, value).is_none()
}

/// What IAM, the strictest of the services, takes ("Rules for tagging" in the IAM User Guide); and what makes a resource a
/// cluster's is not to be chosen.
fn tag_problem(key: &str, value: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    let is_text = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
        Some("a key has 1 to 128 characters, a value at most 256")
    } else if !is_text(key) || !is_text(value) {
        Some("letters, digits, spaces and _.:/=+-@ only")
    } else if ["aws:", "cast-spot:", "kubernetes.io/cluster/"].iter().any(|own| lower.starts_with(own)) {
        Some("keys that begin with aws:, cast-spot: or kubernetes.io/cluster/ have a meaning of their own")
    } else {
        None
    }
}

/// Owners of images, or what is wrong with their ids; None if none is given. An empty one alone takes all back.
pub fn image_owners(given: &[String], faults: &mut Faults) -> Option<Vec<String>> {
    if let [only] = given
        && only.is_empty()
    {
        return Some(Vec::new());
    }
    for owner in given.iter().filter(|owner| !is_account(owner)) {
        let hint = "`aws ec2 describe-images --image-ids ami-… --query 'Images[].OwnerId'` shows the owner";
        faults.add("image-owner", owner, "not an account id of 12 digits", hint);
    }
    (!given.is_empty()).then(|| given.to_vec())
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c)
}

//! Where a cluster is: what is wrong with its name, region and account, from any source.

/// `CreateCluster` in the EKS API reference.
const CLUSTER_LIMIT: usize = 100;

/// What is wrong with the name of a cluster.
#[must_use]
pub fn cluster_problem(name: &str) -> Option<&'static str> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let reads_well = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if name.is_empty() {
        Some("missing")
    } else if name.len() > CLUSTER_LIMIT {
        Some("longer than the 100 characters of a cluster name")
    } else if !starts_well || !reads_well {
        Some("not a cluster name: letters, digits, - and _, a letter or digit first")
    } else {
        None
    }
}

/// What is wrong with the name of a region. One that is younger than this release is right.
#[must_use]
pub fn region_problem(region: &str) -> Option<&'static str> {
    let reads_well = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (region.is_empty() || !reads_well).then_some("not the name of a region")
}

/// What is wrong with the id of an account.
#[must_use]
pub fn account_problem(account: &str) -> Option<&'static str> {
    (!is_account(account)).then_some("not the 12 digits of an account")
}

pub(crate) fn is_account(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
}

//! The principal that an earlier onboarding has chosen, read from its resources, for requests that leave it open. For
//! choices that all clusters share, see [`PreviousRuns`](crate::facts::PreviousRuns).

use serde_json::Value;

use crate::{
    facts::Facts,
    names::{MANAGED, TAG_EXTERNAL_ID, TAG_MANAGED, TAG_PRINCIPAL},
    plan::Observed,
    provider::{Error, Provider},
    record,
    resource::{Resource, Role, Tags, User},
    spec::Request,
};

/// Fills in the choices that `request` leaves open. Reads nothing for a cluster that is not registered.
pub async fn previous_choices(
    request: Request,
    facts: &Facts,
    provider: &impl Provider,
) -> Result<Request, Vec<Error>> {
    let own = (facts.region.clone(), request.cluster.clone());
    if !facts.register.contains(&own) {
        return Ok(request);
    }
    let (role, user) = evidence(facts);
    let observed = provider.observe(facts, &[&role, &user]).await?;
    Ok(fill(request, facts, &observed))
}

/// The resources that show the choices: the cluster has one of them.
fn evidence(facts: &Facts) -> (Resource, Resource) {
    let name = facts.principal();
    let role = Role {
        name: name.clone(),
        description: String::new(),
        trust: Value::Null,
        boundary: None,
        tags: Tags::new(),
    };
    (role.into(), User { name, boundary: None, tags: Tags::new() }.into())
}

fn fill(mut request: Request, facts: &Facts, observed: &Observed) -> Request {
    let managed = |resource: &Resource| {
        let found = observed.get(&resource.id()).map(|found| &found.resource)?;
        let owner = found.tags().and_then(|tags| tags.get(TAG_MANAGED));
        (owner.map(String::as_str) == Some(MANAGED)).then_some(found)
    };
    let (role, user) = evidence(facts);
    if let Some(Resource::Role(Role { trust, tags, .. })) = managed(&role) {
        "role".clone_into(&mut request.mode);
        let (principal, external_id) = trusted_principal(trust);
        request.principal = record::read(tags, TAG_PRINCIPAL).or(principal);
        request.external_id = record::read(tags, TAG_EXTERNAL_ID).or(external_id);
    } else if managed(&user).is_some() {
        "user".clone_into(&mut request.mode);
    }
    request
}

/// The principal that may assume a role, and the external id that it must pass.
fn trusted_principal(trust: &Value) -> (Option<String>, Option<String>) {
    // IAM returns a single statement as it was written: in a list or by itself.
    let statement = trust["Statement"].get(0).unwrap_or(&trust["Statement"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (text(&statement["Principal"]["AWS"]), text(&statement["Condition"]["StringEquals"]["sts:ExternalId"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Cluster, Identity, PreviousRuns},
        plan::Found,
        policy,
    };

    fn facts() -> Facts {
        let identity = Identity { partition: "aws".to_owned(), account: "1".repeat(12), arn: String::new() };
        let cluster = Cluster::gone("prod", "arn:aws:eks:eu-west-1:111111111111:cluster/prod".to_owned());
        let (region, earlier) = ("eu-west-1".to_owned(), PreviousRuns::default());
        Facts { identity, region, cluster, function: None, register: [].into(), earlier }
    }

    fn observed(resources: Vec<Resource>) -> Observed {
        resources.into_iter().map(|resource| (resource.id(), Found::from(resource))).collect()
    }

    fn managed() -> Tags {
        Tags::from([(TAG_MANAGED.to_owned(), MANAGED.to_owned())])
    }

    fn role(tags: Tags) -> Resource {
        let trust = policy::principal_trust("arn:aws:iam::222222222222:user/console", "x-1");
        let name = "cast-eks-prod".to_owned();
        Resource::Role(Role { name, description: String::new(), trust, boundary: None, tags })
    }

    #[test]
    fn choices_are_read_from_the_trust_policy_of_the_role() {
        let filled = fill(Request::default(), &facts(), &observed(vec![role(managed())]));
        assert_eq!(filled.mode, "role");
        assert_eq!(filled.principal.as_deref(), Some("arn:aws:iam::222222222222:user/console"));
        assert_eq!(filled.external_id.as_deref(), Some("x-1"));
    }

    #[test]
    fn a_user_stays_a_user_and_foreign_users_are_ignored() {
        for (tags, mode) in [(managed(), "user"), (Tags::new(), "")] {
            let user = Resource::User(User { name: "cast-eks-prod".to_owned(), boundary: None, tags });
            let filled = fill(Request::default(), &facts(), &observed(vec![user]));
            assert_eq!((filled.mode.as_str(), filled.principal), (mode, None));
        }
    }
}

//! Who manages the cluster, as an earlier onboarding has chosen it, read off what it has made, for requests that leave
//! it open. What all clusters share needs no recalling: see [`Earlier`](crate::facts::Earlier).

use serde_json::Value;

use crate::{
    facts::Facts,
    names::{MANAGED, TAG_MANAGED},
    plan::Observed,
    provider::{Error, Provider},
    resource::{Resource, Role, Tags, User},
    spec::Request,
};

/// Looks at what tells of the choices and fills in those that `request` leaves open. Of a cluster that is not
/// registered nothing is looked at.
pub async fn recall(
    request: Request,
    facts: &Facts,
    provider: &impl Provider,
) -> Result<Request, Vec<Error>> {
    let own = (facts.region.clone(), request.cluster.clone());
    if !facts.register.contains(&own) {
        return Ok(request);
    }
    let traces = Traces::of(facts);
    let observed = provider.observe(facts, &[&traces.role, &traces.user]).await?;
    Ok(traces.fill(request, &observed))
}

/// What tells of the choices.
struct Traces {
    role: Resource,
    user: Resource,
}

impl Traces {
    fn of(facts: &Facts) -> Self {
        let name = facts.principal();
        Self {
            role: Resource::Role(Role {
                name: name.clone(),
                description: String::new(),
                trust: Value::Null,
                tags: Tags::new(),
            }),
            user: Resource::User(User { name, tags: Tags::new() }),
        }
    }

    fn fill(&self, mut request: Request, observed: &Observed) -> Request {
        let ours = |resource: &Resource| {
            let found = observed.get(&resource.id()).map(|found| &found.resource)?;
            let managed = found.tags().and_then(|tags| tags.get(TAG_MANAGED));
            (managed.map(String::as_str) == Some(MANAGED)).then_some(found)
        };
        if let Some(Resource::Role(Role { trust, .. })) = ours(&self.role) {
            "role".clone_into(&mut request.mode);
            (request.principal, request.external_id) = who(trust);
        } else if ours(&self.user).is_some() {
            "user".clone_into(&mut request.mode);
        }
        request
    }
}

/// Who may assume a role, and what they have to say.
fn who(trust: &Value) -> (Option<String>, Option<String>) {
    // IAM gives one statement back as a list or as itself, as it was written.
    let statement = trust["Statement"].get(0).unwrap_or(&trust["Statement"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (text(&statement["Principal"]["AWS"]), text(&statement["Condition"]["StringEquals"]["sts:ExternalId"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Cluster, Earlier, Identity},
        plan::Found,
        policy,
    };

    fn facts() -> Facts {
        let identity = Identity { partition: "aws".to_owned(), account: "1".repeat(12), arn: String::new() };
        let cluster = Cluster::gone("prod", "arn:aws:eks:eu-west-1:111111111111:cluster/prod".to_owned());
        let (region, earlier) = ("eu-west-1".to_owned(), Earlier::default());
        Facts { identity, region, cluster, function: None, register: [].into(), earlier }
    }

    fn observed(resources: Vec<Resource>) -> Observed {
        let found = |resource: Resource| Found { resource, created: None, revision: None };
        resources.into_iter().map(|resource| (resource.id(), found(resource))).collect()
    }

    fn ours() -> Tags {
        Tags::from([(TAG_MANAGED.to_owned(), MANAGED.to_owned())])
    }

    fn role(tags: Tags) -> Resource {
        let trust = policy::principal_trust("arn:aws:iam::222222222222:user/console", "x-1");
        Resource::Role(Role { name: "cast-eks-prod".to_owned(), description: String::new(), trust, tags })
    }

    #[test]
    fn the_choices_of_a_role_are_read_off_its_trust() {
        let filled = Traces::of(&facts()).fill(Request::default(), &observed(vec![role(ours())]));
        assert_eq!(filled.mode, "role");
        assert_eq!(filled.principal.as_deref(), Some("arn:aws:iam::222222222222:user/console"));
        assert_eq!(filled.external_id.as_deref(), Some("x-1"));
    }

    #[test]
    fn a_user_stays_a_user_and_what_is_foreign_tells_nothing() {
        for (tags, mode) in [(ours(), "user"), (Tags::new(), "")] {
            let user = Resource::User(User { name: "cast-eks-prod".to_owned(), tags });
            let filled = Traces::of(&facts()).fill(Request::default(), &observed(vec![user]));
            assert_eq!((filled.mode.as_str(), filled.principal), (mode, None));
        }
    }
}

//! What an earlier onboarding has chosen, read off what it has made, for requests that leave it open.

use serde_json::Value;

use crate::{
    facts::Facts,
    names::{self, LAMBDA_ROLE, LAMBDA_ROLE_SHARED, LOG_GROUP, MANAGED, TAG_MANAGED},
    plan::Observed,
    provider::{Error, Provider},
    resource::{Id, Kind, Principal, Resource, Tags, attachment},
    spec::Request,
};

/// What only the documented privileges bring along.
const DOCUMENTED: &str = "CloudWatchLogsFullAccess";

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
    let traces = Traces::of(&request.cluster, facts);
    let observed = provider.observe(facts, &traces.all()).await?;
    Ok(traces.fill(request, &observed))
}

/// What tells of the choices.
struct Traces {
    role: Resource,
    user: Resource,
    documented: Resource,
    shared: Resource,
    log_group: Resource,
}

impl Traces {
    fn of(cluster: &str, facts: &Facts) -> Self {
        let name = names::principal(cluster, &facts.cluster.arn);
        let lambda = Principal::Role(LAMBDA_ROLE.to_owned());
        let policy_arn = format!("arn:{}:iam::aws:policy/{DOCUMENTED}", facts.identity.partition);
        Self {
            role: Resource::Role {
                name: name.clone(),
                description: String::new(),
                trust: Value::Null,
                tags: Tags::new(),
            },
            user: Resource::User { name, tags: Tags::new() },
            documented: Resource::Attachment { principal: lambda, policy_arn },
            shared: Resource::InlinePolicy {
                role: LAMBDA_ROLE.to_owned(),
                name: LAMBDA_ROLE_SHARED.to_owned(),
                document: Value::Null,
            },
            log_group: Resource::LogGroup {
                name: LOG_GROUP.to_owned(),
                retention_days: 0,
                tags: Tags::new(),
            },
        }
    }

    fn all(&self) -> Vec<&Resource> {
        vec![&self.role, &self.user, &self.documented, &self.shared, &self.log_group]
    }

    fn fill(&self, mut request: Request, observed: &Observed) -> Request {
        let ours = |resource: &Resource| {
            let found = observed.get(&resource.id()).map(|found| &found.resource)?;
            let managed = found.tags().and_then(|tags| tags.get(TAG_MANAGED));
            (managed.map(String::as_str) == Some(MANAGED)).then_some(found)
        };
        if let Some(Resource::Role { trust, .. }) = ours(&self.role) {
            "role".clone_into(&mut request.mode);
            (request.principal, request.external_id) = who(trust);
        } else if ours(&self.user).is_some() {
            "user".clone_into(&mut request.mode);
        }
        let documented = attachment(&Principal::Role(LAMBDA_ROLE.to_owned()), DOCUMENTED);
        let shared = Id::new(Kind::InlinePolicy, format!("{LAMBDA_ROLE}/{LAMBDA_ROLE_SHARED}"));
        request.least_privilege |= observed.contains_key(&shared) && !observed.contains_key(&documented);
        if let (None, Some(Resource::LogGroup { retention_days, .. })) =
            (&request.log_retention_days, ours(&self.log_group))
        {
            request.log_retention_days = Some(retention_days.to_string());
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
        facts::{Cluster, Identity},
        plan::Found,
        policy,
    };

    fn facts() -> Facts {
        let identity = Identity { partition: "aws".to_owned(), account: "1".repeat(12), arn: String::new() };
        let cluster = Cluster::gone("prod", "arn:aws:eks:eu-west-1:111111111111:cluster/prod".to_owned());
        Facts { identity, region: "eu-west-1".to_owned(), cluster, function: None, register: [].into() }
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
        Resource::Role { name: "cast-eks-prod".to_owned(), description: String::new(), trust, tags }
    }

    #[test]
    fn the_choices_of_a_role_are_read_off_its_trust() {
        let traces = Traces::of("prod", &facts());
        let filled = traces.fill(Request::default(), &observed(vec![role(ours()), traces.shared.clone()]));
        assert_eq!(filled.mode, "role");
        assert_eq!(filled.principal.as_deref(), Some("arn:aws:iam::222222222222:user/console"));
        assert_eq!(filled.external_id.as_deref(), Some("x-1"));
        assert!(filled.least_privilege, "without the documented policies");
    }

    #[test]
    fn a_user_with_the_documented_policies_and_a_long_log_stays_so() {
        let traces = Traces::of("prod", &facts());
        let user = Resource::User { name: "cast-eks-prod".to_owned(), tags: ours() };
        let log = Resource::LogGroup { name: LOG_GROUP.to_owned(), retention_days: 365, tags: ours() };
        let found = observed(vec![user, log, traces.shared.clone(), traces.documented.clone()]);
        let filled = traces.fill(Request::default(), &found);
        let choices = (filled.mode.as_str(), filled.least_privilege, filled.log_retention_days.as_deref());
        assert_eq!(choices, ("user", false, Some("365")));
    }

    #[test]
    fn what_is_given_stays_and_what_is_foreign_tells_nothing() {
        let traces = Traces::of("prod", &facts());
        let log = Resource::LogGroup { name: LOG_GROUP.to_owned(), retention_days: 365, tags: ours() };
        let request = Request { log_retention_days: Some("7".to_owned()), ..Request::default() };
        let filled = traces.fill(request, &observed(vec![role(Tags::new()), log]));
        let choices = (filled.mode.as_str(), filled.principal, filled.log_retention_days.as_deref());
        assert_eq!(choices, ("", None, Some("7")));
    }
}

//! The provider that there is: AWS by its SDK and the cluster by kube.

use cast_spot_cloud::Access;
use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::{
    Connection, Error, ErrorKind, Kubernetes, Made, Provider, RolledBack, Services, ec2,
    error::{self, distinct, gathered},
    iam, lambda, propagation,
};
use crate::{
    check::{Check, Verdict, self_test},
    facts::{AuthenticationMode, Cluster, Facts, Identity, PreviousRuns},
    names::LAMBDA_ROLE,
    observed::Observed,
    resource::{Change, CodeRecord, Function, Resource, SecurityGroup, Tags, function::aws::versions, layer},
};

/// AWS, with the identity and in the region of a [`Connection`], and one cluster: the last one whose facts were
/// looked up.
pub struct Aws {
    access: Access,
    services: Services,
}

impl Aws {
    /// Finds credentials and region as the `aws` command does (AWS SDKs and Tools Reference Guide). Nothing is called
    /// yet, and the cluster is connected to only when something is asked of it.
    pub async fn connect(connection: &Connection) -> Result<Self, Vec<Error>> {
        let access = Access::open(connection).await.map_err(|error| vec![error])?;
        let services = Services::new(access.sdk(), Kubernetes::new(access.kubeconfig().clone()));
        Ok(Self { access, services })
    }

    /// The region that was found.
    #[must_use]
    pub fn region(&self) -> &str {
        self.access.region()
    }

    /// Who makes the calls; this takes no rights.
    pub async fn identity(&self) -> Result<Identity, Error> {
        self.access.identity().await
    }

    /// The cluster of this name, if it exists.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        self.access.cluster(name).await
    }

    /// What [`Self::roll_back`] changes.
    pub async fn rollback(&self) -> Result<RolledBack, Error> {
        versions::rollback(&self.services.lambda, &self.record().await?).await
    }

    /// What the tags of the function's role record of its code.
    async fn record(&self) -> Result<CodeRecord, Error> {
        let tags = iam::register(&self.services.iam).await?.role_tags;
        Ok(CodeRecord::read(&tags, self.region()))
    }

    /// Gives the function of the region the code that it had before the last change. Again: the later one. The record of
    /// its code comes first: what ends in between is drift, and a second call goes on.
    pub async fn roll_back(&self) -> Result<RolledBack, Error> {
        let Services { iam: client, lambda, .. } = &self.services;
        let record = self.record().await?;
        let RolledBack { to, .. } = versions::rollback(lambda, &record).await?;
        let tags = iam::tags_in(&record.clone().followed_by(&to).tags(self.region()));
        let call = client.tag_role().role_name(LAMBDA_ROLE).set_tags(Some(tags));
        call.send().await.map_err(error::from_sdk("iam:TagRole"))?;
        versions::roll_back(lambda, &record).await
    }

    /// What of the VPC matters to this cluster, and the others of the region.
    async fn look_around(&self, facts: &mut Facts) -> Result<(), Error> {
        let is_in_vpc = facts.function.as_ref().is_some_and(|function| function.vpc_id.is_some());
        if facts.cluster.is_gone() || !is_in_vpc {
            facts.earlier.vpcs = ec2::vpcs(&self.services.ec2).await?;
        }
        self.divide_subnets(&mut facts.cluster).await?;
        let names = facts.others_in_region();
        let others = join_all(names.iter().map(|name| self.access.cluster(name))).await;
        for found in others {
            let Some(mut other) = found? else { continue };
            self.divide_subnets(&mut other).await?;
            facts.earlier.others.push(other);
        }
        Ok(())
    }

    /// Finds out which subnets of a private cluster are public.
    async fn divide_subnets(&self, cluster: &mut Cluster) -> Result<(), Error> {
        if !cluster.is_open() {
            let public = ec2::public_subnets(&self.services.ec2, &cluster.vpc_id, &cluster.subnet_ids);
            cluster.public_subnet_ids = public.await?;
        }
        Ok(())
    }

    /// Whether it is there already and just so: another run, or an attempt whose answer was lost, has made it.
    async fn is_made(&self, resource: &Resource) -> bool {
        let group = group_of(resource);
        let looked_at: Vec<&Resource> = [resource].into_iter().chain(&group).collect();
        let seen = self.services.observe(AuthenticationMode::ApiAndConfigMap, &looked_at).await;
        let mut found = seen.into_iter().filter_map(Result::ok).map(|found| found.resource);
        found.any(|found| found.id() == resource.id() && resource.changes(&found).is_empty())
    }
}

/// The security group that a function is to be in: only who looks at it knows its name.
fn group_of(resource: &Resource) -> Option<Resource> {
    let Resource::Function(Function { network: Some(network), .. }) = resource else { return None };
    let (name, vpc_id) = (network.security_group.clone(), network.vpc_id.clone());
    Some(Resource::SecurityGroup(SecurityGroup {
        name,
        vpc_id,
        description: String::new(),
        tags: Tags::new(),
    }))
}

impl Provider for Aws {
    async fn facts(&self, cluster: &str) -> Result<Facts, Vec<Error>> {
        // The function before the register, see [`Facts::function`].
        let served =
            async { (lambda::current(&self.services.lambda).await, iam::register(&self.services.iam).await) };
        let (identity, found, (function, register), layers) = tokio::join!(
            self.access.identity(),
            self.access.cluster(cluster),
            served,
            layer::aws::layers(&self.services.lambda)
        );
        let mut facts = match (identity, found, function, register, layers) {
            (Ok(identity), Ok(found), Ok(function), Ok(register), Ok(layers)) => {
                let cluster = found.unwrap_or_else(|| {
                    let (partition, account) = (&identity.partition, &identity.account);
                    let arn = format!("arn:{partition}:eks:{}:{account}:cluster/{cluster}", self.region());
                    Cluster::gone(cluster, arn)
                });
                let earlier = PreviousRuns {
                    by_hash: register.by_hash,
                    layers: layers.into_iter().collect(),
                    role_tags: register.role_tags,
                    ..PreviousRuns::default()
                };
                let (region, register) = (self.region().to_owned(), register.clusters);
                Facts { identity, region, cluster, function, register, earlier }
            }
            (identity, found, function, register, layers) => {
                let failed = [identity.err(), found.err(), function.err(), register.err(), layers.err()];
                return Err(distinct(failed.into_iter().flatten(), is_shared));
            }
        };
        self.look_around(&mut facts).await.map_err(|error| vec![error])?;
        self.services.kubernetes.set_cluster(&facts.cluster).await;
        Ok(facts)
    }

    async fn observe(&self, facts: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        self.services.kubernetes.set_cluster(&facts.cluster).await;
        let seen = self.services.observe(facts.cluster.authentication_mode, resources).await;
        gathered(seen, is_shared)
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        match self.services.create(resource).await {
            Err(error) if error.reason == ErrorKind::Changed => {
                if self.is_made(resource).await {
                    Ok(Made::default())
                } else {
                    Err(error)
                }
            }
            other => other,
        }
    }

    async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        self.services.update(resource, changes, revision).await
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        self.services.delete(resource).await
    }

    async fn instances_with(&self, role: &str) -> Result<Vec<String>, Error> {
        let profiles = iam::profiles_of(&self.services.iam, role).await?;
        if profiles.is_empty() {
            return Ok(Vec::new());
        }
        let arns: Vec<String> = profiles.into_iter().map(|profile| profile.arn).collect();
        ec2::instances_with(&self.services.ec2, &arns).await
    }

    async fn pause(&self, round: u32) {
        propagation::pause(round).await;
    }

    /// The function is asked once, and its answer is one to all checks that neither IAM nor the cluster answers.
    async fn check(&self, facts: &Facts, checks: &[Check]) -> Vec<Result<Verdict, Error>> {
        let Services { iam, lambda: client, kubernetes, .. } = &self.services;
        kubernetes.set_cluster(&facts.cluster).await;
        let answer = OnceCell::new();
        let verdicts = checks.iter().map(async |check| match check {
            // Several of them are one call.
            Check::Allowed { .. } => Err(Error::other("check", format!("no answer to {check:?}"))),
            Check::Available { .. } => kubernetes.check(check).await,
            Check::Reserved { function } => lambda::reserved(client, function).await,
            Check::Kubernetes { .. } | Check::Notice { .. } => {
                let answer = answer.get_or_init(|| lambda::self_test(client, facts)).await;
                answer.as_ref().map(|answer| self_test::verdict(check, answer)).map_err(Error::clone)
            }
        });
        let (verdicts, mut simulated) =
            tokio::join!(join_all(verdicts), iam::simulate::simulate(iam, checks));
        let of = |(place, verdict)| simulated.remove(&place).unwrap_or(verdict);
        verdicts.into_iter().enumerate().map(of).collect()
    }
}

/// Every service refuses the same credentials.
fn is_shared(reason: &ErrorKind) -> bool {
    *reason == ErrorKind::Credentials
}

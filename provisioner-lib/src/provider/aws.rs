//! The provider that there is: AWS by its SDK and the cluster by kube.

use std::collections::BTreeSet;

use cast_spot_cloud::Access;
use futures_util::future::join_all;

use super::{
    Connection, Error, ErrorKind, Made, Provider, clients,
    ec2::Ec2,
    eks::Eks,
    events::Events,
    iam::Iam,
    kubernetes::Kubernetes,
    lambda::{Lambda, RolledBack, name_security_group},
    logs::Logs,
    propagation,
    sqs::Sqs,
};
use crate::{
    check::{Check, Verdict, self_test},
    facts::{AuthenticationMode, Cluster, Earlier, Facts, Identity},
    observed::{Found, Observed},
    resource::Change,
    resource::{Function, Resource, SecurityGroup, Service, Tags},
};

/// AWS, with the identity and in the region of a [`Connection`], and one cluster: the last one whose facts were
/// looked up.
pub struct Aws {
    access: Access,
    iam: Iam,
    eks: Eks,
    lambda: Lambda,
    events: Events,
    logs: Logs,
    sqs: Sqs,
    ec2: Ec2,
    kubernetes: Kubernetes,
}

impl Aws {
    /// Finds credentials and region as the `aws` command does (AWS SDKs and Tools Reference Guide). Nothing is called
    /// yet, and the cluster is connected to only when something is asked of it.
    pub async fn connect(connection: &Connection) -> Result<Self, Vec<Error>> {
        let access = Access::open(connection).await.map_err(|error| vec![error])?;
        let config = access.sdk();
        Ok(Self {
            iam: Iam { client: clients::iam(config) },
            eks: Eks { client: aws_sdk_eks::Client::new(config) },
            lambda: Lambda { client: clients::lambda(config) },
            events: Events { client: aws_sdk_eventbridge::Client::new(config) },
            logs: Logs { client: aws_sdk_cloudwatchlogs::Client::new(config) },
            sqs: Sqs { client: aws_sdk_sqs::Client::new(config) },
            ec2: Ec2 { client: aws_sdk_ec2::Client::new(config) },
            kubernetes: Kubernetes::new(access.kubeconfig().clone()),
            access,
        })
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

    /// What [`Self::roll_back`] changes.
    pub async fn rollback(&self) -> Result<RolledBack, Error> {
        self.lambda.rollback().await
    }

    /// Gives the function of the region the code that it had before the last change. Again: the later one.
    pub async fn roll_back(&self) -> Result<RolledBack, Error> {
        self.lambda.roll_back().await
    }

    /// What of the VPC matters to this cluster.
    async fn look_around(&self, facts: &mut Facts) -> Result<(), Error> {
        let cluster = &mut facts.cluster;
        if cluster.is_gone() || facts.function.is_none() {
            facts.earlier.vpcs = self.ec2.vpcs().await?;
        }
        if !cluster.is_open() {
            let public = self.ec2.public_subnets(&cluster.vpc_id, &cluster.subnet_ids);
            cluster.public_subnet_ids = public.await?;
        }
        Ok(())
    }

    /// All services side by side.
    async fn look(&self, mode: AuthenticationMode, resources: &[&Resource]) -> Vec<Result<Found, Error>> {
        let of = |service| -> Vec<&Resource> {
            resources.iter().copied().filter(|resource| resource.kind().service() == service).collect()
        };
        let (in_iam, in_eks, in_lambda) = (of(Service::Iam), of(Service::Eks), of(Service::Lambda));
        let (in_events, in_logs, in_sqs) = (of(Service::Events), of(Service::Logs), of(Service::Sqs));
        let (in_ec2, in_kubernetes) = (of(Service::Ec2), of(Service::Kubernetes));
        let (iam, eks, mut lambda, events, logs, sqs, ec2, kubernetes) = tokio::join!(
            self.iam.observe(&in_iam),
            self.eks.observe(mode, &in_eks),
            self.lambda.observe(&in_lambda),
            self.events.observe(&in_events),
            self.logs.observe(&in_logs),
            self.sqs.observe(&in_sqs),
            self.ec2.observe(&in_ec2),
            self.kubernetes.observe(mode, &in_kubernetes),
        );
        for found in lambda.iter_mut().flatten() {
            name_security_group(&mut found.resource, &ec2.names);
        }
        [iam, eks, lambda, events, logs, sqs, ec2.found, kubernetes].into_iter().flatten().collect()
    }

    async fn make(&self, resource: &Resource) -> Result<Made, Error> {
        match resource.kind().service() {
            Service::Iam => self.iam.create(resource).await,
            Service::Eks => self.eks.create(resource).await,
            Service::Lambda => self.lambda.create(resource, self.security_group(resource).await?).await,
            Service::Events => self.events.create(resource).await,
            Service::Logs => self.logs.create(resource).await,
            Service::Sqs => self.sqs.create(resource).await,
            Service::Ec2 => self.ec2.create(resource).await,
            Service::Kubernetes => self.kubernetes.create(resource).await,
        }
    }

    /// Id of the security group that a function is to be in.
    async fn security_group(&self, resource: &Resource) -> Result<Option<String>, Error> {
        match resource {
            Resource::Function(Function { network: Some(network), .. }) => {
                self.ec2.group_id(network).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether it is there already and just so: another run, or an attempt whose answer was lost, has made it.
    async fn is_made(&self, resource: &Resource) -> bool {
        let group = group_of(resource);
        let looked_at: Vec<&Resource> = [resource].into_iter().chain(&group).collect();
        let seen = self.look(AuthenticationMode::ApiAndConfigMap, &looked_at).await;
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
        let served = async { (self.lambda.current().await, self.iam.register().await) };
        let (identity, found, (function, register), layers) =
            tokio::join!(self.access.identity(), self.access.cluster(cluster), served, self.lambda.layers());
        let mut facts = match (identity, found, function, register, layers) {
            (Ok(identity), Ok(found), Ok(function), Ok(register), Ok(layers)) => {
                let cluster = found.unwrap_or_else(|| {
                    let (partition, account) = (&identity.partition, &identity.account);
                    let arn = format!("arn:{partition}:eks:{}:{account}:cluster/{cluster}", self.region());
                    Cluster::gone(cluster, arn)
                });
                let layers = layers.into_iter().collect();
                let earlier = Earlier { by_hash: register.by_hash, vpcs: BTreeSet::new(), layers };
                let (region, register) = (self.region().to_owned(), register.clusters);
                Facts { identity, region, cluster, function, register, earlier }
            }
            (identity, found, function, register, layers) => {
                let failed = [identity.err(), found.err(), function.err(), register.err(), layers.err()];
                return Err(distinct(failed.into_iter().flatten()));
            }
        };
        self.look_around(&mut facts).await.map_err(|error| vec![error])?;
        self.kubernetes.set_cluster(&facts.cluster).await;
        Ok(facts)
    }

    async fn observe(&self, facts: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        self.kubernetes.set_cluster(&facts.cluster).await;
        let (mut observed, mut errors) = (Observed::new(), Vec::new());
        for seen in self.look(facts.cluster.authentication_mode, resources).await {
            match seen {
                Ok(found) => {
                    observed.insert(found.resource.id(), found);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(observed) } else { Err(distinct(errors)) }
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        match self.make(resource).await {
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
        match resource.kind().service() {
            Service::Iam => self.iam.update(resource, changes).await,
            Service::Eks => self.eks.update(resource, changes).await,
            Service::Lambda => {
                let security_group = self.security_group(resource).await?;
                self.lambda.update(resource, changes, revision, security_group).await
            }
            Service::Events => self.events.update(resource, changes).await,
            Service::Logs => self.logs.update(resource, changes).await,
            Service::Sqs => self.sqs.update(resource, changes).await,
            Service::Ec2 => self.ec2.update(resource, changes).await,
            Service::Kubernetes => self.kubernetes.update(resource, revision).await,
        }
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        match resource.kind().service() {
            Service::Iam => self.iam.delete(resource).await,
            Service::Eks => self.eks.delete(resource).await,
            Service::Lambda => self.lambda.delete(resource).await,
            Service::Events => self.events.delete(resource).await,
            Service::Logs => self.logs.delete(resource).await,
            Service::Sqs => self.sqs.delete(resource).await,
            Service::Ec2 => self.ec2.delete(resource).await,
            Service::Kubernetes => self.kubernetes.delete(resource).await,
        }
    }

    async fn instances_with(&self, role: &str) -> Result<Vec<String>, Error> {
        let profiles = self.iam.profiles_of(role).await?;
        if profiles.is_empty() { Ok(Vec::new()) } else { self.ec2.instances_with(&profiles).await }
    }

    async fn pause(&self, round: u32) {
        propagation::pause(round).await;
    }

    /// The function is asked once, and its answer is one to all checks that neither IAM nor the cluster answers.
    async fn check(&self, facts: &Facts, checks: &[Check]) -> Vec<Result<Verdict, Error>> {
        let (mut of_iam, mut of_cluster, mut is_function_asked) = (Vec::new(), Vec::new(), false);
        let mut reserved = Vec::new();
        for check in checks {
            match check {
                Check::Allowed { .. } => of_iam.push(check),
                Check::Available { .. } => of_cluster.push(check),
                Check::Kubernetes { .. } | Check::Notice { .. } => is_function_asked = true,
                Check::Reserved { function } => reserved.push(self.lambda.reserved(function)),
            }
        }
        self.kubernetes.set_cluster(&facts.cluster).await;
        let asked =
            async { if is_function_asked { self.lambda.self_test(facts).await } else { Ok(Ok(Vec::new())) } };
        let available = join_all(of_cluster.into_iter().map(|check| self.kubernetes.check(check)));
        let (simulated, available, answer, reserved) =
            tokio::join!(self.iam.simulate(&of_iam), available, asked, join_all(reserved));
        let (mut simulated, mut available) = (simulated.into_iter(), available.into_iter());
        let mut reserved = reserved.into_iter();
        let of_function = |check: &Check| match &answer {
            Ok(answer) => Ok(self_test::verdict(check, answer)),
            Err(error) => Err(error.clone()),
        };
        let verdict = |check: &Check| match check {
            Check::Allowed { .. } => simulated.next().unwrap_or_else(|| Err(unanswered(check))),
            Check::Available { .. } => available.next().unwrap_or_else(|| Err(unanswered(check))),
            Check::Reserved { .. } => reserved.next().unwrap_or_else(|| Err(unanswered(check))),
            other => of_function(other),
        };
        checks.iter().map(verdict).collect()
    }
}

fn unanswered(check: &Check) -> Error {
    Error::other("check", format!("no answer to {check:?}"))
}

/// Credentials that are refused are refused by every service: that is said once.
fn distinct(errors: impl IntoIterator<Item = Error>) -> Vec<Error> {
    let mut distinct: Vec<Error> = Vec::new();
    for error in errors {
        let said = distinct.iter().any(|other| {
            *other == error
                || (error.reason == ErrorKind::Credentials && other.reason == ErrorKind::Credentials)
        });
        if !said {
            distinct.push(error);
        }
    }
    distinct
}

//! A connection to AWS and the cluster, and what is checked before anything else is asked.

use std::{
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use cast_spot_cloud::Access;
use cast_spot_provisioner::{
    facts::{Facts, Identity},
    onboard::PlanError,
    plan::{Change, Observed},
    provider::{Aws, Error, ErrorKind, Made, Provider, RolledBack},
    recall::recall,
    resource::Resource,
    spec::{Request, Spec},
    verify::{Check, Verdict},
};
use jiff::Timestamp;
use tokio::runtime::Builder;

use crate::{
    refusal::{self, NOT_GOOD, Refusal},
    target::{Account, Target},
    terminal::{self, Complaint},
};

/// Runs `command` to its end: its exit code, or what it complains about.
pub(crate) fn run(command: impl Future<Output = Result<u8, Refusal>>) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&[Complaint::new(format!("runtime: {error}"), "close other programs")]);
            return ExitCode::from(NOT_GOOD);
        }
    };
    let code = runtime.block_on(command).unwrap_or_else(|refusal| {
        terminal::complain(&refusal.complaints);
        refusal.code
    });
    // A look-up that still runs keeps nobody waiting.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// AWS, only if it is the account that is meant.
pub(crate) async fn connect(target: &Target) -> Result<Guarded<Aws>, Refusal> {
    let aws = Aws::connect(&target.connection).await?;
    Ok(Guarded::new(aws, target.account.clone()))
}

impl Guarded<Aws> {
    /// Whose function is rolled back: only of the account that is meant.
    pub(crate) async fn identity(&self) -> Result<Identity, Refusal> {
        let identity = self.inner.identity().await.map_err(|error| vec![error])?;
        if let Some(account) = &self.account {
            hold_identity(&identity, account).map_err(|error| vec![error])?;
        }
        Ok(identity)
    }

    /// See [`Aws::region`].
    pub(crate) fn region(&self) -> &str {
        self.inner.region()
    }

    /// See [`Aws::rollback`].
    pub(crate) async fn rollback(&self) -> Result<RolledBack, Refusal> {
        Ok(self.inner.rollback().await.map_err(|error| vec![error])?)
    }

    /// See [`Aws::roll_back`].
    pub(crate) async fn roll_back(&self) -> Result<RolledBack, Refusal> {
        if self.account.is_some() {
            self.identity().await?;
        }
        Ok(self.inner.roll_back().await.map_err(|error| vec![error])?)
    }
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it; all else has it as a parameter")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Refuses credentials of another account than is meant. Where nobody can say whose they are, only an account that was
/// typed is a reason to stop.
pub(crate) async fn hold_against(access: &Access, account: Option<&Account>) -> Result<(), Refusal> {
    let Some(account) = account else { return Ok(()) };
    match access.identity().await {
        Ok(identity) => Ok(hold_identity(&identity, account).map_err(|error| vec![error])?),
        Err(error) if account.said_by == "--account" => Err(vec![error].into()),
        Err(_) => Ok(()),
    }
}

fn hold_identity(identity: &Identity, account: &Account) -> Result<(), Error> {
    let Account { id, said_by } = account;
    if *id == identity.account {
        return Ok(());
    }
    let message = format!(
        "the credentials are of account {} ({}), and {said_by} says {id}",
        identity.account, identity.arn
    );
    Err(Error::new(ErrorKind::Credentials, "account", message)
        .hint("--profile or AWS_PROFILE chooses other credentials; --account and --context what is meant"))
}

/// What is asked for, as far as that can be told without asking anybody.
#[derive(Debug)]
pub(crate) struct Asked {
    request: Request,
    /// Whether nothing is said about who manages the cluster: then it is as an earlier onboarding has it.
    is_open: bool,
}

impl Asked {
    /// Validates `request`: all that is wrong, with what was found wrong before.
    pub(crate) fn read(request: Request, mut complaints: Vec<Complaint>) -> Result<Self, Refusal> {
        let is_open = request.mode.is_empty() && request.principal.is_none() && request.external_id.is_none();
        if let Err(faults) = request.clone().validate() {
            let said = |field: &str| {
                complaints.iter().any(|complaint| complaint.error.starts_with(&format!("--{field}")))
            };
            let fresh = faults.0.iter().filter(|fault| {
                let field = fault.field.as_str();
                let is_left_open = is_open && matches!(field, "principal" | "external-id" | "rotate-key");
                !is_left_open && !said(field)
            });
            let fresh: Vec<_> = fresh.map(refusal::of_fault).collect();
            complaints.extend(fresh);
        }
        if complaints.is_empty() {
            Ok(Self { request, is_open })
        } else {
            Err(Refusal::wrong_call(complaints))
        }
    }
}

/// A provider that refuses credentials of another account.
pub(crate) struct Guarded<P> {
    inner: P,
    account: Option<Account>,
    /// Facts that were looked up to find out what to ask for; good for one plan.
    fresh: Mutex<Option<Facts>>,
}

impl<P: Provider> Guarded<P> {
    pub(crate) fn new(inner: P, account: Option<Account>) -> Self {
        Self { inner, account, fresh: Mutex::new(None) }
    }

    /// The spec: what is left open is as an earlier onboarding has it.
    pub(crate) async fn spec(&self, asked: Asked) -> Result<Spec, Refusal> {
        let mut request = asked.request;
        if asked.is_open {
            let facts = self.facts(&request.cluster).await?;
            if facts.cluster.is_gone() {
                return Err(Refusal::wrong_call(vec![no_such_cluster(&facts)]));
            }
            request = recall(request, &facts, &self.inner).await?;
            *self.fresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        }
        request.validate().map_err(|faults| PlanError::from(faults).into())
    }

    /// The spec of a cluster that is onboarded.
    pub(crate) async fn spec_of_onboarded(&self, asked: Asked) -> Result<Spec, Refusal> {
        let cluster = asked.request.cluster.clone();
        let is_open = asked.is_open;
        let facts = self.facts(&cluster).await?;
        let is_registered = facts.register.contains(&(facts.region.clone(), cluster.clone()));
        if is_open && !is_registered && !facts.cluster.is_gone() {
            let complaint = Complaint::new(
                format!(
                    "cluster {cluster} in {} of account {} is not onboarded",
                    facts.region, facts.identity.account
                ),
                "`cast-spot onboard` does it; --region and --profile choose where to look",
            );
            return Err(Refusal { complaints: vec![complaint], code: NOT_GOOD });
        }
        *self.fresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        self.spec(asked).await
    }

    fn hold_against(&self, facts: &Facts) -> Result<(), Vec<Error>> {
        match &self.account {
            Some(account) => hold_identity(&facts.identity, account).map_err(|error| vec![error]),
            None => Ok(()),
        }
    }
}

fn no_such_cluster(facts: &Facts) -> Complaint {
    let (cluster, region, account) = (&facts.cluster.name, &facts.region, &facts.identity.account);
    Complaint::new(
        format!("--cluster {cluster}: there is no such cluster in {region} of account {account}"),
        "`aws eks list-clusters` shows the clusters; --region and --profile choose where to look",
    )
}

impl<P: Provider> Provider for Guarded<P> {
    async fn facts(&self, cluster: &str) -> Result<Facts, Vec<Error>> {
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(facts) = fresh {
            return Ok(facts);
        }
        let facts = self.inner.facts(cluster).await?;
        self.hold_against(&facts)?;
        Ok(facts)
    }

    async fn observe(&self, facts: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        self.inner.observe(facts, resources).await
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        self.inner.create(resource).await
    }

    async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        self.inner.update(resource, changes, revision).await
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        self.inner.delete(resource).await
    }

    async fn instances_with(&self, role: &str) -> Result<Vec<String>, Error> {
        self.inner.instances_with(role).await
    }

    async fn pause(&self, round: u32) {
        self.inner.pause(round).await;
    }

    async fn check(&self, facts: &Facts, checks: &[Check]) -> Vec<Result<Verdict, Error>> {
        self.inner.check(facts, checks).await
    }
}

/// Runs something to its end.
#[cfg(test)]
pub(crate) fn run_in_test<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

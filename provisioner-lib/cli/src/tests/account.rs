//! An AWS account and a cluster in memory.

use std::{
    io::{Cursor, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cast_spot_provisioner::{
    apply::CancelToken,
    connect::{self, NamespaceContents, Token},
    facts::{AuthenticationMode, Cluster, CurrentFunction, Facts, Identity, PreviousRuns},
    names::{self, LAMBDA_ROLE, registered},
    onboard,
    plan::{Change, Found, Observed},
    provider::{AccessKey, Error, ErrorKind, Made, Provider},
    resource::{self, Attachment, Function, Id, InlinePolicy, Kind, Principal, Resource, Role},
    spec::{Request, Spec},
    verify::{Check, Verdict},
};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::run_in_test;
use crate::{session::AccountChecked, target::Account};

pub(crate) const PRINCIPAL: &str = "arn:aws:iam::222222222222:user/console";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/SECRET";

/// An account with a cluster `prod`.
pub(crate) struct FakeAccount {
    pub(crate) cluster: Cluster,
    pub(crate) objects: Mutex<Observed>,
    /// Kinds whose writes are refused.
    pub(crate) refused: Vec<Kind>,
    /// Instances that run with the node role.
    pub(crate) instances: Vec<String>,
    /// Unmanaged objects in the agent's namespace.
    pub(crate) unmanaged: Vec<String>,
    /// Parts of our resources that others have added.
    pub(crate) planted: Vec<Resource>,
    /// Whether the caller may not read the agent.
    pub(crate) hides_agent: bool,
    /// Whether checks pass.
    pub(crate) works: bool,
    /// The answer to every check.
    pub(crate) answer: String,
    /// Why the previous access key stays active.
    pub(crate) old_key_stays: Option<String>,
    /// Whether the function has reserved concurrency.
    pub(crate) reserves: bool,
}

impl FakeAccount {
    pub(crate) fn new() -> Self {
        let mut cluster = Cluster::gone("prod", "arn:aws:eks:eu-west-1:111111111111:cluster/prod".to_owned());
        cluster.status = "ACTIVE".to_owned();
        cluster.authentication_mode = AuthenticationMode::ApiAndConfigMap;
        cluster.vpc_id = "vpc-1".to_owned();
        cluster.endpoint = "https://prod.example".to_owned();
        cluster.certificate_authority = "Y2E=".to_owned();
        Self {
            cluster,
            objects: Mutex::default(),
            refused: Vec::new(),
            instances: Vec::new(),
            unmanaged: Vec::new(),
            planted: Vec::new(),
            hides_agent: false,
            works: true,
            answer: "the answer".to_owned(),
            old_key_stays: None,
            reserves: true,
        }
    }

    /// An account that [`spec`] was onboarded to.
    pub(crate) fn onboarded() -> Self {
        Self::onboarded_by(&spec())
    }

    /// An account that `spec` was onboarded to.
    pub(crate) fn onboarded_by(spec: &Spec) -> Self {
        let account = Self::new();
        account.onboard(spec);
        account
    }

    /// The same as [`onboarded`](Self::onboarded), beside a cluster of another region with the documented privilege.
    pub(crate) fn beside_documented() -> Self {
        let account = Self::onboarded();
        let name = names::registration("us-east-1", "far", false);
        let document = serde_json::Value::Null;
        account.put(&InlinePolicy { role: LAMBDA_ROLE.to_owned(), name, document }.into()).unwrap();
        account.change(|resource| match resource {
            Resource::Role(Role { name, tags, .. }) if name == LAMBDA_ROLE => {
                tags.insert(format!("{}0b09a7a", names::TAG_DOCUMENTED), "us-east-1/far".to_owned());
            }
            _ => {}
        });
        account.onboard(&spec());
        account
    }

    fn onboard(&self, spec: &Spec) {
        run_in_test(async {
            let planned = onboard::plan(spec, self).await.unwrap();
            onboard::onboard(spec, planned, self, &CancelToken::new(), &mut |_| {}).await.unwrap();
        });
    }

    /// A provider without an expected account.
    pub(crate) fn unchecked(self) -> AccountChecked<Self> {
        AccountChecked::new(self, None)
    }

    /// A provider whose `--account` is `id`.
    pub(crate) fn expecting(self, id: &str) -> AccountChecked<Self> {
        AccountChecked::new(self, Some(Account { id: id.to_owned(), source: "--account" }))
    }

    /// A further policy of the function's role.
    pub(crate) fn planted() -> Resource {
        let principal = Principal::Role(LAMBDA_ROLE.to_owned());
        let policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
        Attachment { principal, policy_arn }.into()
    }

    /// Changes resources without a call.
    pub(crate) fn change(&self, change: impl Fn(&mut Resource)) {
        let mut objects = self.objects.lock().unwrap();
        objects.values_mut().for_each(|found| change(&mut found.resource));
    }

    fn put(&self, resource: &Resource) -> Result<Made, Error> {
        let id = resource.id();
        if self.refused.contains(&id.kind) {
            let reason = ErrorKind::Denied { action: "iam:CreateRole".to_owned() };
            return Err(Error::new(reason, "iam:CreateRole", "User me is not authorized")
                .hint("`cast-spot policy admin` prints the policy that allows it"));
        }
        let key = AccessKey { id: "AKIAEXAMPLE".to_owned(), secret: SECRET.to_owned() };
        let access_key = (id.kind == Kind::AccessKey).then_some(key);
        let resource = match resource.clone() {
            Resource::AccessKey(resource::AccessKey { user, .. }) => {
                Resource::AccessKey(resource::AccessKey { user, rotate: false })
            }
            other => other,
        };
        self.lock().insert(id, Found::from(resource));
        Ok(Made { access_key, ..Made::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider for FakeAccount {
    async fn facts(&self, cluster: &str) -> Result<Facts, Vec<Error>> {
        let objects = self.lock();
        let policies = objects.keys().filter(|id| id.kind == Kind::InlinePolicy);
        let names =
            policies.filter_map(|id| id.name.strip_prefix(&format!("{LAMBDA_ROLE}/")).map(str::to_owned));
        let register = names.filter_map(|name| {
            registered(&name).map(|found| (found.region.to_owned(), found.cluster.to_owned()))
        });
        let function = objects.values().find_map(|found| match &found.resource {
            Resource::Function(Function { environment, .. }) => {
                let revision = found.revision.clone();
                Some(CurrentFunction { revision, ..CurrentFunction::with(environment) })
            }
            _ => None,
        });
        let role = objects.get(&Id::new(Kind::Role, LAMBDA_ROLE));
        let role_tags = role.and_then(|role| role.resource.tags().cloned()).unwrap_or_default();
        let cluster = if cluster == "prod" {
            self.cluster.clone()
        } else {
            Cluster::gone(cluster, format!("arn:aws:eks:eu-west-1:111111111111:cluster/{cluster}"))
        };
        Ok(Facts {
            identity: Identity {
                partition: "aws".to_owned(),
                account: "111111111111".to_owned(),
                arn: "arn:aws:iam::111111111111:user/me".to_owned(),
            },
            region: "eu-west-1".to_owned(),
            cluster,
            function,
            register: register.collect(),
            earlier: PreviousRuns { role_tags, ..PreviousRuns::default() },
        })
    }

    async fn observe(&self, _: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        if self.hides_agent && resources.iter().any(|resource| resource.id().name.starts_with("Namespace")) {
            let reason = ErrorKind::Denied { action: "get namespaces".to_owned() };
            return Err(vec![Error::new(reason, "get namespaces", "no")]);
        }
        let objects = self.lock();
        let ids = resources.iter().map(|resource| resource.id());
        let found = ids.filter_map(|id| objects.get(&id).map(|found| (id, found.clone())));
        let planted = self.planted.iter().map(|planted| (planted.id(), Found::from(planted.clone())));
        Ok(found.chain(planted).collect())
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        self.put(resource)
    }

    async fn update(&self, resource: &Resource, _: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let warning = self.old_key_stays.clone().filter(|_| resource.id().kind == Kind::AccessKey);
        self.put(resource).map(|made| Made { warning, ..made })
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        if self.refused.contains(&resource.id().kind) {
            return self.put(resource);
        }
        self.lock().remove(&resource.id());
        Ok(Made::default())
    }

    async fn instances_with(&self, _: &str) -> Result<Vec<String>, Error> {
        Ok(self.instances.clone())
    }

    async fn pause(&self, _: u32) {}

    async fn check(&self, _: &Facts, checks: &[Check]) -> Vec<Result<Verdict, Error>> {
        let passes = |check: &Check| match check {
            Check::Reserved { .. } => self.reserves,
            _ => self.works,
        };
        let verdict = |check| Ok(Verdict { passed: passes(check), detail: self.answer.clone() });
        checks.iter().map(verdict).collect()
    }
}

impl NamespaceContents for FakeAccount {
    async fn unmanaged_objects(&self, _: &str) -> Result<Vec<String>, Vec<Error>> {
        Ok(self.unmanaged.clone())
    }
}

/// Installs the agent.
pub(crate) fn connect(account: &FakeAccount) {
    let text = |text: &str| Some(text.to_owned());
    let request = connect::Request {
        cluster: text("prod"),
        region: text("eu-west-1"),
        account: text("111111111111"),
        token: Token::read("t0ken").ok(),
        ..connect::Request::default()
    };
    run_in_test(async {
        let agent = connect::observe("prod", account).await.unwrap();
        let spec = request.complete(Some(&agent)).unwrap();
        let planned = agent.plan(&spec).unwrap();
        connect::connect(&spec, planned, account, &CancelToken::new(), &mut |_| {}).await.unwrap();
    });
}

/// A zip with a program for x86_64.
fn zip() -> Vec<u8> {
    let mut program = vec![0x7f, b'E', b'L', b'F', 2];
    program.resize(18, 0);
    program.extend([0x3e, 0]);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default()).unwrap();
    zip.write_all(&program).unwrap();
    zip.finish().unwrap().into_inner()
}

pub(crate) fn request() -> Request {
    Request {
        cluster: "prod".to_owned(),
        principal: Some(PRINCIPAL.to_owned()),
        external_id: Some("x-1".to_owned()),
        package: Some(zip()),
        package_name: "bootstrap.zip".to_owned(),
        ..Request::default()
    }
}

pub(crate) fn user() -> Request {
    Request { mode: "user".to_owned(), principal: None, external_id: None, ..request() }
}

pub(crate) fn spec() -> Spec {
    request().validate().unwrap()
}

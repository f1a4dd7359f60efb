//! A connection to AWS and the cluster, and the checks before any write.

use cast_spot_cloud::{Access, Connection, MfaDevice};
use cast_spot_provisioner::{
    facts::{Facts, Identity},
    plan::{Change, Observed},
    provider::{Aws, Error, ErrorKind, Made, Provider},
    recall::previous_choices,
    resource::Resource,
    spec::{Request, Spec},
    verify::{Check, Verdict},
};
use jiff::Timestamp;
use tokio::{runtime::Builder, sync::Mutex};

use crate::{
    error::{self, CliError, EXIT_INCOMPLETE, EXIT_USAGE},
    target::{Account, Target},
    terminal::{Diagnostic, Screen},
    zip::Zip,
};

/// Runs `command` on the standard streams.
pub(crate) fn run(command: impl AsyncFnOnce(&mut Screen) -> Result<u8, CliError>) -> u8 {
    let mut screen = Screen::standard();
    let end = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let end = runtime.block_on(command(&mut screen));
            // A DNS look-up that still runs must not delay the exit.
            runtime.shutdown_background();
            end
        }
        Err(error) => {
            Err(CliError::new(EXIT_INCOMPLETE, format!("runtime: {error}"), "close other programs"))
        }
    };
    exit_code(end, &mut screen)
}

/// The exit code of a command. Shows its error, if it has one.
pub(crate) fn exit_code(end: Result<u8, CliError>, screen: &mut Screen) -> u8 {
    end.unwrap_or_else(|error| {
        screen.warn(&error.diagnostics);
        error.code
    })
}

/// Connects to AWS. Every look-up checks the account of `target`.
pub(crate) async fn connect(
    target: &Target,
    as_json: bool,
    screen: &mut Screen,
) -> Result<AccountChecked<Aws>, CliError> {
    let connection = with_mfa_code(&target.connection, as_json, screen).await?;
    Ok(AccountChecked::new(Aws::connect(&connection).await?, target.account.clone()))
}

/// The connection with the code that its profile takes, if a person can be asked for it. Without the code it fails when
/// it is opened.
pub(crate) async fn with_mfa_code(
    connection: &Connection,
    as_json: bool,
    screen: &mut Screen,
) -> Result<Connection, CliError> {
    let mut connection = connection.clone();
    if screen.is_interactive
        && !as_json
        && let Some(device) = connection.mfa_device().await?
    {
        connection.mfa_code = Some(mfa_code(&device, screen)?);
    }
    Ok(connection)
}

fn mfa_code(device: &MfaDevice, screen: &mut Screen) -> Result<String, CliError> {
    Ok(screen.ask(&format!("Code of {} for profile {}: ", device.serial, device.profile))?)
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the only reader of the clock; all else has it as a parameter")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Refuses credentials of another account. If their account cannot be determined, --account is a reason to stop, and the
/// kubeconfig's account one to say so.
pub(crate) async fn check_account(
    access: &Access,
    account: Option<&Account>,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let Some(expected) = account else { return Ok(()) };
    match access.identity().await {
        Ok(identity) => Ok(check_identity(&identity, account)?),
        Err(error) if expected.source == "--account" => Err(error.into()),
        Err(error) => {
            screen.eprint(&format!(
                "note: {error}; so it is not checked that the credentials are of account {}, as {} says\n",
                expected.id, expected.source
            ));
            Ok(())
        }
    }
}

/// Refuses the identity of another account.
pub(crate) fn check_identity(identity: &Identity, account: Option<&Account>) -> Result<(), Error> {
    match account {
        Some(Account { id, source }) if *id != identity.account => {
            let message = format!(
                "the credentials are of account {} ({}), and {source} says {id}",
                identity.account, identity.arn
            );
            let hint = "--profile or AWS_PROFILE chooses other credentials; --account and --context the expected account";
            Err(Error::new(ErrorKind::Credentials, "account", message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// A request that is valid, but may leave the principal open.
#[derive(Debug)]
pub(crate) struct PartialRequest {
    request: Request,
    /// Whether the principal is open: an earlier onboarding decides it.
    is_open: bool,
}

impl PartialRequest {
    /// Validates `request`. Fails with its faults and the earlier `diagnostics`.
    pub(crate) fn read(request: Request, mut diagnostics: Vec<Diagnostic>) -> Result<Self, CliError> {
        let is_open = request.mode.is_empty() && request.principal.is_none() && request.external_id.is_none();
        if let Err(faults) = request.clone().validate() {
            let is_new = |field: &str| {
                let is_open = is_open && matches!(field, "principal" | "external-id" | "rotate-key");
                let option = format!("--{field}");
                !is_open && !diagnostics.iter().any(|earlier| earlier.error.starts_with(&option))
            };
            let new: Vec<_> =
                faults.0.iter().filter(|fault| is_new(&fault.field)).map(error::of_fault).collect();
            diagnostics.extend(new);
        }
        error::check(diagnostics)?;
        Ok(Self { request, is_open })
    }

    /// The zip that was named.
    pub(crate) fn zip(&self) -> Option<Zip> {
        let Request { package, package_name, .. } = &self.request;
        package.as_deref().map(|content| Zip::of(package_name, content))
    }
}

/// A provider that refuses credentials of another account.
pub(crate) struct AccountChecked<P> {
    inner: P,
    account: Option<Account>,
    /// Facts that completed the request. The first plan reuses them.
    recent: Mutex<Option<Facts>>,
}

impl<P: Provider> AccountChecked<P> {
    pub(crate) fn new(inner: P, account: Option<Account>) -> Self {
        Self { inner, account, recent: Mutex::new(None) }
    }

    /// The spec, with open choices of an earlier onboarding.
    pub(crate) async fn spec(&self, partial: PartialRequest) -> Result<Spec, CliError> {
        let mut request = partial.request;
        if partial.is_open {
            let facts = self.facts(&request.cluster).await?;
            if facts.cluster.is_gone() {
                return Err(no_such_cluster(&facts));
            }
            request = previous_choices(request, &facts, &self.inner).await?;
            *self.recent.lock().await = Some(facts);
        }
        Ok(request.validate()?)
    }

    /// The spec of a cluster that has to be onboarded.
    pub(crate) async fn spec_of_onboarded(&self, partial: PartialRequest) -> Result<Spec, CliError> {
        let cluster = &partial.request.cluster;
        let facts = self.facts(cluster).await?;
        let is_registered = facts.register.contains(&(facts.region.clone(), cluster.clone()));
        if partial.is_open && !is_registered && !facts.cluster.is_gone() {
            let (region, account) = (&facts.region, &facts.identity.account);
            let error = format!("cluster {cluster} in {region} of account {account} is not onboarded");
            let hint = "`cast-spot onboard` does it; --region and --profile choose where to look";
            return Err(CliError::new(EXIT_INCOMPLETE, error, hint));
        }
        *self.recent.lock().await = Some(facts);
        self.spec(partial).await
    }
}

fn no_such_cluster(facts: &Facts) -> CliError {
    let (cluster, region, account) = (&facts.cluster.name, &facts.region, &facts.identity.account);
    CliError::new(
        EXIT_USAGE,
        format!("--cluster {cluster}: there is no such cluster in {region} of account {account}"),
        "`aws eks list-clusters` shows the clusters; --region and --profile choose where to look",
    )
}

impl<P: Provider> Provider for AccountChecked<P> {
    async fn facts(&self, cluster: &str) -> Result<Facts, Vec<Error>> {
        if let Some(facts) = self.recent.lock().await.take() {
            return Ok(facts);
        }
        let facts = self.inner.facts(cluster).await?;
        check_identity(&facts.identity, self.account.as_ref()).map_err(|error| vec![error])?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::capture;

    #[test]
    fn the_code_is_asked_for_with_device_and_profile() {
        let (mut screen, out, err) = capture::screen(" 123456\n");
        let device = MfaDevice { profile: "work".to_owned(), serial: "arn:aws:iam::1:mfa/me".to_owned() };
        assert_eq!(mfa_code(&device, &mut screen).unwrap(), "123456");
        assert_eq!(
            (out.text(), err.text()),
            (String::new(), "Code of arn:aws:iam::1:mfa/me for profile work: ".to_owned())
        );
    }
}

//! Profiles with `mfa_serial`: their roles are assumed here, with a code, because aws-config asks for none.

use aws_config::{SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use crate::{
    error::{Error, ErrorKind, with_causes},
    sdk_error::from_sdk,
};

const CALL: &str = "sts:AssumeRole";
const SESSION: &str = "cast-spot";

/// The roles that a profile leads to, one of which takes a code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mfa {
    /// The profile with `mfa_serial`.
    pub(crate) profile: String,
    pub(crate) serial: String,
    pub(crate) source: Source,
    /// In the order in which they are assumed.
    pub(crate) roles: Vec<Role>,
}

/// Whose credentials assume the first role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Profile(String),
    Keys(Credentials),
    /// `credential_source`: a machine, of which there is no person to ask.
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) seconds: Option<i32>,
    pub(crate) serial: Option<String>,
}

/// The device whose code a profile takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// The profile with `mfa_serial`.
    pub profile: String,
    /// Its `mfa_serial`.
    pub serial: String,
}

impl Mfa {
    pub(crate) fn device(&self) -> MfaDevice {
        MfaDevice { profile: self.profile.clone(), serial: self.serial.clone() }
    }

    /// The credentials of the last role.
    pub(crate) async fn assume(
        &self,
        config: &SdkConfig,
        providers: &ProviderConfig,
        code: Option<&str>,
    ) -> Result<SharedCredentialsProvider, Error> {
        let code =
            code.ok_or_else(|| self.refused("it takes a code, and there is no terminal to ask for it"))?;
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.refused("the code is not six digits"));
        }
        let mut credentials = match &self.source {
            Source::Keys(keys) => SharedCredentialsProvider::new(keys.clone()),
            Source::Profile(name) => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder().configure(providers).profile_name(name).build(),
            ),
            Source::Unknown => {
                return Err(self.refused("it has no source_profile whose credentials go with the code"));
            }
        };
        for role in &self.roles {
            let config = config.to_builder().credentials_provider(credentials).build();
            credentials = SharedCredentialsProvider::new(role.assume(&config, code).await?);
        }
        Ok(credentials)
    }

    fn refused(&self, problem: &str) -> Error {
        let Self { profile, serial, .. } = self;
        let hint = format!(
            "run it at a terminal and without --json, or `eval \"$(aws configure export-credentials --profile {profile} \
             --format env)\"`, which asks for the code, and then without --profile; or set the keys that `aws sts \
             get-session-token --serial-number {serial} --token-code CODE` prints"
        );
        let message = format!("profile {profile} has mfa_serial {serial}: {problem}");
        Error::new(ErrorKind::Credentials, CALL, message).hint(hint)
    }
}

impl Role {
    async fn assume(&self, config: &SdkConfig, code: &str) -> Result<Credentials, Error> {
        let answer = aws_sdk_sts::Client::new(config)
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(self.session_name.as_deref().unwrap_or(SESSION))
            .set_external_id(self.external_id.clone())
            .set_duration_seconds(self.seconds)
            .set_serial_number(self.serial.clone())
            .set_token_code(self.serial.as_ref().map(|_| code.to_owned()))
            .send()
            .await;
        let answer = answer.map_err(|error| self.refused(from_sdk(CALL)(error)))?;
        let of_role =
            answer.credentials.ok_or_else(|| Error::other(CALL, "an answer without credentials"))?;
        let until = of_role.expiration.try_into();
        let until = until.map_err(|error| Error::other(CALL, with_causes(&error)))?;
        let token = Some(of_role.session_token);
        Ok(Credentials::new(of_role.access_key_id, of_role.secret_access_key, token, Some(until), "mfa"))
    }

    /// Only a denial is about the code or the role; any other failure keeps its own hint.
    fn refused(&self, error: Error) -> Error {
        let Error { reason, message, hint, .. } = error;
        let message = format!("{} is not assumed: {message}", self.arn);
        match (reason, &self.serial) {
            (ErrorKind::Denied { .. }, Some(_)) => Error::new(ErrorKind::Credentials, CALL, message)
                .hint("a code is good once: wait for the next one; it has to be of the device in mfa_serial"),
            (ErrorKind::Denied { .. }, None) => Error::new(ErrorKind::Credentials, CALL, message)
                .hint("the role's trust policy has to allow the identity of its source_profile"),
            (reason, _) => Error { hint, ..Error::new(reason, CALL, message) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    fn mfa(source: Source) -> Mfa {
        let role = |name: &str, serial: Option<&str>| Role {
            arn: format!("arn:aws:iam::111122223333:role/{name}"),
            external_id: serial.map(|_| "e-1".to_owned()),
            session_name: None,
            seconds: serial.map(|_| 7_200),
            serial: serial.map(str::to_owned),
        };
        let roles = vec![role("x", Some("device")), role("y", None)];
        Mfa { profile: "work".to_owned(), serial: "device".to_owned(), source, roles }
    }

    fn keys() -> Source {
        Source::Keys(Credentials::new("AKIA", "secret", None, None, "test"))
    }

    async fn assume(mfa: &Mfa, code: Option<&str>, status: u16) -> (Result<(), Error>, Vec<String>) {
        let (config, asked) = wire::config(move |_| {
            let expiry = "<Expiration>2030-01-01T00:00:00Z</Expiration>";
            let keys = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>";
            let answer = if status == 200 {
                format!("<AssumeRoleResult><Credentials>{keys}{expiry}</Credentials></AssumeRoleResult>")
            } else {
                "<Error><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed</Message></Error>"
                    .to_owned()
            };
            let name = if status == 200 { "AssumeRoleResponse" } else { "ErrorResponse" };
            (status, format!("<{name}>{answer}</{name}>"))
        });
        let done = mfa.assume(&config, &ProviderConfig::empty(), code).await.map(|_| ());
        let asked = asked.lock().unwrap().clone();
        (done, asked)
    }

    #[tokio::test]
    async fn the_code_goes_with_the_role_that_takes_it() {
        let (done, asked) = assume(&mfa(keys()), Some("123456"), 200).await;
        assert_eq!((done, asked.len()), (Ok(()), 2));
        for part in
            ["role%2Fx", "SerialNumber=device", "TokenCode=123456", "ExternalId=e-1", "DurationSeconds=7200"]
        {
            assert!(asked[0].contains(part), "{part}: {}", asked[0]);
        }
        assert!(asked[1].contains("role%2Fy") && !asked[1].contains("TokenCode"), "{}", asked[1]);
    }

    #[tokio::test]
    async fn without_a_good_code_nothing_is_called() {
        for (source, code, problem) in [
            (keys(), None, "no terminal"),
            (keys(), Some("12345"), "six digits"),
            (keys(), Some("12345a"), "six digits"),
            (Source::Unknown, Some("123456"), "no source_profile"),
        ] {
            let (done, asked) = assume(&mfa(source), code, 200).await;
            let error = done.unwrap_err();
            assert!(error.message.contains("profile work has mfa_serial device"), "{error}");
            assert!(error.message.contains(problem) && asked.is_empty(), "{error}");
            assert!(error.hint.unwrap().contains("export-credentials --profile work"));
        }
    }

    #[tokio::test]
    async fn a_refused_code_is_a_matter_of_credentials() {
        let (done, _) = assume(&mfa(keys()), Some("123456"), wire::LOST).await;
        let error = done.unwrap_err();
        assert_eq!(error.reason, ErrorKind::Unreachable, "it is not the code's fault: {error}");
        assert!(error.hint.unwrap().contains("HTTPS_PROXY"));
        let (done, _) = assume(&mfa(keys()), Some("123456"), 403).await;
        let error = done.unwrap_err();
        assert_eq!(error.reason, ErrorKind::Credentials);
        assert!(error.message.contains("role/x is not assumed: MultiFactorAuthentication failed"), "{error}");
        assert!(error.hint.unwrap().contains("wait for the next one"));
    }
}

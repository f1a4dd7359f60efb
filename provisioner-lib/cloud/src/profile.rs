//! The profile in `~/.aws`, as far as aws-config leaves it aside: whether there is one, its CA bundle, and the roles
//! that take an MFA code ("Shared config and credentials files" in the AWS SDKs and Tools Reference Guide).

use std::borrow::Cow;

use aws_config::profile::{self, Profile, ProfileSet};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use crate::{
    error::{Error, ErrorKind, with_causes},
    mfa::{Mfa, Role, Source},
};

/// Names the step in errors.
const CALL: &str = "profile";

/// The profiles of `~/.aws`, and the chosen one.
pub(crate) struct Profiles {
    set: ProfileSet,
    env: Env,
    /// Whether it is named by an option, and not by the environment.
    is_explicit: bool,
}

impl Profiles {
    /// Reads the files. `name` is the profile of an option; without it the environment's or the default one counts.
    pub(crate) async fn load(name: Option<&str>, env: Env, fs: &Fs) -> Result<Self, Error> {
        let chosen = name.map(|name| Cow::Owned(name.to_owned()));
        let set = profile::load(fs, &env, &EnvConfigFiles::default(), chosen).await.map_err(|error| {
            Error::new(ErrorKind::Credentials, CALL, with_causes(&error))
                .hint("mend ~/.aws/config or ~/.aws/credentials; `aws configure list` reads the same files")
        })?;
        let selected = set.selected_profile();
        if selected != "default" && set.get_profile(selected).is_none() {
            let message = format!("there is no profile `{selected}` in ~/.aws/config and ~/.aws/credentials");
            return Err(Error::new(ErrorKind::Credentials, CALL, message)
                .hint("`aws configure list-profiles` shows them; --profile or AWS_PROFILE chooses one"));
        }
        Ok(Self { set, env, is_explicit: name.is_some() })
    }

    /// The file of certificates that is trusted beside Mozilla's, and the setting that names it.
    pub(crate) fn ca_bundle(&self) -> Option<(String, String)> {
        let selected = self.set.selected_profile();
        let variable = self.env.get("AWS_CA_BUNDLE").ok().map(|path| ("AWS_CA_BUNDLE".to_owned(), path));
        let setting = || {
            let path = self.set.get_profile(selected)?.get("ca_bundle")?;
            Some((format!("ca_bundle of profile {selected}"), path.to_owned()))
        };
        variable.filter(|(_, path)| !path.is_empty()).or_else(setting)
    }

    /// The chosen profile, if its credentials count: those of the environment do before a profile that no option names.
    fn in_force(&self) -> Option<&str> {
        let is_set = |name| self.env.get(name).is_ok_and(|value| !value.trim().is_empty());
        let has_keys = is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY");
        (self.is_explicit || !has_keys).then(|| self.set.selected_profile())
    }

    /// The roles of the profile in force, if one of them takes an MFA code. aws-config would leave the code out.
    pub(crate) fn mfa(&self) -> Option<Mfa> {
        let selected = self.in_force()?;
        let mut roles = Vec::new();
        let (mut name, mut visited, mut taking) = (selected, Vec::new(), None);
        let source = loop {
            // A gap or a circle is left to aws-config, which names it.
            let profile = self.set.get_profile(name).filter(|_| !visited.contains(&name))?;
            visited.push(name);
            let is_chained = visited.len() > 1 && keys(profile).is_some();
            let role = role(profile).filter(|_| !is_chained);
            // Below the role that takes the code, the rest is aws-config's.
            let (Some(role), None) = (role, &taking) else { break Source::Profile(name.to_owned()) };
            if role.serial.is_some() {
                taking = Some((name, role.serial.clone().unwrap_or_default()));
            }
            roles.push(role);
            match profile.get("source_profile") {
                Some(source) if source != name => name = source,
                source => {
                    break source.and_then(|_| keys(profile)).map_or(Source::Unknown, Source::Keys);
                }
            }
        };
        roles.reverse();
        taking.map(|(profile, serial)| Mfa { profile: profile.to_owned(), serial, source, roles })
    }
}

fn role(profile: &Profile) -> Option<Role> {
    if profile.get("web_identity_token_file").is_some() {
        return None;
    }
    let text = |name| profile.get(name).map(str::to_owned);
    Some(Role {
        arn: text("role_arn")?,
        external_id: text("external_id"),
        session_name: text("role_session_name"),
        seconds: profile.get("duration_seconds").and_then(|seconds| seconds.parse().ok()),
        serial: text("mfa_serial"),
    })
}

fn keys(profile: &Profile) -> Option<Credentials> {
    let id = profile.get("aws_access_key_id")?;
    let secret = profile.get("aws_secret_access_key")?;
    let token = profile.get("aws_session_token").map(str::to_owned);
    Some(Credentials::new(id, secret, token, None, "profile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
[profile base]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = secret
ca_bundle = /base.pem
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = base
mfa_serial = arn:aws:iam::111122223333:mfa/me
external_id = e-1
duration_seconds = 7200
[profile second]
role_arn = arn:aws:iam::111122223333:role/y
source_profile = mfa
[profile own-keys]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = own-keys
mfa_serial = 111111
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = secret
[profile below]
role_arn = arn:aws:iam::111122223333:role/z
source_profile = plain
mfa_serial = 222222
[profile plain]
role_arn = arn:aws:iam::111122223333:role/p
source_profile = base
[profile named]
role_arn = arn:aws:iam::111122223333:role/x
credential_source = Ec2InstanceMetadata
mfa_serial = 333333
[profile circle]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = circle2
mfa_serial = 444444
[profile circle2]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = circle
";

    async fn load(name: Option<&str>, variables: &[(&str, &str)]) -> Result<Profiles, Error> {
        let variables = [&[("HOME", "/h")], variables].concat();
        Profiles::load(name, Env::from_slice(&variables), &Fs::from_slice(&[("/h/.aws/config", FILE)])).await
    }

    #[tokio::test]
    async fn the_role_that_takes_a_code_is_found_in_its_chain() {
        let base = || Source::Profile("base".to_owned());
        let keys = Source::Keys(Credentials::new("AKIAEXAMPLE", "secret", None, None, "profile"));
        for (name, found) in [
            ("base", None),
            ("plain", None),
            // aws-config names the circle, once it goes around it.
            ("circle", Some(("circle", Source::Profile("circle2".to_owned()), "role/x"))),
            ("mfa", Some(("mfa", base(), "role/x"))),
            ("second", Some(("mfa", base(), "role/x role/y"))),
            ("own-keys", Some(("own-keys", keys, "role/x"))),
            ("below", Some(("below", Source::Profile("plain".to_owned()), "role/z"))),
            ("named", Some(("named", Source::Unknown, "role/x"))),
        ] {
            let mfa = load(Some(name), &[]).await.unwrap().mfa();
            let of = |role: &Role| role.arn.rsplit(':').next().unwrap().to_owned();
            let roles = |mfa: &Mfa| mfa.roles.iter().map(of).collect::<Vec<_>>().join(" ");
            let mfa = mfa.map(|mfa| (mfa.profile.clone(), mfa.source.clone(), roles(&mfa)));
            let expected =
                found.map(|(profile, source, roles)| (profile.to_owned(), source, roles.to_owned()));
            assert_eq!(mfa, expected, "{name}");
        }
        let mfa = load(Some("mfa"), &[]).await.unwrap().mfa().unwrap();
        assert_eq!(mfa.serial, "arn:aws:iam::111122223333:mfa/me");
        assert_eq!((mfa.roles[0].external_id.as_deref(), mfa.roles[0].seconds), (Some("e-1"), Some(7200)));
    }

    #[tokio::test]
    async fn environment_keys_precede_a_profile_that_no_option_names() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_PROFILE", "mfa")];
        let from_environment = load(None, &keys).await.unwrap();
        assert_eq!((from_environment.in_force(), from_environment.mfa().is_none()), (None, true));
        assert_eq!(load(Some("mfa"), &keys).await.unwrap().in_force(), Some("mfa"));
        assert_eq!(load(None, &keys[2..]).await.unwrap().in_force(), Some("mfa"));
    }

    #[tokio::test]
    async fn a_profile_that_does_not_exist_is_named() {
        for (name, variables) in [(Some("nowhere"), vec![]), (None, vec![("AWS_PROFILE", "nowhere")])] {
            let error = load(name, &variables).await.err().unwrap();
            assert!(error.to_string().contains("no profile `nowhere`"), "{error}");
            assert!(error.hint.unwrap().contains("list-profiles"));
        }
        assert!(load(None, &[]).await.is_ok(), "the default one may be missing");
    }

    #[tokio::test]
    async fn the_variable_precedes_the_profile_s_ca_bundle() {
        let bundle = async |name, variables| load(Some(name), variables).await.unwrap().ca_bundle();
        let of_profile = ("ca_bundle of profile base".to_owned(), "/base.pem".to_owned());
        assert_eq!(bundle("base", &[]).await, Some(of_profile.clone()));
        assert_eq!(bundle("base", &[("AWS_CA_BUNDLE", "")]).await, Some(of_profile));
        let of_variable = ("AWS_CA_BUNDLE".to_owned(), "/v.pem".to_owned());
        assert_eq!(bundle("base", &[("AWS_CA_BUNDLE", "/v.pem")]).await, Some(of_variable));
        assert_eq!(bundle("mfa", &[]).await, None);
    }
}

//! Access keys. A user has two at most ("IAM and AWS STS quotas" in the IAM User Guide), and only a new one shows
//! its secret.

use aws_sdk_iam::{
    config::{Config, retry::RetryConfig},
    types::{AccessKeyMetadata, StatusType},
};
use futures_util::future::join_all;

use super::Iam;
use crate::{
    observed::Found,
    provider::{
        AccessKey, Error, ErrorKind, Made, error,
        propagation::{KNOWN_TO_IAM, is_unseen, retry_until_consistent},
    },
    resource::{self, Principal, Resource},
};

const MOST: usize = 2;
/// What to do when the answer with the secret was lost.
const LOST: &str =
    "the same command with --rotate-key makes a key whose secret you see, and switches off those before it";

impl Iam {
    /// There is a key as soon as one works: one that is switched off opens nothing.
    pub(super) async fn key(
        &self,
        principal: &Principal,
        wanted: &[&Resource],
    ) -> Result<Option<Found>, Error> {
        let is_wanted = |resource: &&Resource| matches!(resource, Resource::AccessKey(resource::AccessKey { user, .. }) if *principal == Principal::User(user.clone()));
        if !wanted.iter().any(is_wanted) {
            return Ok(None);
        }
        let keys = self.keys(principal.name()).await?;
        let found = || {
            Found::from(Resource::AccessKey(resource::AccessKey {
                user: principal.name().to_owned(),
                rotate: false,
            }))
        };
        Ok(keys.iter().any(is_active).then(found))
    }

    async fn keys(&self, user: &str) -> Result<Vec<AccessKeyMetadata>, Error> {
        let answer = self.client.list_access_keys().user_name(user).send().await;
        Ok(error::optional("iam:ListAccessKeys", answer)?
            .map(|page| page.access_key_metadata)
            .unwrap_or_default())
    }

    /// A new key. Of two old ones, one that is switched off makes room.
    pub(super) async fn create_key(&self, user: &str) -> Result<Made, Error> {
        let old = self.keys(user).await?;
        self.new_key(user, &old).await
    }

    /// A new key first; only then are the old ones switched off, so that there is always one that works. They stay,
    /// to be switched on again if something still needs them.
    pub(super) async fn rotate_key(&self, user: &str) -> Result<Made, Error> {
        let old = self.keys(user).await?;
        let made = self.new_key(user, &old).await?;
        let switched = old.iter().filter(|key| is_active(key)).map(async |key| {
            let id = key.access_key_id.clone().unwrap_or_default();
            let call = self
                .client
                .update_access_key()
                .user_name(user)
                .access_key_id(id)
                .status(StatusType::Inactive);
            // The new key would be lost with an error here. What is still on is seen by whoever looks.
            error::ok_if_absent("iam:UpdateAccessKey", call.send().await)
        });
        let failed: Vec<String> = join_all(switched)
            .await
            .into_iter()
            .filter_map(Result::err)
            .map(|error| error.to_string())
            .collect();
        let warning =
            (!failed.is_empty()).then(|| format!("an old key is still active: {}", failed.join("; ")));
        Ok(Made { warning, ..made })
    }

    async fn new_key(&self, user: &str, old: &[AccessKeyMetadata]) -> Result<Made, Error> {
        if old.len() >= MOST {
            let unused = old
                .iter()
                .filter(|key| !is_active(key))
                .min_by_key(|key| key.create_date.map(|date| date.secs()));
            let Some(unused) = unused else {
                let message = format!("{user} has two active access keys, and IAM allows no third");
                let hint = format!(
                    "`aws iam list-access-keys --user-name {user}` shows them; delete the one that nobody uses"
                );
                return Err(Error::new(ErrorKind::Limit, "iam:CreateAccessKey", message).hint(hint));
            };
            self.delete_key(user, unused.access_key_id().unwrap_or_default()).await?;
        }
        match self.ask_for_key(user).await {
            Err(error) if is_unsure(&error) => self.after_silence(user, old, error).await,
            other => other,
        }
    }

    /// Asks once: a request that is made again because its answer was lost makes another key, and nobody would ever see
    /// the secret of the first. What IAM has refused is asked for again.
    async fn ask_for_key(&self, user: &str) -> Result<Made, Error> {
        let once = || {
            let call = self.client.create_access_key().user_name(user).customize();
            call.config_override(Config::builder().retry_config(RetryConfig::disabled())).send()
        };
        let answer =
            retry_until_consistent("iam:CreateAccessKey", KNOWN_TO_IAM, is_refused_for_now, once).await?;
        let access_key =
            answer.access_key.map(|key| AccessKey { id: key.access_key_id, secret: key.secret_access_key });
        Ok(Made { access_key, ..Made::default() })
    }

    /// No answer: there is a new key, or there is none. A key is never deleted here: another run may have made it.
    async fn after_silence(
        &self,
        user: &str,
        old: &[AccessKeyMetadata],
        error: Error,
    ) -> Result<Made, Error> {
        let known: Vec<_> = old.iter().map(AccessKeyMetadata::access_key_id).collect();
        let now = self.keys(user).await.map_err(|_| error.clone().hint(LOST))?;
        let Some(new) = now.iter().find(|key| !known.contains(&key.access_key_id())) else {
            return self
                .ask_for_key(user)
                .await
                .map_err(|again| if is_unsure(&again) { again.hint(LOST) } else { again });
        };
        let id = new.access_key_id().unwrap_or_default();
        let message = format!("{}; the key {id} was made meanwhile", error.message);
        Err(Error::new(ErrorKind::Unreachable, error.call, message).hint(LOST))
    }

    pub(super) async fn delete_keys(&self, user: &str) -> Result<(), Error> {
        let keys = self.keys(user).await?;
        let ids: Vec<&str> = keys.iter().filter_map(AccessKeyMetadata::access_key_id).collect();
        join_all(ids.into_iter().map(|id| self.delete_key(user, id))).await.into_iter().collect()
    }

    async fn delete_key(&self, user: &str, id: &str) -> Result<(), Error> {
        let call = self.client.delete_access_key().user_name(user).access_key_id(id);
        error::ok_if_absent("iam:DeleteAccessKey", call.send().await)
    }
}

/// Whether a key may have been made all the same: no answer, or one that IAM did not finish ("Common errors" in the IAM
/// API reference).
fn is_unsure(error: &Error) -> bool {
    let is_broken = |code: &&str| error.message.contains(*code);
    error.reason == ErrorKind::Unreachable
        || ["ServiceUnavailable", "ServiceFailure", "InternalFailure"].iter().any(is_broken)
}

/// Not made, and to be asked for again ("Common errors" in the IAM API reference).
fn is_refused_for_now(code: &str, message: &str) -> bool {
    is_unseen(code, message) || ["Throttling", "ThrottlingException", "RequestLimitExceeded"].contains(&code)
}

fn is_active(key: &AccessKeyMetadata) -> bool {
    key.status == Some(StatusType::Active)
}

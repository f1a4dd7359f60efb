//! Access keys. A user has two at most ("IAM and AWS STS quotas" in the IAM User Guide), and only a new one shows
//! its secret.

use aws_sdk_iam::{
    Client,
    config::{Config, retry::RetryConfig},
    types::{AccessKeyMetadata, StatusType},
};
use futures_util::future::join_all;

use super::AccessKey;
use crate::provider::live::prelude::*;

const MOST: usize = 2;
/// What to do when the answer with the secret was lost.
const LOST: &str =
    "the same command with --rotate-key makes a key whose secret you see, and switches off those before it";

impl Live<Client> for AccessKey {
    const IS_PART: bool = true;

    /// There is a key as soon as one works: one that is switched off opens nothing. Of two that work, which one was made
    /// here is not known: the later one is named by its id.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let found = wanted.iter().map(async |wanted| {
            let mut keys = match wanted.keys(client).await {
                Ok(keys) => keys,
                Err(error) => return vec![Err(error)],
            };
            keys.retain(is_active);
            keys.sort_by_key(|key| key.create_date.map(|date| date.secs()));
            let user = &wanted.user;
            let further = keys.iter().skip(1).filter_map(AccessKeyMetadata::access_key_id);
            let users = keys.first().map(|_| user.clone()).into_iter();
            let users = users.chain(further.map(|id| format!("{user}/{id}")));
            users.map(|user| Ok(Found::from(Self { user, rotate: false }))).collect()
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    /// A new key. Of two old ones, one that is switched off makes room.
    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let old = self.keys(client).await?;
        self.new_key(client, &old).await
    }

    /// A new key first; only then are the old ones switched off, so that there is always one that works. They stay,
    /// to be switched on again if something still needs them.
    async fn update(&self, client: &Client, _: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let old = self.keys(client).await?;
        let made = self.new_key(client, &old).await?;
        let switched = old.iter().filter(|key| is_active(key)).map(async |key| {
            let id = key.access_key_id.clone().unwrap_or_default();
            let call = client
                .update_access_key()
                .user_name(&self.user)
                .access_key_id(&id)
                .status(StatusType::Inactive);
            // The new key would be lost with an error here.
            let answer = error::ok_if_absent("iam:UpdateAccessKey", call.send().await);
            answer.map_err(|error| {
                let off = format!(
                    "update-access-key --user-name {} --access-key-id {id} --status Inactive",
                    self.user
                );
                format!("the old key {id} is still active ({error}); `aws iam {off}` disables it")
            })
        });
        let failed: Vec<String> = join_all(switched).await.into_iter().filter_map(Result::err).collect();
        Ok(Made { warning: (!failed.is_empty()).then(|| failed.join("; ")), ..made })
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        self.delete_all(client).await.map(Made::alone)
    }
}

impl AccessKey {
    async fn keys(&self, client: &Client) -> Result<Vec<AccessKeyMetadata>, Error> {
        let answer = client.list_access_keys().user_name(&self.user).send().await;
        Ok(error::optional("iam:ListAccessKeys", answer)?
            .map(|page| page.access_key_metadata)
            .unwrap_or_default())
    }

    /// Ids of those that are disabled.
    pub(in crate::resource) async fn disabled(&self, client: &Client) -> Result<Vec<String>, Error> {
        let keys = self.keys(client).await?.into_iter().filter(|key| !is_active(key));
        Ok(keys.filter_map(|key| key.access_key_id).collect())
    }

    async fn new_key(&self, client: &Client, old: &[AccessKeyMetadata]) -> Result<Made, Error> {
        if old.len() >= MOST {
            let unused = old
                .iter()
                .filter(|key| !is_active(key))
                .min_by_key(|key| key.create_date.map(|date| date.secs()));
            let Some(unused) = unused else {
                let message = format!("{} has two active access keys, and IAM allows no third", self.user);
                let hint = format!(
                    "`aws iam list-access-keys --user-name {}` shows them; delete the one that is not in use",
                    self.user
                );
                return Err(Error::new(ErrorKind::Limit, "iam:CreateAccessKey", message).hint(hint));
            };
            self.delete_key(client, unused.access_key_id().unwrap_or_default()).await?;
        }
        match self.ask_for_key(client).await {
            Err(error) if is_unsure(&error) => self.after_silence(client, old, error).await,
            other => other,
        }
    }

    /// Asks once: a retry after a lost answer would create a second key, and no one would ever see
    /// the secret of the first. What IAM has refused is asked for again.
    async fn ask_for_key(&self, client: &Client) -> Result<Made, Error> {
        let once = || {
            let call = client.create_access_key().user_name(&self.user).customize();
            call.config_override(Config::builder().retry_config(RetryConfig::disabled())).send()
        };
        let answer =
            retry_until_consistent("iam:CreateAccessKey", KNOWN_TO_IAM, is_refused_for_now, once).await?;
        let access_key = answer
            .access_key
            .map(|key| crate::provider::AccessKey { id: key.access_key_id, secret: key.secret_access_key });
        Ok(Made { access_key, ..Made::default() })
    }

    /// No answer: there is a new key, or there is none. A key is never deleted here: another run may have made it.
    async fn after_silence(
        &self,
        client: &Client,
        old: &[AccessKeyMetadata],
        error: Error,
    ) -> Result<Made, Error> {
        let known: Vec<_> = old.iter().map(AccessKeyMetadata::access_key_id).collect();
        let now = self.keys(client).await.map_err(|_| error.clone().hint(LOST))?;
        let Some(new) = now.iter().find(|key| !known.contains(&key.access_key_id())) else {
            return self
                .ask_for_key(client)
                .await
                .map_err(|again| if is_unsure(&again) { again.hint(LOST) } else { again });
        };
        let id = new.access_key_id().unwrap_or_default();
        let message = format!("{}; the key {id} was made meanwhile", error.message);
        Err(Error::new(ErrorKind::Unreachable, error.call, message).hint(LOST))
    }

    pub(in crate::resource) async fn delete_all(&self, client: &Client) -> Result<(), Error> {
        let keys = self.keys(client).await?;
        let ids: Vec<&str> = keys.iter().filter_map(AccessKeyMetadata::access_key_id).collect();
        join_all(ids.into_iter().map(|id| self.delete_key(client, id))).await.into_iter().collect()
    }

    async fn delete_key(&self, client: &Client, id: &str) -> Result<(), Error> {
        let call = client.delete_access_key().user_name(&self.user).access_key_id(id);
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

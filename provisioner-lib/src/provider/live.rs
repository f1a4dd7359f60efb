//! Resources as AWS and Kubernetes have them: what each kind does with its API.

use std::future::Future;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use cast_spot_cloud::Failure;
use futures_util::future::join_all;

use super::{Error, Made, error};
use crate::{
    facts::AuthenticationMode,
    observed::Found,
    resource::{Change, Describe, Id, TagChanges, Tags},
};

/// What the code of each kind is written with.
pub(crate) mod prelude {
    pub(crate) use super::{Live, Sight};
    pub(crate) use crate::{
        observed::Found,
        provider::{Error, ErrorKind, Made, error, propagation::*},
        resource::{Change, TagChanges, Tags, touches},
    };
}

/// What an observation may depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// What the cluster looks at to let principals in.
    pub(crate) mode: AuthenticationMode,
    /// Resources that have been observed before the parts of others.
    pub(crate) seen: &'a [Found],
}

impl Sight<'_> {
    /// The revision of a resource that has been observed.
    pub(crate) fn revision(&self, id: &Id) -> Option<String> {
        self.seen.iter().find(|found| found.resource.id() == *id)?.revision.clone()
    }
}

/// A kind of resource at its API, by a client of that. Writes can be repeated, see [`super::Provider`].
pub(crate) trait Live<Client>: Describe + Sized {
    /// Whether it is a part of the first resource that it needs: where that does not exist, it is not asked for.
    const IS_PART: bool = false;

    /// Looks at all that are wanted of its kind; where one call shows several, once.
    async fn observe(wanted: &[&Self], client: &Client, sight: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let found = join_all(wanted.iter().map(|wanted| wanted.find(client, sight))).await;
        found.into_iter().filter_map(Result::transpose).collect()
    }

    /// Looks at one.
    async fn find(&self, _: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        Ok(None)
    }

    async fn create(&self, client: &Client) -> Result<Made, Error>;

    /// By default, to create it again puts it in the place of what was found.
    async fn update(&self, client: &Client, _: &[Change], _: Option<&str>) -> Result<Made, Error> {
        self.create(client).await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error>;
}

impl TagChanges {
    /// Sets and removes the tags, each by one call if there are any. The calls are named as IAM names their actions.
    pub(crate) async fn apply<S, SO, SE: Failure, U, UO, UE: Failure>(
        self,
        set: (&str, impl FnOnce(Tags) -> S),
        unset: (&str, impl FnOnce(Vec<String>) -> U),
    ) -> Result<Made, Error>
    where
        S: Future<Output = Result<SO, SdkError<SE, HttpResponse>>>,
        U: Future<Output = Result<UO, SdkError<UE, HttpResponse>>>,
    {
        if !self.set.is_empty() {
            set.1(self.set).await.map_err(error::from_sdk(set.0))?;
        }
        if !self.removed.is_empty() {
            unset.1(self.removed).await.map_err(error::from_sdk(unset.0))?;
        }
        Ok(Made::default())
    }
}

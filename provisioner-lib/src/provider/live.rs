//! Resources as AWS and Kubernetes have them: what each kind does with its API.

use std::future::Future;

use futures_util::future::join_all;

use super::{Error, Made};
use crate::{
    facts::AuthenticationMode,
    observed::Found,
    resource::{Change, Describe, Id, TagChanges, Tags},
};

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

/// A kind of resource at its API. Writes can be repeated, see [`super::Provider`].
pub(crate) trait Live: Describe + Sized {
    /// Client of the API.
    type Client;

    /// Whether it is a part of the first resource that it needs: where that does not exist, it is not asked for.
    const IS_PART: bool = false;

    /// Looks at all that are wanted of its kind; where one call shows several, once.
    async fn observe(wanted: &[&Self], client: &Self::Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        each(wanted, |wanted| wanted.find(client)).await
    }

    /// Looks at one.
    async fn find(&self, _: &Self::Client) -> Result<Option<Found>, Error> {
        Ok(None)
    }

    async fn create(&self, client: &Self::Client) -> Result<Made, Error>;

    /// By default, to create it again puts it in the place of what was found.
    async fn update(&self, client: &Self::Client, _: &[Change], _: Option<&str>) -> Result<Made, Error> {
        self.create(client).await
    }

    async fn delete(&self, client: &Self::Client) -> Result<Made, Error>;
}

/// Looks at each, all at once.
pub(crate) async fn each<'a, T, F>(wanted: &[&'a T], look: impl Fn(&'a T) -> F) -> Vec<Result<Found, Error>>
where
    F: Future<Output = Result<Option<Found>, Error>>,
{
    let found = join_all(wanted.iter().map(|wanted| look(wanted))).await;
    found.into_iter().filter_map(Result::transpose).collect()
}

impl TagChanges {
    /// Sets and removes the tags, each by one call if there are any.
    pub(crate) async fn apply<S, U>(
        self,
        set: impl FnOnce(Tags) -> S,
        unset: impl FnOnce(Vec<String>) -> U,
    ) -> Result<Made, Error>
    where
        S: Future<Output = Result<(), Error>>,
        U: Future<Output = Result<(), Error>>,
    {
        if !self.set.is_empty() {
            set(self.set).await?;
        }
        if !self.removed.is_empty() {
            unset(self.removed).await?;
        }
        Ok(Made::default())
    }
}

//! All kinds of resources, each by the client of its service.

use super::{
    Error, Made, Services,
    live::{Live, Sight},
};
use crate::{
    facts::AuthenticationMode,
    observed::Found,
    resource::{self, Change, Id, Resource, each, every_kind, function::aws::name_security_groups},
};

/// Observes all kinds at once.
macro_rules! observe_kinds {
    ([$services:expr, $wanted:expr, $sight:expr] $($folder:ident: $kind:ident, $service:ident, $label:literal;)*) => {{
        $(let $folder: Vec<&resource::$kind> = $wanted.iter().filter_map(|wanted| match wanted {
            Resource::$kind(wanted) => Some(wanted),
            _ => None,
        }).collect();)*
        let ($($folder,)*) =
            tokio::join!($(resource::$kind::observe(&$folder, $services.as_ref(), $sight),)*);
        [$($folder,)*].into_iter().flatten().collect::<Vec<_>>()
    }};
}

impl Services {
    /// Wholes first: parts of one that does not exist are not asked for.
    pub(crate) async fn observe(
        &self,
        mode: AuthenticationMode,
        wanted: &[&Resource],
    ) -> Vec<Result<Found, Error>> {
        let (parts, wholes): (Vec<_>, Vec<_>) = wanted.iter().copied().partition(|wanted| is_part(wanted));
        let mut seen = self.look(&wholes, &Sight { mode, seen: &[] }).await;
        let found: Vec<Found> = seen.iter().flatten().cloned().collect();
        let has = |id: &Id| found.iter().any(|found| found.resource.id() == *id);
        let is_absent = |id: &Id| !has(id) && wholes.iter().any(|whole| whole.id() == *id);
        let parts: Vec<_> =
            parts.into_iter().filter(|part| !part.needs().first().is_some_and(is_absent)).collect();
        seen.extend(self.look(&parts, &Sight { mode, seen: &found }).await);
        name_security_groups(&mut seen);
        seen
    }

    async fn look(&self, wanted: &[&Resource], sight: &Sight<'_>) -> Vec<Result<Found, Error>> {
        every_kind!([observe_kinds] self, wanted, sight)
    }

    pub(crate) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        each!(resource, it => it.create(self.as_ref()).await)
    }

    pub(crate) async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        each!(resource, it => it.update(self.as_ref(), changes, revision).await)
    }

    pub(crate) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        // Boxed: the future of a user, which removes all that a user has, is large.
        each!(resource, it => Box::pin(it.delete(self.as_ref())).await)
    }
}

fn is_part(resource: &Resource) -> bool {
    fn of<Client, T: Live<Client>>(_: &T) -> bool {
        T::IS_PART
    }
    each!(resource, it => of(it))
}

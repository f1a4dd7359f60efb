//! What can be chosen for a stack. In each case but the first one choice is not the usual one; where two matter together,
//! both are.

use super::request::Request;
use crate::{
    facts::AuthenticationMode,
    spec::{Access, Privilege},
};

/// The conditions of the template that hold in a case, and what is requested.
pub(super) type Case = (&'static str, fn(&mut Request));

pub(super) const ACCOUNT: [Case; 7] = [
    ("HasAccountParts IsAloneHere IsAlone IsDocumented LogEnds", |_| {}),
    ("HasAccountParts IsDocumented LogEnds", |it| it.register("${Region}")),
    ("HasAccountParts IsAloneHere IsDocumented LogEnds RoleNeedsVpc", |it| {
        it.register("another region");
        it.is_private_elsewhere = true;
    }),
    ("IsAloneHere IsAlone IsDocumented LogEnds", |it| it.has_account_parts = false),
    ("HasAccountParts IsAloneHere IsAlone LogEnds", |it| it.spec.privilege = Some(Privilege::Least)),
    ("HasAccountParts IsAloneHere IsAlone IsDocumented", |it| it.spec.log_retention_days = Some(0)),
    ("HasAccountParts IsAloneHere IsAlone IsDocumented LogEnds IsInVpc RoleNeedsVpc", private),
];

pub(super) const CLUSTER: [Case; 5] = [
    ("IsRole HasAccessEntries", |_| {}),
    ("IsUser HasAccessEntries HasUserEntry", user),
    ("IsRole", config_map),
    ("IsUser", |it| {
        user(it);
        config_map(it);
    }),
    ("IsRole HasAccessEntries IsPrivate", private),
];

fn private(request: &mut Request) {
    request.facts.cluster.public_access = false;
}

fn user(request: &mut Request) {
    request.spec.access = Access::User { rotate_key: false };
}

fn config_map(request: &mut Request) {
    request.facts.cluster.authentication_mode = AuthenticationMode::ConfigMap;
}

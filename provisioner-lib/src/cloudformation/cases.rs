//! The cases from which a template is merged. The first has the defaults; each other one changes one choice, or two whose
//! combination matters.

use super::inputs::Inputs;
use crate::{
    facts::AuthenticationMode,
    spec::{Access, Privilege},
};

/// The conditions that hold in a case, separated by spaces, and how it changes the inputs.
pub(super) type Case = (&'static str, fn(&mut Inputs));

pub(super) const ACCOUNT: [Case; 8] = [
    ("HasAccountParts IsAloneHere IsAlone LogEnds", |_| {}),
    ("HasAccountParts LogEnds", |it| it.register("${Region}")),
    ("HasAccountParts IsAloneHere LogEnds RoleNeedsVpc", |it| {
        it.register("another region");
        it.is_private_elsewhere = true;
    }),
    ("IsAloneHere IsAlone LogEnds", |it| it.has_account_parts = false),
    ("HasAccountParts IsAloneHere IsAlone IsDocumented LogEnds", documented),
    ("HasAccountParts IsAloneHere IsAlone HasBoundary LogEnds", bounded),
    ("HasAccountParts IsAloneHere IsAlone", |it| it.spec.log_retention_days = Some(0)),
    ("HasAccountParts IsAloneHere IsAlone LogEnds IsInVpc RoleNeedsVpc", private),
];

pub(super) const CLUSTER: [Case; 9] = [
    ("IsRole HasAccessEntries", |_| {}),
    ("IsRole HasAccessEntries IsDocumented", documented),
    ("IsUser HasAccessEntries HasUserEntry IsDocumented", |it| {
        user(it);
        documented(it);
    }),
    ("IsRole HasAccessEntries HasBoundary", bounded),
    ("IsUser HasAccessEntries HasUserEntry HasBoundary", |it| {
        user(it);
        bounded(it);
    }),
    ("IsUser HasAccessEntries HasUserEntry", user),
    ("IsRole", config_map),
    ("IsUser", |it| {
        user(it);
        config_map(it);
    }),
    ("IsRole HasAccessEntries IsPrivate", private),
];

fn private(inputs: &mut Inputs) {
    inputs.facts.cluster.public_access = false;
}

fn documented(inputs: &mut Inputs) {
    inputs.spec.privilege = Some(Privilege::Documented);
}

fn bounded(inputs: &mut Inputs) {
    inputs.spec.permissions_boundary = Some("${PermissionsBoundary}".to_owned());
}

fn user(inputs: &mut Inputs) {
    inputs.spec.access = Access::User { rotate_key: false, cluster_admin: false };
}

fn config_map(inputs: &mut Inputs) {
    inputs.facts.cluster.authentication_mode = AuthenticationMode::ConfigMap;
}

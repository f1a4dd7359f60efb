//! Access keys of users.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Kind};

mod aws;
mod commands;

/// Access key of a user. Its secret is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    pub user: String,
    pub rotate: bool,
}

impl Describe for AccessKey {
    fn id_name(&self) -> String {
        self.user.clone()
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::User, &self.user)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("rotate", &self.rotate, &found.rotate);
    }
}

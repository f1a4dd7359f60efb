//! Access keys of users.

use serde::{Deserialize, Serialize};

use super::{Describe, Id, Kind, TemplateValues, compared, named};

mod aws;

/// Access key of a user. Its secret is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    pub user: String,
    pub rotate: bool,
}

impl Describe for AccessKey {
    named!(user);

    /// The name of a further key is the user's, a slash and its id.
    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::User, self.user.split('/').next().unwrap_or_default())]
    }

    compared!(rotate: field);
}

impl TemplateValues for AccessKey {}

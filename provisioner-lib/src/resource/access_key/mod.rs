//! Access keys of users.

use serde::{Deserialize, Serialize};

use super::{Describe, TemplateValues, compared, named, needs};

mod aws;

/// Access key of a user. Its secret is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    pub user: String,
    pub rotate: bool,
}

impl Describe for AccessKey {
    named!(user);

    needs!(User: user);

    compared!(rotate: field);
}

impl TemplateValues for AccessKey {}

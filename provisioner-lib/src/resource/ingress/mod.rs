//! Ingress rules of security groups.

use serde::{Deserialize, Serialize};

use super::{Describe, Id, Kind, compared};

mod aws;
mod commands;

/// What the rule says of itself in the group.
const DESCRIPTION: &str = "cast-spot: the function to the API server";

/// TCP from the group called `from` into the group `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    pub from: String,
    pub vpc_id: String,
    pub to: String,
    pub port: u16,
}

impl Describe for Ingress {
    fn id_name(&self) -> String {
        format!("{}/{}:{}", self.to, self.from, self.port)
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::SecurityGroup, format!("{}/{}", self.vpc_id, self.from))]
    }

    compared!(vpc_id: field);
}

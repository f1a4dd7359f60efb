//! The PodDisruptionBudgets of the namespaces whose pods were held to the end, to be named in the report.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use crate::{
    plan::disruption::covering,
    ports::{CallError, CallResult, Pod},
};

/// The PodDisruptionBudgets by name and namespace.
#[derive(Debug, Default)]
pub(super) struct PdbLists {
    /// Those that cover one of the pods.
    listed: Vec<PodDisruptionBudget>,
    /// Why those of a namespace are not among them.
    unlisted: BTreeMap<String, CallError>,
    namespaces: BTreeSet<String>,
}

impl PdbLists {
    /// Whether a pod is the first of its namespace: a namespace is listed once.
    pub(super) fn is_first_of(&mut self, namespace: &str) -> bool {
        self.namespaces.insert(namespace.to_owned())
    }

    /// Takes in the list of one namespace.
    pub(super) fn record(&mut self, namespace: String, list: CallResult<Vec<PodDisruptionBudget>>) {
        match list {
            Ok(list) => self.listed.extend(list),
            Err(error) => drop(self.unlisted.insert(namespace, error)),
        }
    }

    /// The names of those that cover a pod.
    pub(super) fn over(&self, pod: &Pod) -> String {
        match self.unlisted.get(&pod.metadata.namespace) {
            None => covering(&self.listed, pod).join(", "),
            Some(error) => format!("(which one is not known: {error})"),
        }
    }
}

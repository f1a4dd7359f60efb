//! The built-in scenarios: each one a cluster, what EC2 does to it, what goes wrong meanwhile, and what
//! is to come of it.
//!
//! To add one, write a function that changes the [`WorldSpec`] in the file of its subject and add its line to
//! [`ALL`].

mod all;
mod apis;
mod budgets;
mod cluster;
mod deliveries;
mod foreign;
mod groups;
mod machines;
mod options;
mod payload;

use serde::Serialize;

use crate::{Action, Outcome, WorkloadKind, WorldSpec, timeline::Heading};

pub use all::ALL;
pub use cast_spot_handler::plan::{PdbPolicy, ReplacementPolicy};
pub use options::{Options, PDB_AT_DEADLINE, REPLACEMENT};
pub use payload::{Announced, EventFile, EventFileError};

/// One rehearsal that can be chosen by name.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is about, in one sentence.
    pub about: &'static str,
    /// What is to come of it.
    pub verdict: &'static str,
    /// Whether every pod is to end gracefully and every replacement that is wanted to be on its way (exit code 0)
    /// with the default options; `None`: the seed decides.
    pub graceful: Option<bool>,
    /// Notices at once, unless chosen otherwise.
    pub nodes: usize,
    /// What is changed in a calm cluster of which EC2 terminates the first nodes.
    #[serde(skip)]
    change: fn(&mut WorldSpec, &Options),
}

impl Scenario {
    /// The world of this scenario.
    #[must_use]
    pub fn world(&self, options: &Options) -> WorldSpec {
        let options = Options { nodes: Some(options.notices(self.nodes)), ..options.clone() };
        let mut spec = cluster::calm(&options);
        cluster::interrupt(&mut spec, &options, Action::Terminate);
        (self.change)(&mut spec, &options);
        spec
    }

    /// Runs it in virtual time.
    #[must_use]
    pub fn rehearse(&self, options: &Options) -> Outcome {
        crate::run(self.name, self.world(options))
    }

    /// Everything that is wrong with the choices for this scenario, one line each.
    #[must_use]
    pub fn faults(&self, options: &Options) -> Vec<String> {
        let seed_only = Options { seed: options.seed, ..Options::default() };
        if self.name == "random" && *options != seed_only {
            return vec!["--scenario random: takes no option but --seed, which decides all else".to_owned()];
        }
        let mut faults = options.faults(self.nodes);
        let cluster = options.cluster_size(options.notices(self.nodes));
        if self.name == "wrong-node-name" && cluster == 1 {
            faults.push(
                "--cluster-nodes 1: --scenario wrong-node-name needs 2 nodes, one that goes and one whose name it claims"
                    .to_owned(),
            );
        }
        faults
    }

    /// What is rehearsed, in words.
    #[must_use]
    pub fn heading(&self, options: &Options) -> Heading {
        let spec = self.world(options);
        let nodes: usize = spec.clusters.iter().map(|cluster| cluster.nodes.len()).sum();
        let workloads = spec.clusters.iter().flat_map(|cluster| &cluster.workloads);
        let pods = workloads.filter(|workload| workload.kind != WorkloadKind::DaemonSet);
        let pods: usize = pods.map(|workload| workload.nodes.len()).sum();
        let notices = match spec.notices.len() {
            1 => "1 notice".to_owned(),
            many => format!("{many} notices"),
        };
        let start = if spec.settings.cold { "cold" } else { "warm" };
        let setting =
            format!("{nodes} nodes · {pods} pods · {notices} · {} ms a call · {start}", spec.pace.latency_ms);
        Heading { description: self.about.to_owned(), setting }
    }
}

/// The scenario of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

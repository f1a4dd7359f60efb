//! The scheduler: pending pods go to the first node that has room, those that tolerate everything to the emptiest.

use super::{nodes::Node, state::State};
use crate::facts::PodId;

/// From a pod's creation to its binding.
const SCHEDULE_MS: u64 = 10;

impl State {
    /// The scheduler looks again soon.
    pub(super) fn wake_scheduler(&mut self, cluster: usize) {
        if !self.clusters[cluster].scheduling && !self.clusters[cluster].pending.is_empty() {
            self.clusters[cluster].scheduling = true;
            self.set_in(SCHEDULE_MS, move |state| state.schedule(cluster));
        }
    }

    /// All pods need the same room, so the first that finds none ends the round.
    pub(super) fn schedule(&mut self, cluster: usize) {
        self.clusters[cluster].scheduling = false;
        let mut nodes: Vec<String> = {
            let nodes = self.clusters[cluster].nodes.iter();
            nodes.filter(|(_, node)| node.has_room()).map(|(name, _)| name.clone()).collect()
        };
        nodes.reverse();
        let pending = std::mem::take(&mut self.clusters[cluster].pending);
        let (tolerant, waiting): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|pod| self.workload(*pod).tolerates);
        for pod in tolerant {
            let nodes = self.clusters[cluster].nodes.iter();
            let stays = |other: &&PodId| self.pods[**other].termination.is_none();
            let emptiest = nodes
                .filter(|(_, node)| node.has_room_for_tolerant())
                .min_by_key(|(_, node)| node.pods.iter().filter(stays).count());
            match emptiest.map(|(name, _)| name.clone()) {
                Some(node) => self.schedule_on(pod, &node),
                None => self.clusters[cluster].pending.push(pod),
            }
        }
        let mut waiting = waiting.into_iter();
        for pod in waiting.by_ref() {
            while nodes.last().is_some_and(|name| !self.clusters[cluster].nodes[name].has_room()) {
                nodes.pop();
            }
            let Some(node) = nodes.last().cloned() else {
                self.clusters[cluster].pending.push(pod);
                break;
            };
            self.schedule_on(pod, &node);
        }
        self.clusters[cluster].pending.extend(waiting);
    }

    /// A pod that was assumed on a node is bound, once its volume is attached.
    pub(super) fn bind_late(&mut self, pod: PodId, node: &str) {
        let cluster = self.pods[pod].cluster;
        if !self.pods[pod].exists || self.pods[pod].node.is_some() {
            return;
        }
        if self.clusters[cluster].nodes.get(node).is_some_and(Node::has_room_for_tolerant) {
            return self.schedule_on(pod, node);
        }
        self.clusters[cluster].pending.push(pod);
        self.wake_scheduler(cluster);
    }

    fn schedule_on(&mut self, pod: PodId, node: &str) {
        self.note(&format!("kubernetes pod {} bound to {node}", self.label(pod)));
        self.bind(pod, node);
    }
}

//! The scheduler: pending pods go to the first node that has room.

use super::state::{State, Timer};

impl State {
    /// The scheduler looks again soon.
    pub(super) fn wake_scheduler(&mut self, cluster: usize) {
        if !self.clusters[cluster].scheduling && !self.clusters[cluster].pending.is_empty() {
            self.clusters[cluster].scheduling = true;
            self.set_in(self.pace.schedule_ms, Timer::Schedule(cluster));
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
        let mut waiting = std::mem::take(&mut self.clusters[cluster].pending).into_iter();
        for pod in waiting.by_ref() {
            while nodes.last().is_some_and(|name| !self.clusters[cluster].nodes[name].has_room()) {
                nodes.pop();
            }
            let Some(node) = nodes.last().cloned() else {
                self.clusters[cluster].pending.push(pod);
                break;
            };
            self.note(&format!("kubernetes pod {} bound to {node}", self.label(pod)));
            self.bind(pod, &node);
        }
        self.clusters[cluster].pending.extend(waiting);
    }
}

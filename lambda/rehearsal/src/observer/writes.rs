//! Writes to nodes and groups.

use crate::{Law, faults::Api, wire::Call, world::state::State};

impl State {
    /// Laws 2, 6, 7: a patch changed a node.
    pub(crate) fn saw_node_write(&mut self, call: Call, instance: &str, node: &str, uncordoned: bool) {
        let what = format!("f{} patch of node {node}", call.env);
        self.judge_write(call, instance, &what);
        if uncordoned {
            self.observer.broken(Law::Resumption, self.now_ms, format!("{what}: uncordons it"));
        }
    }

    /// Laws 2, 6: DetachInstances or TerminateInstanceInAutoScalingGroup for an instance.
    pub(crate) fn saw_group_write(&mut self, call: Call, instance: &str) {
        self.judge_write(call, instance, &format!("f{} call to Auto Scaling", call.env));
    }

    /// Law 11: a group ends an instance that it terminates.
    pub(crate) fn saw_group_end(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id).filter(|instance| instance.ended_ms.is_none()) else {
            return;
        };
        let Some(env) = instance.terminated_by else { return };
        let Some(told) = self.observer.told(env, id) else { return };
        let settled_ms = told.deadline_ms - self.observer.rules.margin_ms;
        let pods = self.node_of(id).map(|node| node.pods.iter().copied()).into_iter().flatten();
        let lost = pods.filter(|pod| !self.belongs_to_node(*pod) && self.pods[*pod].end.is_none()).count();
        if lost > 0 && (self.now_ms as i64) < settled_ms {
            let what = format!("f{env} had {id} terminated: it ends with {lost} pods, before {settled_ms}");
            self.observer.broken(Law::NoEarlierEnd, self.now_ms, what);
        }
    }

    /// Law 2: whether an instance is none to be acted for, where the function can know it.
    pub(super) fn left_to_others(&self, env: usize, instance: &str) -> Option<String> {
        let invocation = self.observer.invocations.get(env)?;
        let told = invocation.told.iter().find(|told| told.instance == instance)?;
        let blind = [Api::Ec2, Api::Kubernetes].iter().all(|api| invocation.struck.contains_key(api));
        let is_of_others = self.instances.get(instance)?.is_of_others(told.synthetic);
        (is_of_others && !blind).then(|| format!("{instance} is not for this handler"))
    }

    fn judge_write(&mut self, call: Call, instance: &str, what: &str) {
        let now_ms = self.now_ms;
        if let Some(known) = self.instances.get(instance)
            && !self.clusters[known.cluster].registered
        {
            let cluster = self.clusters[known.cluster].name.clone();
            self.observer.broken(
                Law::RightNode,
                now_ms,
                format!("{what}: {instance} is of cluster {cluster}, not registered"),
            );
        }
        if self.observer.rules.dry_run {
            self.observer.broken(Law::RightNode, now_ms, format!("{what}: the function runs dry"));
        }
        if let Some(why) = self.left_to_others(call.env, instance) {
            self.observer.broken(Law::RightNode, now_ms, format!("{what}: {why}"));
        }
        match self.observer.told(call.env, instance).map(|told| told.deadline_ms) {
            None => self.observer.broken(Law::RightNode, now_ms, format!("{what}: no notice for {instance}")),
            Some(deadline_ms) if now_ms as i64 > deadline_ms => {
                self.observer.broken(
                    Law::InTime,
                    now_ms,
                    format!("{what}: arrives after the deadline {deadline_ms}"),
                );
            }
            Some(_) => {}
        }
    }
}

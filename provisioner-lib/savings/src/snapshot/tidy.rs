//! Removes from a snapshot what is not needed and may be secret.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::{Snapshot, kinds::KINDS};

impl Snapshot {
    /// Removes what is not needed and may be secret: commands, environment, annotations, managed fields.
    pub fn tidy(&mut self) {
        for pod in &mut self.pods {
            if let Some(status) = &mut pod.status {
                status.container_statuses = None;
                status.init_container_statuses = None;
                status.ephemeral_container_statuses = None;
            }
            let Some(spec) = &mut pod.spec else { continue };
            spec.ephemeral_containers = None;
            spec.host_aliases = None;
            spec.image_pull_secrets = None;
            strip_containers(spec);
        }
        for node in &mut self.nodes {
            if let Some(status) = &mut node.status {
                status.images = None;
            }
        }
        for set in &mut self.replica_sets {
            set.spec.iter_mut().for_each(|spec| spec.template = None);
        }
        let deployments = self.deployments.iter_mut();
        let templates = deployments
            .filter_map(|found| Some(&mut found.spec.as_mut()?.template))
            .chain(self.stateful_sets.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)))
            .chain(self.daemon_sets.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)))
            .chain(self.jobs.iter_mut().filter_map(|found| Some(&mut found.spec.as_mut()?.template)));
        templates.filter_map(|template| template.spec.as_mut()).for_each(strip_containers);
        for kind in &KINDS {
            (kind.tidy)(self);
        }
    }
}

fn strip_containers(spec: &mut PodSpec) {
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(strip);
}

/// Keeps names, images, ports and resources only.
fn strip(container: &mut Container) {
    *container = Container {
        name: std::mem::take(&mut container.name),
        image: container.image.take(),
        ports: container.ports.take(),
        resources: container.resources.take(),
        restart_policy: container.restart_policy.take(),
        ..Container::default()
    };
}

//! JSON Patch on nodes.

use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
    core::Status,
};
use serde_json::{Value, json};

use super::{Bench, api_result, small};
use crate::WorldSpec;

impl Bench {
    async fn patch(&self, patch: Value) -> Result<Node, Box<Status>> {
        let patch = serde_json::from_value(patch).unwrap();
        let nodes: Api<Node> = Api::all(self.kube.clone());
        let answer = nodes.patch(&self.node, &PatchParams::default(), &Patch::<()>::Json(patch)).await;
        api_result(answer)
    }

    async fn get(&self) -> Node {
        Api::<Node>::all(self.kube.clone()).get(&self.node).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_applies_as_a_whole_or_not_at_all() {
    let mut spec = small();
    spec.cluster().nodes[0].annotations.clear();
    let bench = Bench::new(&spec).await;
    let provider = json!("aws:///eu-west-1a/i-0a000000000000000");
    let before = bench.get().await;
    let cordon = json!({ "op": "add", "path": "/spec/unschedulable", "value": true });
    for (case, first, second) in [
        ("wrong node", json!({ "op": "test", "path": "/spec/providerID", "value": "aws:///x/i-1" }), &cordon),
        (
            "missing path",
            json!({ "op": "add", "path": "/metadata/annotations/claim", "value": "x" }),
            &cordon,
        ),
        ("late failure", cordon.clone(), &json!({ "op": "remove", "path": "/spec/taints" })),
    ] {
        let refused = bench.patch(json!([first, second])).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"), "{case}");
        assert_eq!(refused.message, "the server rejected our request due to an error in our request");
        assert_eq!(bench.get().await, before, "{case}: nothing of it was applied");
    }
    let other = bench
        .patch(json!([{ "op": "replace", "path": "/spec/providerID", "value": "x" }]))
        .await
        .unwrap_err();
    assert_eq!(other.code, 422, "the providerID of a node never changes");
    let absent = json!({ "op": "test", "path": "/spec/taints", "value": null });
    let test = json!({ "op": "test", "path": "/spec/providerID", "value": provider });
    let done = bench.patch(json!([test, absent, cordon])).await.unwrap();
    assert_eq!(done.spec.clone().unwrap().unschedulable, Some(true));
    let again = bench.patch(json!([cordon])).await.unwrap();
    assert_eq!(again.metadata.resource_version, done.metadata.resource_version, "no change, no new version");
    assert_eq!(bench.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn a_cordoned_node_is_tainted_and_the_scheduler_shuns_it() {
    let bench = Bench::new(&small()).await;
    bench.patch(json!([{ "op": "add", "path": "/spec/unschedulable", "value": true }])).await.unwrap();
    bench.at(200).await;
    let taints = bench.get().await.spec.unwrap().taints.unwrap();
    assert_eq!(
        (taints[0].key.as_str(), taints[0].effect.as_str()),
        ("node.kubernetes.io/unschedulable", "NoSchedule")
    );
    assert!(!bench.world.enter(|state| state.clusters[0].nodes[&bench.node].has_room()));
}

#[tokio::test(start_paused = true)]
async fn a_taken_instance_takes_its_node_with_it() {
    let bench = Bench::new(&small()).await;
    bench.at(120_001).await;
    let ready = bench.get().await.status.unwrap().conditions.unwrap().remove(0).status;
    assert_eq!(ready, "Unknown");
    bench.at(126_000).await;
    let nodes = Api::<Node>::all(bench.kube.clone()).list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nodes_are_listed_in_pages_where_a_limit_asks_for_them() {
    let mut spec = WorldSpec::baseline(1, 5, 0);
    spec.node_bytes = 3_000;
    let bench = Bench::new(&spec).await;
    let nodes: Api<Node> = Api::all(bench.kube.clone());
    let (mut page, mut seen) = (ListParams::default().limit(2), Vec::new());
    let sizes = loop {
        let list = nodes.list(&page).await.unwrap();
        seen.push((list.items.len(), list.metadata.remaining_item_count));
        match list.metadata.continue_ {
            Some(token) => page = ListParams::default().limit(2).continue_token(&token),
            None => break seen,
        }
    };
    assert_eq!(sizes, [(2, Some(3)), (2, Some(1)), (1, None)]);
    let all = nodes.list(&ListParams::default().match_any()).await.unwrap();
    assert_eq!(all.items.len(), 5);
    let size = serde_json::to_string(&all.items[0]).unwrap().len();
    assert!((2_700..=3_000).contains(&size), "{size}");
}

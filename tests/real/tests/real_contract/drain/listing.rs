//! Calls and reports as lines, without the names of a side and without what depends on its speed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{calls::Call, recorder::Exchange, setting::NAMESPACE};

/// A side's names of the objects that both sides have.
pub(crate) struct Names {
    /// Names, in the order of their replacement.
    known: Vec<(String, String)>,
    /// Workload of each pod, by the pod's name.
    apps: BTreeMap<String, String>,
}

impl Names {
    /// The names of node, instance, group and cluster; those of pods, and the times of the notice, are in the report.
    pub(crate) fn of(report: &Value, [node, instance, group, cluster]: [&str; 4]) -> Self {
        let event = |field: &'static str| report["event"][field].as_str().unwrap_or(field);
        let (id, time, deadline) = (event("id"), event("time"), event("deadline"));
        let known = [
            (node, "<node>"),
            (instance, "<instance>"),
            (id, "<event>"),
            (time, "<time>"),
            (deadline, "<deadline>"),
        ];
        let mut known = known.map(owned).to_vec();
        let (mut uids, mut apps) = (Vec::new(), BTreeMap::new());
        for pod in report["pods"].as_array().into_iter().flatten() {
            let (name, uid) =
                (pod["name"].as_str().unwrap_or_default(), pod["uid"].as_str().unwrap_or_default());
            let app = name.split('-').next().unwrap_or_default().to_owned();
            uids.push((uid.to_owned(), format!("<uid of {app}>")));
            known.push((name.to_owned(), format!("<{app}>")));
            apps.insert(name.to_owned(), app);
        }
        // The longest first: a name may begin with another one.
        known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        // UIDs first: a placeholder could contain a name.
        known.extend(uids);
        // Short words, which are part of other names.
        known.extend([(group, "<group>"), (cluster, "<cluster>")].map(owned));
        Self { known, apps }
    }

    fn hide(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, short)| text.replace(name, short))
    }

    /// [`Self::hide`], but for group and cluster: the namespace has the name of the group.
    fn hide_objects(&self, text: &str) -> String {
        let objects = &self.known[..self.known.len() - 2];
        objects.iter().fold(text.to_owned(), |text, (name, short)| text.replace(name, short))
    }
}

fn owned((name, short): (&str, &str)) -> (String, String) {
    (name.to_owned(), short.to_owned())
}

/// Field of DeleteOptions.
const GRACE: &str = "gracePeriodSeconds";

/// The calls to the API server. Those about a pod in their order, repetitions left out: a line for each pod. Of the
/// others what was called at least once.
pub(crate) fn of_calls(calls: &[Call], names: &Names) -> Result<Vec<String>> {
    let mut of_pods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for call in calls.iter().filter(|call| !depends_on_speed(call)) {
        let line = line(call, names);
        match pod_of(&call.uri) {
            Some(pod) => {
                let lines = of_pods.entry(pod).or_default();
                if lines.last() != Some(&line) {
                    lines.push(line);
                }
            }
            None => drop(others.insert(line)),
        }
    }
    let mut listing: Vec<_> = others.into_iter().collect();
    for (pod, lines) in of_pods {
        let app =
            names.apps.get(pod).with_context(|| format!("a call about {pod}, which is not reported"))?;
        listing.push(format!("{app}: {}", lines.join(", then ")));
    }
    listing.sort();
    Ok(listing)
}

/// EC2 has half a second before the node list is asked beside it. The reason taint meets the node controller's or
/// not, and the node is read again or not: what counts is that one patch adds it, see [`line`].
fn depends_on_speed(call: &Call) -> bool {
    let reads_nodes = matches!(call.verb.as_str(), "list" | "get") && call.uri.starts_with("/api/v1/nodes");
    reads_nodes || (is_taint(call) && call.code != 200)
}

fn is_taint(call: &Call) -> bool {
    let operations = call.body.as_array().into_iter().flatten();
    operations
        .into_iter()
        .any(|operation| operation["path"].as_str().is_some_and(|path| path.contains("taints")))
}

fn line(call: &Call, names: &Names) -> String {
    let uri = names.hide_objects(call.uri.trim_end_matches('?'));
    let body = if is_taint(call) {
        json!("the reason taint")
    } else {
        without_figures(call.body.clone(), call.code)
    };
    format!(
        "{} {} {} -> {}",
        call.verb,
        without_version(&uri),
        names.hide_objects(&body.to_string()),
        call.code
    )
}

/// The resourceVersion where a watch goes on, and how long the server may hold it.
fn without_version(uri: &str) -> String {
    let mut words: Vec<_> = uri.split('&').map(str::to_owned).collect();
    for word in &mut words {
        if let Some((key, value)) = word.split_once('=')
            && key == "resourceVersion"
            && value != "0"
        {
            *word = format!("{key}=<version>");
        }
    }
    words.join("&")
}

/// The remaining seconds depend on speed, the cut of the grace does not. Of a refused call that is one, too:
/// the pod is asked again and again, and nothing says that a try falls between the cut of the grace and the delete.
fn without_figures(mut body: Value, code: u16) -> Value {
    let options = body.as_object_mut().filter(|options| options.get(GRACE).is_some_and(Value::is_number));
    if let Some(options) = options {
        if is_refusal(code) {
            options.remove(GRACE);
        } else {
            options.insert(GRACE.to_owned(), json!("<cut>"));
        }
    }
    body
}

/// Whether the call has changed nothing.
fn is_refusal(code: u16) -> bool {
    code >= 400
}

fn pod_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(&format!("/namespaces/{NAMESPACE}/pods/"))?;
    rest.split(['/', '?']).next()
}

/// The calls to AWS, repetitions left out.
pub(crate) fn of_exchanges(exchanges: &[Exchange], names: &Names) -> Vec<String> {
    let lines: BTreeSet<_> = exchanges
        .iter()
        .map(|exchange| format!("{} -> {}", names.hide(&exchange.asked), exchange.code))
        .collect();
    lines.into_iter().collect()
}

/// Elements that AWS returns and moto does not (EC2 API Reference, "Instance").
const NOT_IN_MOTO: &str = "privateDnsNameOptions";

/// Elements in the world's answers that the real parts' answers to the same call do not have.
pub(crate) fn inventions(real: &[Exchange], world: &[Exchange]) -> Vec<String> {
    let answered = |exchanges: &[Exchange]| -> BTreeSet<(String, String)> {
        let elements = |exchange: &Exchange| {
            let operation = exchange.operation.clone();
            exchange.elements.iter().map(move |path| (operation.clone(), path.clone())).collect::<Vec<_>>()
        };
        exchanges.iter().flat_map(elements).collect()
    };
    let invented = &answered(world) - &answered(real);
    let invented = invented.iter().filter(|(_, path)| !path.contains(NOT_IN_MOTO));
    invented
        .map(|(operation, path)| format!("{operation} answers {path}, which the real one does not"))
        .collect()
}

/// See [`depends_on_speed`].
const DEPEND_ON_SPEED: [&str; 2] = ["kubernetes:list nodes", "kubernetes:get nodes"];

/// The report, without times and counts.
pub(crate) fn of_report(report: &Value, names: &Names) -> Vec<String> {
    let mut lines = vec![
        format!("outcome {} because {}", report["outcome"], report["reason"]),
        format!("cordon {} because {}", report["cordon"]["outcome"], report["cordon"]["reason"]),
        format!("summary {}", report["summary"]),
    ];
    let replacement = &report["replacement"];
    lines.push(format!(
        "replacement {} by {} of {} because {}",
        replacement["outcome"], replacement["method"], replacement["group"], replacement["reason"]
    ));
    for pod in report["pods"].as_array().into_iter().flatten() {
        lines.push(format!(
            "pod {} {} in wave {} because {}",
            pod["name"], pod["outcome"], pod["wave"], pod["reason"]
        ));
    }
    let calls = report["calls"].as_object().into_iter().flatten().map(|(name, _)| name);
    lines.extend(
        calls.filter(|name| !DEPEND_ON_SPEED.contains(&name.as_str())).map(|name| format!("called {name}")),
    );
    let mut lines: Vec<_> = lines.iter().map(|line| names.hide(line)).collect();
    lines.sort();
    lines
}

/// The lines that only one side has, as many times as it has them more often.
pub(crate) fn differences(what: &str, real: &[String], world: &[String]) -> Vec<String> {
    let count = |lines: &[String]| {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for line in lines {
            *counts.entry(line.clone()).or_default() += 1;
        }
        counts
    };
    let (real, world) = (count(real), count(world));
    let all: BTreeSet<_> = real.keys().chain(world.keys()).collect();
    let of = |counts: &BTreeMap<String, i64>, line: &String| counts.get(line).copied().unwrap_or(0);
    let different = all.into_iter().filter(|line| of(&real, line) != of(&world, line));
    different
        .map(|line| {
            format!(
                "{what}: {} times on real parts, {} in the world: {line}",
                of(&real, line),
                of(&world, line)
            )
        })
        .collect()
}

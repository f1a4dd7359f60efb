//! Plans and reports as JSON. The field `schema` names the kind of document; fields are added to a schema, but neither
//! removed nor given another meaning.

use std::io;

use cast_spot_provisioner::{
    invisible::escaped_json, onboard::Planned, plan::Plan, provider::AccessKey, report::Report,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::zip::Zip;

/// The schema of a document, and its cluster.
pub(crate) fn head(schema: &str, planned: &Planned) -> Value {
    let facts = &planned.facts;
    json!({
        "schema": schema,
        "cluster": facts.cluster.name,
        "region": facts.region,
        "account": facts.identity.account,
    })
}

/// `cast-spot.plan/1`.
pub(crate) fn plan(planned: &Planned) -> Value {
    let mut document = head("cast-spot.plan/1", planned);
    document["summary"] = summary(&planned.plan);
    document["steps"] = json!(planned.plan.steps);
    document["unmanaged"] = json!(planned.plan.unmanaged);
    let documented = planned.facts.documented_others().map(|(region, name)| format!("{region}/{name}"));
    document["documented_privilege_of_others"] = json!(documented.collect::<Vec<_>>());
    document
}

/// The document with the zip that was named.
pub(crate) fn with_zip(mut document: Value, zip: Option<&Zip>) -> Value {
    if let Some(zip) = zip {
        document["zip"] = zip.json();
    }
    document
}

/// The number of steps of each kind.
pub(crate) fn summary(plan: &Plan) -> Value {
    super::counts(plan).map(|(name, _, count)| (name.to_owned(), json!(count))).into_iter().collect()
}

/// A report. The key is in it only if no file has it.
pub(crate) fn report(schema: &str, planned: &Planned, report: &Report, key: Option<&AccessKey>) -> Value {
    let mut document = head(schema, planned);
    document["complete"] = json!(report.is_complete());
    document["stopped"] = json!(report.stopped);
    document["written"] = json!(report.done());
    document["unmanaged"] = json!(planned.plan.unmanaged);
    document["steps"] = json!(report.steps);
    document["warnings"] = json!(report.warnings());
    if let Some(key) = key {
        document["access_key"] = json!({ "id": key.id, "secret": key.secret });
    }
    document
}

/// The document as text, without invisible characters.
pub(crate) fn text(document: &impl Serialize) -> io::Result<String> {
    Ok(escaped_json(&serde_json::to_string_pretty(document)?) + "\n")
}

//! Plans and reports as JSON. The field `schema` names the kind of document; fields are added to a schema, but neither
//! removed nor given another meaning.

use std::io;

use cast_spot_provisioner::{onboard::Planned, provider::AccessKey, report::Report};
use serde::Serialize;
use serde_json::{Value, json};

/// Schema of the report of an onboarding.
pub(crate) const ONBOARDING: &str = "cast-spot.onboarding/1";
/// Schema of the report of an offboarding, with the same fields.
pub(crate) const OFFBOARDING: &str = "cast-spot.offboarding/1";
/// Schema of the report of a connection, with the same fields.
pub(crate) const CONNECTION: &str = "cast-spot.connection/1";
/// Schema of the report of a disconnection, with the same fields.
pub(crate) const DISCONNECTION: &str = "cast-spot.disconnection/1";

/// The schema of a document, and its cluster.
fn head(schema: &str, planned: &Planned) -> Value {
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
    document["summary"] = super::counts(&planned.plan)
        .map(|(name, _, count)| (name.to_owned(), json!(count)))
        .into_iter()
        .collect();
    document["steps"] = json!(planned.plan.steps);
    document
}

/// A report. The key is in it only if no file has it.
pub(crate) fn report(schema: &str, planned: &Planned, report: &Report, key: Option<&AccessKey>) -> Value {
    let mut document = head(schema, planned);
    document["complete"] = json!(report.is_complete());
    document["stopped"] = json!(report.stopped);
    document["written"] = json!(report.done());
    document["steps"] = json!(report.steps);
    if let Some(key) = key {
        document["access_key"] = json!({ "id": key.id, "secret": key.secret });
    }
    document
}

/// The document as text.
pub(crate) fn text(document: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

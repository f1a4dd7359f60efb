//! Why a command did not do what it was asked, and the exit code that says so.

use std::io;

use cast_spot_provisioner::{
    fault::Fault,
    onboard::PlanError,
    provider::{Error, ErrorKind},
};

use crate::{WRONG_CALL, terminal::Complaint};

/// Exit code when something was not completed, has drifted or does not work.
pub(crate) const NOT_GOOD: u8 = 1;
/// Exit code when something that is not ours stands in the way.
pub(crate) const CONFLICT: u8 = 3;
/// Exit code when AWS or the cluster refused, or did not answer.
pub(crate) const REFUSED: u8 = 4;
/// Exit code of a plan that has changes.
pub(crate) const CHANGES: u8 = 10;
/// Exit code after Ctrl-C, as shells have it: 128 and the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// The reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) complaints: Vec<Complaint>,
    pub(crate) code: u8,
}

impl Refusal {
    /// A call that is wrong in these ways.
    pub(crate) fn wrong_call(complaints: Vec<Complaint>) -> Self {
        Self { complaints, code: WRONG_CALL }
    }
}

impl From<Vec<Error>> for Refusal {
    fn from(errors: Vec<Error>) -> Self {
        let complaints = errors.iter().map(of_call).collect();
        Self { complaints, code: REFUSED }
    }
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Faults(faults) => Self::wrong_call(faults.0.iter().map(of_fault).collect()),
            PlanError::Calls(errors) => errors.into(),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        let complaint = Complaint::new(
            format!("standard output: {error}"),
            "give it a place that can be written, with room enough",
        );
        Self { complaints: vec![complaint], code: NOT_GOOD }
    }
}

/// Whether the caller has to get rights, credentials or a network first.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.reason, ErrorKind::Denied { .. } | ErrorKind::Credentials | ErrorKind::Unreachable)
}

/// A call that failed.
pub(crate) fn of_call(error: &Error) -> Complaint {
    let told = match &error.reason {
        ErrorKind::Denied { action } => format!("not allowed: {action}: {}", error.message),
        _ => error.to_string(),
    };
    Complaint::new(told, error.hint.clone().unwrap_or_default())
}

/// Something that is wrong with the request. Its fields are our options.
pub(crate) fn of_fault(fault: &Fault) -> Complaint {
    const OPTIONS: [&str; 17] = [
        "cluster",
        "region",
        "account",
        "image",
        "autoscaler-image",
        "api-url",
        "provider",
        "label",
        "annotation",
        "mode",
        "principal",
        "external-id",
        "rotate-key",
        "zip",
        "architecture",
        "log-retention-days",
        "env",
    ];
    let dashes = if OPTIONS.contains(&fault.field.as_str()) { "--" } else { "" };
    let value = if fault.value.is_empty() { String::new() } else { format!(" {}", fault.value) };
    Complaint::new(format!("{dashes}{}{value}: {}", fault.field, fault.problem), &fault.hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_call_names_the_action_that_was_missing() {
        let denied = ErrorKind::Denied { action: "iam:TagRole".to_owned() };
        let error = Error::new(denied, "iam:CreateRole", "no").hint("`cast-spot policy admin`");
        let refusal = Refusal::from(vec![error]);
        assert_eq!(refusal.code, REFUSED);
        assert_eq!(refusal.complaints[0].error, "not allowed: iam:TagRole: no");
        assert_eq!(refusal.complaints[0].hint, "`cast-spot policy admin`");
    }

    #[test]
    fn a_fault_reads_like_the_option_that_was_typed() {
        let fault = Fault::new("mode", "boss", "neither", "hint");
        assert_eq!(of_fault(&fault).error, "--mode boss: neither");
        let fault = Fault::new("policy", "X", "too long", "hint");
        assert_eq!(of_fault(&fault).error, "policy X: too long");
        let fault = Fault::new("zip", "", "missing", "hint");
        assert_eq!(of_fault(&fault).error, "--zip: missing");
    }
}

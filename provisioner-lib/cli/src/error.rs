//! Errors of commands, and exit codes.

use std::{fmt::Display, io};

use cast_spot_provisioner::{
    fault::{Fault, Faults},
    onboard::PlanError,
    provider::{Error, ErrorKind},
};

use crate::terminal::Diagnostic;

/// Exit code when something was not completed, has drifted or does not work.
pub(crate) const EXIT_INCOMPLETE: u8 = 1;
/// Exit code of a wrong call, the same as clap's.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Exit code when an unmanaged resource has the name of a desired one.
pub(crate) const EXIT_CONFLICT: u8 = 3;
/// Exit code when AWS or the cluster refused, or did not answer.
pub(crate) const EXIT_REFUSED: u8 = 4;
/// Exit code when more could be saved than a pipeline allows.
pub(crate) const EXIT_OVER: u8 = 5;
/// Exit code of a plan that has changes.
pub(crate) const EXIT_CHANGES: u8 = 10;
/// Exit code after Ctrl-C, by the convention of shells: 128 and the signal.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// What went wrong, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CliError {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) code: u8,
}

impl CliError {
    /// An error with one diagnostic.
    pub(crate) fn new(code: u8, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { diagnostics: vec![Diagnostic::new(error, hint)], code }
    }

    /// A failure to write `output`.
    pub(crate) fn not_written(output: impl Display, error: &io::Error) -> Self {
        let hint = "check that the output is writable and has free space";
        Self::new(EXIT_INCOMPLETE, format!("{output}: {error}"), hint)
    }
}

/// Fails with a usage error if there are diagnostics.
pub(crate) fn check(diagnostics: Vec<Diagnostic>) -> Result<(), CliError> {
    if diagnostics.is_empty() { Ok(()) } else { Err(CliError { diagnostics, code: EXIT_USAGE }) }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        vec![error].into()
    }
}

impl From<Vec<Error>> for CliError {
    fn from(errors: Vec<Error>) -> Self {
        Self { diagnostics: errors.iter().map(of_call).collect(), code: EXIT_REFUSED }
    }
}

impl From<Faults> for CliError {
    fn from(faults: Faults) -> Self {
        Self { diagnostics: faults.0.iter().map(of_fault).collect(), code: EXIT_USAGE }
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Faults(faults) => faults.into(),
            PlanError::Calls(errors) => errors.into(),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::not_written("standard output", &error)
    }
}

/// Whether the caller needs permissions, credentials or a network first.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.reason, ErrorKind::Denied { .. } | ErrorKind::Credentials | ErrorKind::Unreachable)
}

/// A call that failed.
pub(crate) fn of_call(error: &Error) -> Diagnostic {
    let text = match &error.reason {
        ErrorKind::Denied { action } => format!("not allowed: {action}: {}", error.message),
        _ => error.to_string(),
    };
    Diagnostic::new(text, error.hint.clone().unwrap_or_default())
}

/// A fault of the request. Most of its fields are options.
pub(crate) fn of_fault(fault: &Fault) -> Diagnostic {
    const OPTIONS: &str = "cluster region account image autoscaler-image api-url provider label annotation mode \
                           principal external-id rotate-key zip zip-sha256 architecture log-retention-days env \
                           partition vpc-id permissions-boundary tags image-owner cluster-admin";
    let Fault { field, value, problem, hint } = fault;
    let dashes = if OPTIONS.split(' ').any(|option| option == field) { "--" } else { "" };
    let space = if value.is_empty() { "" } else { " " };
    Diagnostic::new(format!("{dashes}{field}{space}{value}: {problem}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_call_names_the_missing_action() {
        let denied = ErrorKind::Denied { action: "iam:TagRole".to_owned() };
        let error = Error::new(denied, "iam:CreateRole", "no").hint("`cast-spot policy admin`");
        let error = CliError::from(error);
        assert_eq!(error.code, EXIT_REFUSED);
        assert_eq!(error.diagnostics[0].error, "not allowed: iam:TagRole: no");
        assert_eq!(error.diagnostics[0].hint, "`cast-spot policy admin`");
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

//! What others deploy without our command line, checked by its own linters: the CloudFormation templates by cfn-lint, and
//! they and the Kubernetes manifests by Checkov, whose exceptions are in `.checkov.yaml`.

use std::process::Command;

use crate::{
    cache,
    process::{self, Failure, Outcome, headline},
    setup::python,
};

/// Checks all of `infra/`.
pub(crate) fn check() -> Outcome {
    headline("templates and manifests");
    let (cfn_lint, checkov) = match (python::program("cfn-lint"), python::program("checkov")) {
        (Err(Failure::Missing(what)), _) | (_, Err(Failure::Missing(what))) => {
            eprintln!("skipped: {what}");
            return Ok(());
        }
        (cfn_lint, checkov) => (cfn_lint?, checkov?),
    };
    let folder = cache::root().join("infra/cloudformation");
    process::run(
        Command::new(cfn_lint).args(["account.yaml", "cluster.yaml"].map(|name| folder.join(name))),
    )?;
    eprintln!("cfn-lint: no findings");
    let mut checkov = Command::new(checkov);
    // Its warnings are of parts of it that fail, not of what it checks.
    checkov.args(["--config-file", ".checkov.yaml"]).env("LOG_LEVEL", "ERROR");
    process::run(checkov.current_dir(cache::root()))?;
    eprintln!("Checkov: no findings without a reason");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_exception_of_checkov_has_a_reason() {
        let text = fs::read_to_string(cache::root().join(".checkov.yaml")).unwrap();
        let (_, exceptions) = text.split_once("skip-check:").unwrap();
        for line in exceptions.lines().map(str::trim).filter(|line| line.starts_with('-')) {
            let reason = line.split_once(" # ").map_or("", |(_, reason)| reason);
            assert!(reason.len() > 20, "{line}");
        }
    }
}

//! `cast-spot rollback`: returns the function to the code before its last change.

use cast_spot_provisioner::{
    names::FUNCTION,
    provider::{Aws, RolledBack},
};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_USAGE},
    session,
    style::{YELLOW, green},
    target::TargetArgs,
    workflow::{confirm, ensure_interactive, outcome},
};

/// Return the function to the code before its last change
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Do not ask for confirmation
    #[arg(long, short, help_heading = "How")]
    yes: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let target = args.target.read(environment)?;
        if !args.yes {
            ensure_interactive(screen)?;
        }
        let connection = session::with_mfa_code(&target.connection, false, screen).await?;
        let aws = Aws::connect(&connection).await?;
        if !args.yes || target.account.is_some() {
            let identity = aws.identity().await?;
            session::check_identity(&identity, target.account.as_ref())?;
            if !args.yes {
                let question = question(aws.region(), &identity.account, &aws.rollback().await?);
                let confirmed = confirm(&question, &["yes"], screen);
                confirmed.map_err(|error| CliError { code: EXIT_USAGE, ..error })?;
            }
        }
        screen.print(&words(&aws.roll_back().await?))?;
        Ok(0)
    })
}

fn question(region: &str, account: &str, rollback: &RolledBack) -> String {
    let RolledBack { version, from, to, .. } = rollback;
    format!(
        "Function {FUNCTION} in {region} of account {account} gets the code of version {version}:\n\
         {to} instead of {from}\n\
         Type yes to continue: "
    )
}

fn words(done: &RolledBack) -> String {
    let warnings: Vec<String> = done.warning.clone().into_iter().collect();
    let sign = if warnings.is_empty() { green("✓") } else { format!("{YELLOW}!{YELLOW:#}") };
    let text = format!(
        "{sign} function {FUNCTION} runs the code of version {}: {} instead of {}\n\
         hint: `cast-spot status` tests it; `cast-spot rollback` goes forward again, as does `cast-spot onboard` with the\n\
         later --zip\n",
        done.version, done.to, done.from
    );
    text + &outcome::warnings(&warnings)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::terminal::capture::screen;

    fn rollback() -> RolledBack {
        RolledBack {
            version: "7".to_owned(),
            from: "LATER".to_owned(),
            to: "EARLIER".to_owned(),
            warning: None,
        }
    }

    #[test]
    fn the_question_names_both_codes() {
        let question = question("eu-west-1", "123456789012", &rollback());
        assert_snapshot!("question", question);
        for (answer, is_confirmed) in [("yes\n", true), ("y\n", false), ("\n", false)] {
            assert_eq!(confirm(&question, &["yes"], &mut screen(answer).0).is_ok(), is_confirmed, "{answer}");
        }
    }

    #[test]
    fn the_result_names_what_would_undo_it() {
        assert_snapshot!("result", anstream::adapter::strip_str(&words(&rollback())));
        let left = RolledBack { warning: Some("versions are left".to_owned()), ..rollback() };
        let shown = words(&left);
        assert!(!shown.contains('✓') && shown.ends_with(" versions are left\n"), "{shown}");
    }
}

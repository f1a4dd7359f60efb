//! The command over an account in memory.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use cast_spot_provisioner::{
    resource::{Kind, Resource, Role},
    spec::Request,
};
use insta::assert_snapshot;

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_INCOMPLETE, EXIT_USAGE},
    tests::{
        HOSTILE, Ran,
        account::{FakeAccount, SECRET, request, user},
        run, run_in_test,
    },
};

const ASK: OutputOptions = OutputOptions { yes: false, dry_run: false, json: false };
const YES: OutputOptions = OutputOptions { yes: true, ..ASK };
const JSON: OutputOptions = OutputOptions { json: true, ..YES };

fn onboard_to_file(
    request: Request,
    options: OutputOptions,
    file: Option<CredentialsFile>,
    provider: &AccountChecked<FakeAccount>,
    answers: &str,
) -> Ran {
    let request = PartialRequest::read(request, Vec::new()).unwrap();
    let results = Results { file, ..Results::default() };
    run(answers, async |screen| carry_out(request, options, results, provider, screen).await)
}

fn onboard(
    request: Request,
    options: OutputOptions,
    provider: &AccountChecked<FakeAccount>,
    answers: &str,
) -> Ran {
    onboard_to_file(request, options, None, provider, answers)
}

#[test]
fn a_plan_is_shown_confirmed_applied_and_reported() {
    let provider = FakeAccount::new().unchecked();
    assert_snapshot!("onboarded", onboard(request(), ASK, &provider, "yes\n"));
    let again = Request { package: None, ..request() };
    assert_snapshot!("already_onboarded", onboard(again, ASK, &provider, ""));
}

#[test]
fn foreign_parts_end_no_onboarding_with_a_tick() {
    let account = FakeAccount { planted: vec![FakeAccount::planted()], ..FakeAccount::onboarded() };
    let provider = account.unchecked();
    let longer = Some("90".to_owned());
    for request in [Request { log_retention_days: longer, ..request() }, request()] {
        let ran = onboard(request, YES, &provider, "");
        assert_eq!(ran.code, EXIT_INCOMPLETE, "{ran}");
        assert!(!ran.out.contains('✓') && ran.out.contains("what is not managed by cast-spot"), "{ran}");
    }
}

#[test]
fn without_confirmation_nothing_is_written() {
    let refused = "error: not confirmed; nothing was written\nhint: answer `yes`, or give --yes\n";
    let unable = "error: cannot ask for confirmation: standard input is not a terminal\n\
                  hint: give --yes to continue without confirmation\n";
    let asked = format!("\nApply this plan? [y/N] {refused}");
    for (answers, code, err) in
        [("no\n", EXIT_INCOMPLETE, asked.as_str()), ("\n", EXIT_INCOMPLETE, &asked), ("", EXIT_USAGE, unable)]
    {
        let provider = FakeAccount::new().unchecked();
        let ran = onboard(request(), ASK, &provider, answers);
        assert_eq!((ran.code, ran.err.as_str()), (code, err), "{answers:?}");
        let dry_run = OutputOptions { dry_run: true, ..ASK };
        assert_eq!(onboard(request(), dry_run, &provider, "").code, EXIT_CHANGES, "nothing was created");
    }
}

#[test]
fn a_key_is_shown_once_or_written_to_its_file() {
    let provider = FakeAccount::new().unchecked();
    assert_snapshot!("onboarded_with_a_user", onboard(user(), YES, &provider, ""));
    assert_snapshot!("unchanged_key", onboard(user(), YES, &provider, ""));

    let path = std::env::temp_dir().join(format!("cast-spot-onboard-{}", std::process::id()));
    for json in [false, true] {
        let file = Some(CredentialsFile::create(&path).unwrap());
        let provider = FakeAccount::new().unchecked();
        let Ran { code, out, err, .. } =
            onboard_to_file(user(), OutputOptions { json, ..YES }, file, &provider, "");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(code, 0);
        assert!(text.contains(SECRET) && !(out + &err).contains(SECRET));
    }
    let file = Some(CredentialsFile::create(&path).unwrap());
    let _ = onboard_to_file(request(), YES, file, &FakeAccount::new().unchecked(), "");
    assert!(!path.exists(), "no key, no file");
}

#[test]
fn an_old_key_that_stays_active_is_the_last_word() {
    let mut account = FakeAccount::new();
    account.old_key_stays = Some("the old key AKIAOLD is still active".to_owned());
    let provider = account.unchecked();
    assert_eq!(onboard(user(), YES, &provider, "").code, 0);
    let rotating = || Request { rotate_key: true, package: None, ..user() };
    assert_snapshot!("old_key_stays_active", onboard(rotating(), YES, &provider, ""));
    let json = onboard(rotating(), JSON, &provider, "");
    assert_eq!(json.code, EXIT_INCOMPLETE);
    assert!(
        json.err.ends_with("warning: access key cast-eks-prod: the old key AKIAOLD is still active\n"),
        "{json}"
    );
    let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["warnings"][0], "access key cast-eks-prod: the old key AKIAOLD is still active");
}

/// The command, with its output in a pipe.
fn piped(
    request: Request,
    options: OutputOptions,
    show_secret: bool,
    provider: &AccountChecked<FakeAccount>,
) -> Ran {
    let request = PartialRequest::read(request, Vec::new()).unwrap();
    let results = Results { show_secret, ..Results::default() };
    run("", async |screen| {
        screen.is_shown = false;
        carry_out(request, options, results, provider, screen).await
    })
}

#[test]
fn no_secret_goes_into_a_pipe_unasked() {
    let provider = FakeAccount::new().unchecked();
    for options in [YES, JSON] {
        let refused = piped(user(), options, false, &provider);
        assert_eq!((refused.code, refused.out.as_str()), (EXIT_USAGE, ""), "{refused}");
        assert!(
            refused.err.contains("--credentials-file FILE") && refused.err.contains("--show-secret"),
            "{refused}"
        );
    }
    let dry_run = OutputOptions { dry_run: true, ..ASK };
    assert_eq!(piped(user(), dry_run, false, &provider).code, EXIT_CHANGES, "nothing was written");
    let shown = piped(user(), JSON, true, &provider);
    assert_eq!((shown.code, shown.out.matches(SECRET).count()), (0, 1), "{shown}");
    // There is a key already, so none is shown.
    assert_eq!(piped(user(), YES, false, &provider).code, 0);
    let rotating = || Request { rotate_key: true, ..user() };
    assert_eq!(piped(rotating(), YES, false, &provider).code, EXIT_USAGE);
    assert_eq!(piped(rotating(), YES, true, &provider).out.matches(SECRET).count(), 1);
    assert_eq!(piped(request(), YES, false, &FakeAccount::new().unchecked()).code, 0, "a role has no key");
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_that_no_file_takes_is_a_failure() {
    for (is_shown, secrets, words) in [(true, 1, "shown now"), (false, 0, "--rotate-key` makes another")] {
        let request = PartialRequest::read(user(), Vec::new()).unwrap();
        let results = Results { file: Some(CredentialsFile::full()), ..Results::default() };
        let provider = FakeAccount::new().unchecked();
        let ran = run("", async |screen| {
            screen.is_shown = is_shown;
            carry_out(request, YES, results, &provider, screen).await
        });
        assert_eq!((ran.code, ran.out.matches(SECRET).count()), (EXIT_INCOMPLETE, secrets), "{ran}");
        assert!(ran.out.contains(words) && ran.err.contains("--credentials-file /dev/full: "), "{ran}");
    }
}

#[test]
fn json_is_one_document_with_a_field_for_the_key() {
    let ran = onboard(user(), JSON, &FakeAccount::new().unchecked(), "");
    assert_snapshot!("json", ran.outline());
    assert_eq!(ran.out.matches(SECRET).count(), 1);
    assert!(ran.err.starts_with("Cluster prod in eu-west-1"), "{ran}");
}

#[test]
fn a_denied_call_is_reported_with_the_policy_it_needs() {
    let mut account = FakeAccount::new();
    account.refused = vec![Kind::Function];
    assert_snapshot!("denied", onboard(request(), YES, &account.unchecked(), ""));
}

#[test]
fn words_of_a_console_cannot_control_the_terminal() {
    let console = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", console.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = console.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let length = HOSTILE.len();
        write!(stream, "HTTP/1.1 401 No\r\ncontent-length: {length}\r\n\r\n{HOSTILE}").unwrap();
    });
    let console = Console { url, cluster_id: "c-1".to_owned(), token: "t0ken".to_owned() };
    let (request, provider) =
        (PartialRequest::read(request(), Vec::new()).unwrap(), FakeAccount::new().unchecked());
    let results = Results { console: Some(console), ..Results::default() };
    let ran = run("", async |screen| carry_out(request, YES, results, &provider, screen).await);
    server.join().unwrap();
    assert_eq!(ran.code, EXIT_REFUSED);
    ran.assert_harmless();
}

#[test]
fn a_conflict_ends_the_command_before_the_question() {
    let provider = FakeAccount::new();
    let role = Resource::Role(Role {
        name: "cast-eks-prod".to_owned(),
        description: String::new(),
        trust: serde_json::json!({}),
        boundary: None,
        tags: [].into(),
    });
    run_in_test(provider.create(&role)).unwrap();
    let provider = provider.unchecked();
    assert_snapshot!("conflict", onboard(request(), YES, &provider, ""));
    assert_eq!(onboard(Request { adopt: true, ..request() }, YES, &provider, "").code, 0);
}

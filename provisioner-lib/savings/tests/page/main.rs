//! The page in a real browser: on a phone and on a desktop screen, in light and dark colours.
//!
//! `cargo xtask test` names a Chromium in `CAST_SPOT_BROWSER` and runs these tests; it measures the page in frames of
//! several widths, and prints what was measured with `--dump-dom`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that fails says so"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use cast_spot_savings::{
    choices::Choices,
    compare::compare,
    render::{page, table},
    report::Risk,
    snapshot::Snapshot,
};
use serde_json::{Value, json};

const PHONE: u64 = 360;
const DESK: u64 = 1280;
const WIDTHS: [u64; 4] = [PHONE, 430, 768, DESK];

/// Least contrast of text ("Contrast (Minimum)" in WCAG 2.2).
const CONTRAST: f64 = 4.5;

fn example() -> String {
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop.json");
    let snapshot = Snapshot::parse(&fs::read_to_string(snapshot).unwrap()).unwrap();
    let now = "2026-11-27T08:00:00Z".parse().unwrap();
    let mut comparison = compare(&snapshot, snapshot.prices.as_ref(), &Choices::default(), now);
    let risk = |killed: usize| Risk {
        pods: 9,
        ended: 9 - killed,
        killed,
        last_end_ms: Some(29_500),
        ..Risk::default()
    };
    let places = 0..comparison.judged.len();
    comparison.set_risks(places.map(|place| (place, risk(place % 3))).collect::<BTreeMap<_, _>>());
    assert!(table::render(&comparison.report, 80).contains("killed"));
    page::render(&comparison.report).unwrap()
}

/// What the browser measured for each width, in the given colours.
fn measured(name: &str, is_dark: bool) -> Vec<Value> {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // `</script>` would end the script that contains the page.
    let quoted = serde_json::to_string(&example()).unwrap().replace("</", "<\\/");
    let harness = include_str!("measure.html");
    let harness = harness.replace("WIDTHS;", &format!("{WIDTHS:?};")).replace("PAGE;", &format!("{quoted};"));
    let file = folder.join("measure.html");
    fs::write(&file, harness).unwrap();
    let browser = env::var("CAST_SPOT_BROWSER").expect("run with `cargo xtask test --tier page`");
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-sandbox",
        "--virtual-time-budget=10000",
    ]);
    // 0 is dark and 1 is light.
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark)));
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    // The page cannot load anything.
    command
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()));
    let output = command.output().unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let found = dom.split_once("<pre id=\"measured\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let found = found.unwrap_or_else(|| panic!("{dom}\n{}", String::from_utf8_lossy(&output.stderr))).0;
    let found =
        found.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    let frames: Vec<Value> = serde_json::from_str(&found).unwrap();
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(frames.len(), WIDTHS.len());
    frames
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn nothing_is_wider_than_the_screen() {
    for frame in measured("wide", false) {
        let width = frame["width"].as_u64().unwrap();
        assert!(
            frame["scrolls"].as_u64().unwrap() <= width,
            "{width}: scrolls {}: {}",
            frame["scrolls"],
            frame["wide"]
        );
        assert_eq!(frame["wide"], Value::Array(Vec::new()), "{width}");
        assert_eq!(frame["small"], Value::Array(Vec::new()), "{width}: text is too small");
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn text_has_enough_contrast_in_light_and_dark() {
    for is_dark in [false, true] {
        for frame in measured(if is_dark { "dark" } else { "light" }, is_dark) {
            assert_eq!(frame["dark"], is_dark, "the browser has the colours that were asked for");
            let ratio = frame["faintest"]["ratio"].as_f64().unwrap();
            assert!(ratio >= CONTRAST, "{ratio:.2} dark {is_dark}: {}", frame["faintest"]["text"]);
        }
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn bars_show_and_label_their_cost() {
    for frame in measured("bars", false) {
        let bars = frame["bars"].as_array().unwrap();
        let month = |bar: &Value| -> f64 {
            let said = bar["said"].as_str().unwrap();
            let digits = said.split('$').nth(1).unwrap().split(' ').next().unwrap().replace(',', "");
            digits.parse().unwrap()
        };
        // Today, On-Demand, with Spot, and sized by usage.
        assert_eq!(bars.len(), 4);
        for bar in bars {
            assert_eq!(bar["role"], "img");
            let parts: f64 = bar["parts"].as_array().unwrap().iter().map(|part| part.as_f64().unwrap()).sum();
            let (share, wanted) = (parts / bar["width"].as_f64().unwrap(), month(bar) / month(&bars[0]));
            assert!((share - wanted).abs() < 0.01, "{share} {wanted}");
        }
        let spot = bars[2]["parts"].as_array().unwrap();
        assert!(
            spot.len() == 2 && spot.iter().all(|part| part.as_f64().unwrap() > 1.0),
            "both markets: {spot:?}"
        );
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn a_row_is_a_card_on_a_phone() {
    let frames = measured("rows", false);
    let of = |width: u64| frames.iter().find(|frame| frame["width"] == width).unwrap();
    let tops = |frame: &Value| -> Vec<f64> {
        frame["first"].as_array().unwrap().iter().map(|cell| cell["top"].as_f64().unwrap()).collect()
    };
    let desk = tops(of(DESK));
    assert!(desk.len() == 5 && desk.iter().all(|top| (top - desk[0]).abs() < 1.0), "side by side: {desk:?}");
    let captions = of(PHONE)["captions"].as_array().unwrap();
    assert!(captions.iter().all(|width| width.as_f64().unwrap() > 250.0), "no column of words: {captions:?}");
    let phone = tops(of(PHONE));
    assert!(phone.windows(2).all(|pair| pair[1] > pair[0]), "one below the other: {phone:?}");
    let labels: Vec<_> =
        of(PHONE)["first"].as_array().unwrap().iter().map(|cell| cell["label"].as_str().unwrap()).collect();
    assert_eq!(
        labels[1..],
        ["\"Today\"", "\"With Spot\"", "\"Why\"", "\"If interrupted\""],
        "each has its label"
    );
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn what_is_closed_on_the_screen_is_printed() {
    for frame in measured("print", false) {
        assert_eq!(frame["closed"], 2, "workloads that stay, and those on every node");
        assert_eq!(frame["shown"], json!([false, false]), "on the screen");
        assert_eq!(frame["printed"], json!([true, true]), "on paper");
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test --tier page"]
fn the_page_loads_and_runs_nothing() {
    for frame in measured("alone", false) {
        assert_eq!(frame["loaded"], Value::Array(Vec::new()));
        assert_eq!(frame["scripts"], 0);
    }
}

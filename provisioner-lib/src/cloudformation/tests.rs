use serde_json::json;

use super::*;

const FRAME: &str = "
Conditions:
  SetsDryRun: !Not [!Equals [!Ref DryRun, \"\"]] # CAST_SPOT_DRY_RUN
  Named: !Not [!Equals [!Ref Name, \"\"]] # cast-${Cluster}

Resources:
  # Of one kind.
  Role: # role cast-${Cluster}
";

/// Of a role and of a user, each open and private.
fn merged_of(values: &[Option<Value>; 4]) -> Value {
    let cases = ["IsRole", "IsRole IsPrivate", "IsUser", "IsUser IsPrivate"];
    merged(&cases.into_iter().zip(values.iter().map(Option::as_ref)).collect::<Vec<_>>())
}

#[test]
fn what_is_the_same_in_all_cases_has_no_condition() {
    assert_eq!(merged_of(&[(); 4].map(|()| Some(json!({ "a": [1] })))), json!({ "a": [1] }));
}

#[test]
fn a_difference_goes_by_the_condition_that_explains_it() {
    let value = |a: &str, b: &str| Some(json!({ "a": a, "b": b }));
    let merged = merged_of(&[value("1", "x"), value("2", "x"), value("1", "y"), value("2", "y")]);
    let (a, b) = (json!(["IsPrivate", "2", "1"]), json!(["IsRole", "x", "y"]));
    assert_eq!(merged, json!({ "a": { "Fn::If": a }, "b": { "Fn::If": b } }));
}

#[test]
fn what_exists_in_some_cases_has_their_condition() {
    let value = |a: u8| Some(json!(a));
    let merged = merged_of(&[None, None, value(1), value(2)]);
    let made = json!({ "Fn::If": ["IsPrivate", 2, 1] });
    assert_eq!(merged, json!({ "Fn::If": ["IsUser", made, { "Ref": "AWS::NoValue" }] }));
}

#[test]
fn cases_of_two_conditions_are_divided_one_by_one() {
    let merged = merged_of(&[Some(json!(0)), Some(json!(1)), Some(json!(2)), Some(json!(3))]);
    let (role, user) = (json!({ "Fn::If": ["IsPrivate", 1, 0] }), json!({ "Fn::If": ["IsPrivate", 3, 2] }));
    assert_eq!(merged, json!({ "Fn::If": ["IsRole", role, user] }));
}

#[test]
fn an_item_that_some_cases_lack_has_a_condition() {
    let (short, long) = (Some(json!(["a"])), Some(json!(["b", "a"])));
    let merged = merged_of(&[short.clone(), short, long.clone(), long]);
    assert_eq!(merged, json!(["a", { "Fn::If": ["IsUser", "b", { "Ref": "AWS::NoValue" }] }]));
}

#[test]
fn texts_become_functions_of_the_parameters() {
    let frame = Frame::new(FRAME);
    let none = json!({ "Ref": "AWS::NoValue" });
    for (text, value) in [
        ("cast", json!("cast")),
        ("${VpcId}", json!({ "Ref": "VpcId" })),
        ("${A}${B}", json!({ "Fn::Sub": "${A}${B}" })),
        ("${aws:PrincipalTag/a}", json!("${aws:PrincipalTag/a}")),
        ("${A}/${aws:PrincipalTag/a}", json!({ "Fn::Sub": "${A}/${!aws:PrincipalTag/a}" })),
        ("CAST_SPOT_DRY_RUN", json!({ "Fn::If": ["SetsDryRun", { "Ref": "DryRun" }, none] })),
        (
            "cast-${Cluster}",
            json!({ "Fn::If": ["Named", { "Ref": "Name" }, { "Fn::Sub": "cast-${Cluster}" }] }),
        ),
    ] {
        assert_eq!(frame.expressed(&json!([text])), json!([value]), "{text}");
    }
}

#[test]
fn a_frame_names_resources_and_settings() {
    let frame = Frame::new(FRAME);
    assert_eq!(frame.logical_ids(), [("role cast-${Cluster}", "Role")].into());
    assert_eq!(frame.settings(), [("CAST_SPOT_DRY_RUN".to_owned(), "CAST_SPOT_DRY_RUN".to_owned())].into());
    let filled = frame.filled(|logical| format!("  {logical}: made\n"));
    assert!(filled.ends_with("  # Of one kind.\n  Role: made\n"), "{filled}");
}

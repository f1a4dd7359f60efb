//! Nothing is written where the outcome is not certain, and the entry is named for writing it by hand.

use super::*;

/// Name, list, and what is said of it when ours is to be added.
const UNREADABLE: [(&str, &str, &str); 15] = [
    ("a text", "\"- rolearn: theirs\\n\"", "mapRoles of aws-auth: it is a text, not a list of entries"),
    (
        "one entry",
        "rolearn: theirs\n",
        "mapRoles of aws-auth: it is an entry by itself, not a list of entries",
    ),
    ("a number", "7", "mapRoles of aws-auth: it is a number, not a list of entries"),
    (
        "a list in a list",
        "- rolearn: a\n- - rolearn: b\n",
        "mapRoles of aws-auth, line 2: an entry is a list, not fields with values",
    ),
    (
        "an empty entry",
        "- rolearn: a\n-\n- rolearn: b\n",
        "mapRoles of aws-auth, line 2: an entry is empty, not fields with values",
    ),
    (
        "an ARN for an entry",
        "[arn]",
        "mapRoles of aws-auth, line 1: an entry is a text, not fields with values",
    ),
    (
        "two documents",
        "- rolearn: a\n---\n- rolearn: b\n",
        "mapRoles of aws-auth, line 3: multiple YAML documents detected",
    ),
    (
        "a field twice",
        "- rolearn: a\n  rolearn: b\n",
        "mapRoles of aws-auth, line 2: duplicate mapping key: rolearn",
    ),
    (
        "wrong indentation",
        "- rolearn: a\n  groups:\n  - b\n - rolearn: c\n",
        "mapRoles of aws-auth, line 4: ",
    ),
    ("tabs for indentation", "- rolearn: a\n\tgroups: [b]\n", "mapRoles of aws-auth, line 1: "),
    ("an open bracket", "[{\"rolearn\": \"a\"}", "mapRoles of aws-auth, line 1: "),
    ("an open quote", "- rolearn: \"a\n", "mapRoles of aws-auth, line 1: "),
    ("braces without quotes", "- username: {{SessionName}}\n", "mapRoles of aws-auth, line 1: "),
    ("an unknown anchor", "- rolearn: *a\n", "mapRoles of aws-auth, line 1: "),
    ("more behind it", "[] - rolearn: a\n", "mapRoles of aws-auth, line 1: "),
];

#[test]
fn a_text_that_is_no_list_of_entries_is_left_alone() {
    for (name, text, said) in UNREADABLE {
        let data = data(text);
        let error = add(&data, &mapping("u", &["g"])).unwrap_err();
        assert!(error.to_string().starts_with(said), "{name}: {error}");
        assert!(matches!(error.problem, Problem::Unreadable { .. }), "{name}: {error:?}");
        assert!(
            error.hint.ends_with(&format!("- rolearn: {OURS}\n  username: u\n  groups:\n    - g")),
            "{name}"
        );
        assert!(find(&data, Section::MapRoles, OURS).is_err(), "{name}");
        let error = remove(&data, Section::MapRoles, OURS).unwrap_err();
        assert!(error.hint.starts_with(&format!("take the entry of {OURS} out of mapRoles")), "{name}");
    }
}

#[test]
fn entries_of_one_arn_that_disagree_are_left_alone() {
    let twice =
        format!("- rolearn: {OURS}\n  username: a\n- rolearn: theirs\n- rolearn: {OURS}\n  username: b\n");
    let said = format!("mapRoles of aws-auth, line 4: this entry of {OURS} and the one in line 1 disagree");
    let case = format!("- rolearn: {}\n  username: a\n", OURS.to_uppercase());
    let fields = format!("- rolearn: {OURS}\n  username: a\n  Username: b\n");
    assert_eq!(find(&data(&twice), Section::MapRoles, OURS).unwrap_err().to_string(), said);
    assert_eq!(remove(&data(&twice), Section::MapRoles, OURS).unwrap_err().to_string(), said);
    for text in [twice, case.clone(), fields] {
        let error = add(&data(&text), &mapping("a", &[])).unwrap_err();
        assert!(matches!(error.problem, Problem::Ambiguous { .. }), "{error:?}");
    }
    // An ARN in other letters is not ours to take out.
    assert_eq!((found_in(&case), remove_from(&case)), (None, None));
    // And what others have twice is theirs.
    assert!(add_to("- rolearn: a\n  username: x\n- rolearn: a\n", &mapping("u", &[])).is_some());
}

/// Name, list with ours, and whether it can be added to, changed, and removed.
const CLEVER: [(&str, &str, [bool; 3]); 11] = [
    (
        "an anchor of ours that theirs use",
        "- rolearn: OURS\n  groups: &g [x]\n- rolearn: a\n  groups: *g\n",
        [true, false, false],
    ),
    ("ours by reference", "- &o {rolearn: OURS}\n- rolearn: b\n- *o\n", [true, false, false]),
    ("a name with an anchor", "- &k rolearn: OURS\n  username: x\n", [true, false, true]),
    ("question marks", "- ? rolearn\n  : OURS\n", [true, false, true]),
    ("the list has an anchor", "&all\n- rolearn: OURS\n", [false, false, false]),
    ("the list has a tag", "!!seq\n- rolearn: OURS\n", [false, false, false]),
    ("a tab behind the dash", "-\trolearn: OURS\n", [false, false, false]),
    ("a version", "%YAML 1.2\n---\n- rolearn: OURS\n", [false, false, false]),
    ("carriage returns alone", "- rolearn: OURS\r- rolearn: b\r", [false, false, false]),
    ("a text that ends with the list", "- rolearn: OURS\n  username: |\n    a", [false, true, true]),
    ("a text in the column of the list", "- rolearn: OURS\n  note: \"a\n- b\"\n", [false, false, false]),
];

#[test]
fn a_text_that_is_too_clever_is_left_alone() {
    for (name, text, can) in CLEVER {
        let text = text.replace("OURS", OURS);
        let other = Mapping { arn: "arn:aws:iam::1:role/new".to_owned(), ..mapping("u", &["g"]) };
        let changed = mapping("u", &["g"]);
        let edits = [
            add(&data(&text), &other),
            add(&data(&text), &changed),
            remove(&data(&text), Section::MapRoles, OURS),
        ];
        for (edit, can) in edits.into_iter().zip(can) {
            match edit {
                Ok(edited) => assert!(can && edited.is_some(), "{name}: {edited:?}"),
                Err(error) => {
                    assert!(!can, "{name}: {error}");
                    assert!(error.to_string().contains("cannot be edited safely"), "{name}: {error}");
                    assert!(error.hint.contains("role/"), "{name}");
                }
            }
        }
    }
}

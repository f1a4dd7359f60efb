//! An entry of ours comes, changes and goes; what was there stays byte for byte.

use super::*;

const THEIRS: &str = "- rolearn: arn:aws:iam::123456789012:role/theirs";

/// Name, list, and the line or piece that ours is written as.
const FORMS: [(&str, &str, &str); 27] = [
    (
        "as EKS makes it",
        "- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: arn:aws:iam::123456789012:role/theirs\n  username: system:node:{{EC2PrivateDNSName}}\n",
        "\n- rolearn: arn:aws:iam::123456789012:role/ours\n  username: ours\n  groups:\n    - a\n    - system:b\n",
    ),
    ("no newline at the end", "- rolearn: theirs\n  groups: [a]", "  groups: [a]\n- rolearn: "),
    (
        "indented",
        "  - rolearn: theirs\n    groups:\n      - a\n",
        "\n  - rolearn: arn:aws:iam::123456789012:role/ours\n    username: ours\n    groups:\n      - a\n",
    ),
    (
        "wide dash",
        "-   rolearn: theirs\n    username: x\n",
        "\n-   rolearn: arn:aws:iam::123456789012:role/ours\n    username: ours\n",
    ),
    ("dash alone", "-\n  rolearn: theirs\n  username: x\n", "\n- rolearn: arn"),
    ("dash and a comment", "- # of the platform team\n  rolearn: theirs\n", "\n- rolearn: arn"),
    (
        "comments",
        "# who may\n- rolearn: theirs # all\n  # groups: [b]\n  groups: ['system:masters'] # 'a\n\n# - rolearn: old\n",
        "old\n- rolearn: arn",
    ),
    ("blank lines", "\n\n- rolearn: theirs\n\n- rolearn: others\n\n\n", "\n\n\n- rolearn: arn"),
    ("spaces at the end", "- rolearn: theirs  \n  username: x\t\n   ", "\n   \n- rolearn: arn"),
    (
        "windows line ends",
        "# a\r\n- rolearn: theirs\r\n  username: x\r\n",
        "\r\n- rolearn: arn:aws:iam::123456789012:role/ours\r\n  username: ours\r\n  groups:\r\n    - a\r\n",
    ),
    ("windows, no end", "- rolearn: theirs\r\n  username: x", "x\r\n- rolearn: arn"),
    (
        "quoted",
        "- \"rolearn\": \"theirs\"\n  'username': 'it''s'\n  \"groups\": [\"a\", 'b']\n",
        "\n- rolearn: arn",
    ),
    (
        "texts over lines",
        "- rolearn: theirs\n  username: |\n    - a\n    # b\n  note: \"x\n\n    y\"\n  more: >-\n    z\n",
        "\n- rolearn: arn",
    ),
    (
        "document marks",
        "---\n- rolearn: theirs\n...\n",
        "\n- rolearn: arn:aws:iam::123456789012:role/ours\n  username: ours\n  groups:\n    - a\n    - system:b\n...\n",
    ),
    (
        "anchors",
        "- &one\n  rolearn: theirs\n  groups: &g [a]\n- rolearn: others\n  groups: *g\n- <<: *one\n  username: x\n",
        "\n- rolearn: arn",
    ),
    ("byte order mark", "\u{feff}- rolearn: theirs\n  username: é\n", "\n- rolearn: arn"),
    (
        "fields of others",
        "- rolearn: theirs\n  note: of the platform team\n  since: 2019\n- account: 1\n",
        "\n- rolearn: arn",
    ),
    ("entries in braces", "- {rolearn: theirs, groups: [a, b]}\n", "\n- rolearn: arn"),
    (
        "JSON in a line",
        r#"[{"rolearn":"theirs","username":"x","groups":["a"]}]"#,
        r#"},{"rolearn":"arn:aws:iam::123456789012:role/ours","username":"ours","groups":["a","system:b"]}]"#,
    ),
    (
        "JSON with spaces",
        "[{\"rolearn\": \"theirs\", \"groups\": [\"a\"]}]\n",
        ", {\"rolearn\": \"arn:aws:iam::123456789012:role/ours\", \"username\": \"ours\", \"groups\": [\"a\", \"system:b\"]}]\n",
    ),
    (
        "JSON over lines",
        "[\n  {\n    \"rolearn\": \"theirs\",\n    \"groups\": [\n      \"a\"\n    ]\n  }\n]\n",
        "  },\n  {\n    \"rolearn\": \"arn:aws:iam::123456789012:role/ours\",\n    \"username\": \"ours\",\n    \"groups\": [\"a\", \"system:b\"]\n  }\n]\n",
    ),
    (
        "JSON, tabs and windows",
        "[\r\n\t{\r\n\t\t\"rolearn\": \"theirs, [\\\"\"\r\n\t}\r\n]",
        "\t},\r\n\t{\r\n\t\t\"rolearn\": \"arn:aws:iam::123456789012:role/ours\",\r\n\t\t\"username\"",
    ),
    (
        "an entry a line",
        "[\n  {\"rolearn\": \"theirs\"},\n  {\"rolearn\": \"others\"}\n]",
        "},\n  {\"rolearn\": \"arn:aws:iam::123456789012:role/ours\", \"username\"",
    ),
    (
        "brackets of YAML",
        "--- [ {rolearn: theirs, username: it's, groups: ['a, }', \"]\"]}, ] # end",
        "}, {rolearn: \"arn:aws:iam::123456789012:role/ours\", username: \"ours\", groups: [\"a\", \"system:b\"]}, ] # end",
    ),
    (
        "comments in brackets",
        "[ # who, may [\n  {rolearn: theirs}, # a, b\n  {rolearn: others} # c }\n]",
        "{rolearn: others},\n  {rolearn: \"arn",
    ),
    (
        "empty list",
        "[]\n",
        "[{\"rolearn\": \"arn:aws:iam::123456789012:role/ours\", \"username\": \"ours\", \"groups\": [\"a\", \"system:b\"]}]\n",
    ),
    ("empty list with space", "# a\n[ ]", "# a\n[{\"rolearn\": \"arn"),
];

#[test]
fn ours_comes_changes_and_goes_and_all_else_stays() {
    let ours = mapping("ours", &["a", "system:b"]);
    let other = mapping("system:node:{{EC2PrivateDNSName}}", &[]);
    for (form, text, piece) in FORMS {
        assert_eq!((found_in(text), remove_from(text)), (None, None), "{form}");
        let added = add_to(text, &ours).unwrap();
        assert!(added.contains(piece), "{form}: {added:?}");
        assert!(is_insertion(text, &added), "{form}: {added:?}");
        assert_eq!(found_in(&added), Some(ours.clone()), "{form}");
        assert_eq!(add_to(&added, &ours), None, "{form}");
        let changed = add_to(&added, &other).unwrap();
        assert_eq!(found_in(&changed), Some(other.clone()), "{form}");
        assert!(is_insertion(text, &changed), "{form}: {changed:?}");
        assert_eq!(add_to(&changed, &other), None, "{form}");
        let back = add_to(&changed, &ours).unwrap();
        assert_eq!(found_in(&back), Some(ours.clone()), "{form}");
        for text_with_ours in [added, changed, back] {
            assert_eq!(remove_from(&text_with_ours).as_deref(), Some(text), "{form}: {text_with_ours:?}");
        }
        assert_eq!(text.ends_with('\n'), add_to(text, &ours).unwrap().ends_with('\n'), "{form}");
    }
}

/// Name, list, list with ours, and what stays when ours is gone.
const NOTHING: [(&str, &str, &str, &str); 11] = [
    ("empty text", "", "- rolearn: OURS\n  username: u\n  groups:\n    - g\n", ""),
    ("blank text", " \t\r\n", "- rolearn: OURS\r\n  username: u\r\n  groups:\r\n    - g\r\n", ""),
    ("comment only", "# none", "# none\n- rolearn: OURS\n  username: u\n  groups:\n    - g", "# none"),
    (
        "marks only",
        "---\n...\n",
        "---\n- rolearn: OURS\n  username: u\n  groups:\n    - g\n...\n",
        "---\n[]\n...\n",
    ),
    ("null", "null\n", "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}]\n", "[]\n"),
    (
        "tilde",
        "--- ~ # a",
        "--- [{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}] # a",
        "--- [] # a",
    ),
    ("two quotes", "\"\"", "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}]", "[]"),
    ("two single quotes", "''", "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}]", "[]"),
    (
        "two backticks",
        "``\n",
        "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}]\n",
        "[]\n",
    ),
    ("brackets", "[]", "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}]", "[]"),
    (
        "brackets over lines",
        "[\r\n]",
        "[{\"rolearn\": \"OURS\", \"username\": \"u\", \"groups\": [\"g\"]}\r\n]",
        "[\r\n]",
    ),
];

#[test]
fn nothing_becomes_a_list_and_an_empty_list_stays() {
    for (form, text, with_ours, rest) in NOTHING {
        let added = add_to(text, &mapping("u", &["g"]));
        assert_eq!(added, Some(with_ours.replace("OURS", OURS)), "{form}");
        assert_eq!(remove_from(&added.unwrap()).as_deref(), Some(rest), "{form}");
        assert_eq!((found_in(rest), remove_from(rest)), (None, None), "{form}");
    }
}

#[test]
fn a_missing_key_is_made_and_stays_as_an_empty_text() {
    let ours = mapping("u", &[]);
    let added = add(&Data::new(), &ours).unwrap().unwrap();
    assert_eq!(added["mapRoles"], format!("- rolearn: {OURS}\n  username: u\n  groups: []\n"));
    let removed = remove(&added, Section::MapRoles, OURS).unwrap().unwrap();
    assert_eq!(removed, Data::from([("mapRoles".to_owned(), String::new())]));
    assert_eq!(remove(&Data::new(), Section::MapRoles, OURS), Ok(None));
    assert_eq!(find(&Data::new(), Section::MapRoles, OURS), Ok(None));
}

#[test]
fn users_stand_in_the_list_of_users() {
    let user = Mapping { users: true, arn: "arn:aws:iam::1:user/u".to_owned(), ..mapping("u", &["g"]) };
    let before = Data::from([("mapRoles".to_owned(), THEIRS.to_owned())]);
    let added = add(&before, &user).unwrap().unwrap();
    assert_eq!(added["mapRoles"], THEIRS);
    assert_eq!(added["mapUsers"], "- userarn: arn:aws:iam::1:user/u\n  username: u\n  groups:\n    - g\n");
    assert_eq!(find(&added, Section::MapRoles, &user.arn), Ok(None));
    assert_eq!(find(&added, Section::MapUsers, &user.arn), Ok(Some(user)));
}

#[test]
fn texts_that_yaml_would_take_for_something_else_are_quoted() {
    for name in [
        "yes", "Null", "12", "a: b", "a #b", "- a", "it's", "\"", "a\nb", "é", "*", "{a}", "a:", "", "~",
        "0x1",
    ] {
        let ours = mapping(name, &[name, "system:masters"]);
        for text in ["", "[]", "- rolearn: theirs\r\n", "- {rolearn: theirs}\n"] {
            let added = add_to(text, &ours).unwrap();
            assert_eq!(found_in(&added), Some(ours.clone()), "{added}");
            let changed = add_to(&add_to(text, &mapping("x", &["y"])).unwrap(), &ours).unwrap();
            assert_eq!(found_in(&changed), Some(ours.clone()), "{changed}");
        }
    }
}

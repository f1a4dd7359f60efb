//! Managed entries among foreign ones, written by another tool.

use super::*;

/// Name, list, list after the change to user `u` and group `g`, list after the removal.
const CASES: [(&str, &str, &str, &str); 19] = [
    (
        "the first",
        "- rolearn: OURS\n  username: x\n- rolearn: theirs\n",
        "- rolearn: OURS\n  groups:\n    - g\n  username: u\n- rolearn: theirs\n",
        "- rolearn: theirs\n",
    ),
    (
        "between comments",
        "- rolearn: theirs\n# ours\n- groups:\n  - x # y\n  - z\n  rolearn: OURS # it\n  username: u\n\n# theirs\n- rolearn: others\n",
        "- rolearn: theirs\n# ours\n- groups:\n  - g\n  rolearn: OURS # it\n  username: u\n\n# theirs\n- rolearn: others\n",
        "- rolearn: theirs\n# ours\n\n# theirs\n- rolearn: others\n",
    ),
    (
        "the last, no newline",
        "- rolearn: theirs\n- rolearn: OURS\n  username: u\n  groups: [x]",
        "- rolearn: theirs\n- rolearn: OURS\n  username: u\n  groups: [\"g\"]",
        "- rolearn: theirs",
    ),
    (
        "the only, no newline",
        "- rolearn: OURS\n  username: x\n  groups: [g]",
        "- rolearn: OURS\n  username: u\n  groups: [g]",
        "",
    ),
    (
        "windows line ends",
        "- rolearn: OURS\r\n  groups:\r\n      - x\r\n- rolearn: theirs\r\n",
        "- rolearn: OURS\r\n  username: u\r\n  groups:\r\n      - g\r\n- rolearn: theirs\r\n",
        "- rolearn: theirs\r\n",
    ),
    (
        "fields of others in it",
        "- note: [of, the,\n    team]\n  rolearn: 'OURS'\n  username: >-\n    x\n    y\n  since: 1\n  groups:\n",
        "- note: [of, the,\n    team]\n  rolearn: 'OURS'\n  username: u\n  since: 1\n  groups:\n    - g\n",
        "",
    ),
    (
        "other case of the names",
        "- roleARN: OURS\n  \"UserName\": x\n  Groups: [g]\n",
        "- roleARN: OURS\n  \"UserName\": u\n  Groups: [g]\n",
        "",
    ),
    (
        "dash alone",
        "  -\n     rolearn: OURS\n     username: x\n  - rolearn: theirs\n",
        "  -\n     rolearn: OURS\n     groups:\n       - g\n     username: u\n  - rolearn: theirs\n",
        "  - rolearn: theirs\n",
    ),
    (
        "in braces in a block",
        "- {rolearn: OURS, groups: [x, y], note: a}\n- {rolearn: theirs}\n",
        "- {rolearn: OURS, username: \"u\", groups: [\"g\"], note: a}\n- {rolearn: theirs}\n",
        "- {rolearn: theirs}\n",
    ),
    (
        "groups that are no list",
        "- rolearn: OURS\n  username: u\n  groups: g, h\n",
        "- rolearn: OURS\n  username: u\n  groups:\n    - g\n",
        "",
    ),
    (
        "twice and agreeing",
        "- rolearn: OURS\n  username: x\n- rolearn: theirs\n- {username: x, rolearn: OURS}\n",
        "- rolearn: OURS\n  groups:\n    - g\n  username: u\n- rolearn: theirs\n- {username: \"u\", rolearn: OURS, groups: [\"g\"]}\n",
        "- rolearn: theirs\n",
    ),
    (
        "JSON, the first",
        r#"[{"rolearn":"OURS","username":"x"},{"rolearn":"theirs"}]"#,
        r#"[{"rolearn":"OURS","groups":["g"],"username":"u"},{"rolearn":"theirs"}]"#,
        r#"[{"rolearn":"theirs"}]"#,
    ),
    (
        "JSON, the middle",
        r#"[{"rolearn": "a"}, {"groups": ["x"], "rolearn": "OURS", "username": "u"}, {"rolearn": "b"}]"#,
        r#"[{"rolearn": "a"}, {"groups": ["g"], "rolearn": "OURS", "username": "u"}, {"rolearn": "b"}]"#,
        r#"[{"rolearn": "a"}, {"rolearn": "b"}]"#,
    ),
    (
        "JSON over lines",
        "[\n  {\n    \"rolearn\": \"OURS\",\n    \"groups\": [\n      \"x\"\n    ]\n  },\n  {\n    \"rolearn\": \"b\"\n  }\n]\n",
        "[\n  {\n    \"rolearn\": \"OURS\",\n    \"username\": \"u\",\n    \"groups\": [\"g\"]\n  },\n  {\n    \"rolearn\": \"b\"\n  }\n]\n",
        "[\n  {\n    \"rolearn\": \"b\"\n  }\n]\n",
    ),
    (
        "JSON over lines, the last",
        "[\n  {\"rolearn\": \"a\"},\n  {\"rolearn\": \"OURS\", \"username\": \"u\"}\n]",
        "[\n  {\"rolearn\": \"a\"},\n  {\"rolearn\": \"OURS\", \"groups\": [\"g\"], \"username\": \"u\"}\n]",
        "[\n  {\"rolearn\": \"a\"}\n]",
    ),
    (
        "comments in brackets, the last",
        "[\n  {rolearn: a}, # a\n  {rolearn: OURS, username: x, groups: [g]} # ours\n]",
        "[\n  {rolearn: a}, # a\n  {rolearn: OURS, username: \"u\", groups: [g]} # ours\n]",
        "[\n  {rolearn: a} # a\n   # ours\n]",
    ),
    (
        "comments in brackets, the middle",
        "[\n  {rolearn: a}, # a\n  {rolearn: OURS, username: x, groups: [g]}, # ours\n  {rolearn: b},\n]",
        "[\n  {rolearn: a}, # a\n  {rolearn: OURS, username: \"u\", groups: [g]}, # ours\n  {rolearn: b},\n]",
        "[\n  {rolearn: a}, # a\n   # ours\n  {rolearn: b},\n]",
    ),
    (
        "the only, comma at the end",
        "[{rolearn: OURS, username: u, groups: }, ]\n",
        "[{rolearn: OURS, username: u, groups: [\"g\"] }, ]\n",
        "[ ]\n",
    ),
    (
        "theirs contains ours",
        "- rolearn: OURS2\n- rolearn: OURS\n  username: x\n  groups: [g]\n- rolearn: theirs\n  note: rolearn OURS\n",
        "- rolearn: OURS2\n- rolearn: OURS\n  username: u\n  groups: [g]\n- rolearn: theirs\n  note: rolearn OURS\n",
        "- rolearn: OURS2\n- rolearn: theirs\n  note: rolearn OURS\n",
    ),
];

#[test]
fn only_its_own_lines_change_and_go() {
    let ours = mapping("u", &["g"]);
    for (name, text, changed, removed) in CASES {
        let [text, changed, removed] = [text, changed, removed].map(|text| text.replace("OURS", OURS));
        assert_ne!(found_in(&text), Some(ours.clone()), "{name}");
        assert_eq!(add_to(&text, &ours), Some(changed.clone()), "{name}");
        assert_eq!(found_in(&changed), Some(ours.clone()), "{name}");
        assert_eq!(add_to(&changed, &ours), None, "{name}");
        assert_eq!(remove_from(&text), Some(removed.clone()), "{name}");
        assert_eq!(remove_from(&changed), Some(removed.clone()), "{name}");
        assert_eq!(remove_from(&removed), None, "{name}");
    }
}

#[test]
fn fields_that_should_be_texts_and_are_not_are_shown_and_mended() {
    let text = format!("- rolearn: {OURS}\n  username: 12\n  groups: [true, a]\n");
    assert_eq!(found_in(&text), Some(mapping("12", &["true", "a"])));
    let mended = add_to(&text, &mapping("12", &["true", "a"])).unwrap();
    assert_eq!(mended, format!("- rolearn: {OURS}\n  username: \"12\"\n  groups: [\"true\", \"a\"]\n"));
}

//! Random lists.

use proptest::prelude::*;

use super::*;

/// An entry in one of the styles that a list allows.
fn block_entry() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-z][a-z0-9]{0,3}|'it''s'|\"q, \\[#\"|system:node:\\{\\{E\\}\\}";
    let comment = prop::sample::select(vec!["", " # c", "  "]);
    (0..1000_u32, name, prop::collection::vec("[a-z]{1,4}|\"x: y\"", 0..3), 0..4_u8, comment, any::<bool>())
        .prop_map(|(number, username, groups, style, comment, extra)| {
            let arn = format!("rolearn: arn:aws:iam::1:role/r{number}{comment}");
            let username = format!("username: {username}{comment}");
            let brackets = format!("groups: [{}]{comment}", groups.join(", "));
            let mut lines = match style {
                0 => vec![arn, username, brackets],
                1 => vec![brackets, username, arn],
                2 => vec![format!("{{rolearn: a{number}, \"groups\": [{}]}}{comment}", groups.join(","))],
                _ => {
                    let mut lines = vec!["groups:".to_owned()];
                    lines.extend(groups.iter().map(|group| format!("- {group}{comment}")));
                    lines.extend([arn, username]);
                    lines
                }
            };
            if extra && style != 2 {
                lines.extend([
                    "# c".to_owned(),
                    "note: |".to_owned(),
                    "   - x".to_owned(),
                    "   # y".to_owned(),
                ]);
            }
            lines
        })
}

/// Pieces of a list: what is before each entry and the entry.
fn block_list() -> impl Strategy<Value = (Vec<String>, &'static str, String)> {
    let between = prop::sample::select(vec!["", "# c\n", "\n", "  # - rolearn: old\n"]);
    let eol = prop::sample::select(vec!["\n", "\r\n"]);
    let entries = prop::collection::vec((between, block_entry()), 0..5);
    let end = prop::sample::select(vec!["", "\n", "# end", "...\n"]);
    (entries, 0..4_usize, 1..4_usize, eol, end).prop_map(|(entries, indent, width, eol, end)| {
        let pieces = entries.iter().map(|(between, lines)| {
            let margin = format!("\n{:1$}", "", indent + 1 + width);
            let entry = format!("{:indent$}-{:width$}{}\n", "", "", lines.join(&margin));
            format!("{between}{entry}").replace('\n', eol)
        });
        (pieces.collect(), eol, end.replace('\n', eol))
    })
}

fn json_entry() -> impl Strategy<Value = serde_json::Value> {
    let text = "[a-z]{1,4}|[\\[\\]{},:#\"'é ]{0,4}";
    (text, text, prop::collection::vec(text, 0..3)).prop_map(|(arn, username, groups)| {
        serde_json::json!({ "rolearn": format!("r{arn}"), "username": username, "groups": groups })
    })
}

fn comes_and_goes(text: &str) -> Result<(), TestCaseError> {
    let (ours, other) = (mapping("u", &["g"]), mapping("yes", &["it's", "h"]));
    let added = add_to(text, &ours).unwrap();
    prop_assert!(is_insertion(text, &added), "{added:?}");
    prop_assert_eq!(found_in(&added), Some(ours.clone()));
    prop_assert_eq!(add_to(&added, &ours), None);
    let changed = add_to(&added, &other).unwrap();
    prop_assert!(is_insertion(text, &changed), "{changed:?}");
    prop_assert_eq!(found_in(&changed), Some(other));
    prop_assert_eq!(remove_from(&changed).unwrap(), text);
    prop_assert_eq!(remove_from(&added).unwrap(), text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn block_lists_are_restored((pieces, eol, end) in block_list()) {
        let text = pieces.concat() + &end;
        if pieces.is_empty() && end.trim() != "# end" {
            return Ok(());
        }
        comes_and_goes(&text)?;
        // A text that ends with the list is left alone.
        if end.is_empty() && !text.ends_with(&format!("# y{eol}")) {
            comes_and_goes(text.trim_end_matches(['\r', '\n']))?;
        }
    }

    /// Ours in any place and any style: the bytes of the others stay in their order.
    #[test]
    fn ours_among_others_is_changed_and_taken_out(
        (pieces, eol, end) in block_list(), at in any::<prop::sample::Index>(), style in 0..3_u8,
    ) {
        let Some(index) = (!pieces.is_empty()).then(|| at.index(pieces.len())) else { return Ok(()) };
        let piece = &pieces[index];
        let dash = piece.lines().find(|line| line.trim_start().starts_with('-')).unwrap();
        let start = dash.len() - dash.trim_start_matches([' ', '-']).len();
        let (dash, margin) = (&dash[..start], " ".repeat(start));
        let entry = match style {
            0 => format!("{dash}rolearn: {OURS}{eol}{margin}groups:{eol}{margin}- x # y{eol}"),
            1 => format!("{dash}{{\"groups\": [], rolearn: '{OURS}'}} # c{eol}"),
            _ => format!("{dash}note: a{eol}{eol}{margin}username: |{eol}{margin}  # b{eol}{margin}rolearn: {OURS}{eol}"),
        };
        let (before, after) = (pieces[..index].concat(), pieces[index..].concat() + &end);
        let text = format!("{before}{entry}{after}");
        let changed = add_to(&text, &mapping("u", &["g"])).unwrap();
        prop_assert!(changed.starts_with(&before) && changed.ends_with(&after), "{changed:?}");
        prop_assert_eq!(found_in(&changed), Some(mapping("u", &["g"])));
        prop_assert_eq!(remove_from(&changed).unwrap(), before.clone() + &after);
        prop_assert_eq!(remove_from(&text).unwrap(), before + &after);
    }

    #[test]
    fn json_is_restored(entries in prop::collection::vec(json_entry(), 0..4), pretty in any::<bool>()) {
        let entries = serde_json::Value::from(entries);
        comes_and_goes(&entries.to_string())?;
        if pretty {
            let text = format!("{entries:#}\n");
            comes_and_goes(&text)?;
            comes_and_goes(&text.replace('\n', "\r\n").replace("  ", "\t"))?;
        }
    }

    /// Whatever the text: an answer or an error, no panic, and an edit says what it should.
    #[test]
    fn broken_texts_are_survived(
        (pieces, _, end) in block_list(), at in any::<prop::sample::Index>(),
        with in "[-\\[\\]{}:#\"'&*|>!%@`,?~ é\r\n\t]{0,3}", length in 0..4_usize,
    ) {
        let mut chars: Vec<char> = (pieces.concat() + &end).chars().collect();
        let start = at.index(chars.len() + 1);
        chars.splice(start..(start + length).min(chars.len()), with.chars());
        let text: String = chars.into_iter().collect();
        if let Ok(added) = add(&data(&text), &mapping("u", &["g"])) {
            let added = text_of(added).unwrap();
            prop_assert_eq!(found_in(&added), Some(mapping("u", &["g"])));
            prop_assert!(is_insertion(&text, &added) || super::entries::parse(&text).unwrap().is_empty(), "{added:?}");
            if let Ok(removed) = remove(&data(&added), Section::MapRoles, OURS) {
                prop_assert_eq!(found_in(&text_of(removed).unwrap()), None);
            }
        }
    }
}

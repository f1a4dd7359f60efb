//! One value for all cases: where they differ, `Fn::If` with the condition that tells them apart.

use serde_json::{Map, Value, json};

/// A case's conditions, and its value for a part of the template.
pub(super) type Variant<'a> = (&'a str, Option<&'a Value>);

/// Merges objects key by key, and lists item by item.
pub(super) fn merged(variants: &[Variant]) -> Value {
    if same(variants) {
        let value = variants.first().and_then(|(_, value)| value.cloned());
        return value.unwrap_or_else(|| json!({ "Ref": "AWS::NoValue" }));
    }
    let part = |find: &dyn for<'a> Fn(&'a Value) -> Option<&'a Value>| {
        let found = variants.iter().map(|(conditions, value)| (*conditions, value.and_then(find)));
        merged(&found.collect::<Vec<_>>())
    };
    let objects: Option<Vec<_>> = variants.iter().map(|(_, value)| (*value)?.as_object()).collect();
    let lists: Option<Vec<_>> = variants.iter().map(|(_, value)| (*value)?.as_array()).collect();
    match (objects, lists) {
        (Some(objects), _) => {
            let keys = distinct(objects.into_iter().flat_map(Map::keys)).into_iter();
            let entry = |key: &String| (key.clone(), part(&|object| object.get(key)));
            keys.map(entry).collect::<Map<_, _>>().into()
        }
        (_, Some(lists)) => {
            let names = distinct(lists.into_iter().flatten().map(name)).into_iter();
            names.map(|one| part(&|list| list.as_array()?.iter().find(|item| name(item) == one))).collect()
        }
        _ => divided(variants),
    }
}

/// The key by which items of a list are matched between cases.
fn name(item: &Value) -> &Value {
    ["Key", "PolicyName", "Sid"].iter().find_map(|key| item.get(key)).unwrap_or(item)
}

/// `Fn::If` with the condition under which there is a value at all; else one that leaves no differences; else any.
fn divided(variants: &[Variant]) -> Value {
    let sides = |condition| {
        let holds = |(conditions, _): &Variant| conditions.split(' ').any(|one| one == condition);
        let (yes, no): (Vec<_>, Vec<_>) = variants.iter().copied().partition(holds);
        (condition, yes, no)
    };
    let sides = variants.iter().flat_map(|(conditions, _)| conditions.split(' ')).map(sides);
    let best = sides.filter(|(_, yes, no)| !yes.is_empty() && !no.is_empty()).min_by_key(|(_, yes, no)| {
        let is_presence =
            yes.iter().all(|(_, value)| value.is_some()) && no.iter().all(|(_, value)| value.is_none());
        (!is_presence, !(same(yes) && same(no)))
    });
    let (name, yes, no) = best.expect("a condition explains each difference between cases");
    json!({ "Fn::If": [name, merged(&yes), merged(&no)] })
}

fn same(variants: &[Variant]) -> bool {
    variants.windows(2).all(|pair| pair[0].1 == pair[1].1)
}

/// Each once, in the order of their first appearance.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut distinct, item| {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
        distinct
    })
}

//! What counts as a change, how it is told, and that nothing grows without bounds.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn paths(pointers: &[&str]) -> Vec<FieldPath> {
    pointers.iter().map(|at| FieldPath::from_pointer(at).unwrap()).collect()
}

fn found(old: &str, new: &str) -> Changes {
    difference(old.as_bytes(), new.as_bytes(), &[])
}

/// The changes as a receiver reads them.
fn told(changes: &Changes) -> Value {
    let value = |of: &Shown| serde_json::from_str::<Value>(&of.json).unwrap();
    let one =
        |of: &Change| json!({"field": of.field, "old": value(&of.old), "new": value(&of.new)});
    changes.fields.iter().map(one).collect()
}

fn check(old: &str, new: &str, expected: &Value) {
    let changes = found(old, new);
    assert_eq!(told(&changes), *expected, "{old} {new}");
    assert!(changes.complete);
}

#[test]
fn a_member_that_differs_is_told_by_its_name() {
    check(
        r#"{"title":"A","id":1}"#,
        r#"{"id":1,"title":"B"}"#,
        &json!([{"field": "title", "old": "A", "new": "B"}]),
    );
}

#[test]
fn a_member_further_inside_is_told_by_a_pointer() {
    check(
        r#"{"custom_fields":{"tier":"gold","x":1,"a/b":{"~":[1]}}}"#,
        r#"{"custom_fields":{"tier":"free","x":1,"a/b":{"~":[2]}}}"#,
        &json!([
            {"field": "/custom_fields/a~1b/~0", "old": [1], "new": [2]},
            {"field": "/custom_fields/tier", "old": "gold", "new": "free"},
        ]),
    );
}

#[test]
fn a_name_that_looks_like_a_pointer_is_written_as_one() {
    check(
        r#"{"/a":1,"":1,"a/b":1,"a~":1}"#,
        r#"{"/a":2,"":2,"a/b":2,"a~":2}"#,
        &json!([
            {"field": "/", "old": 1, "new": 2},
            {"field": "/~1a", "old": 1, "new": 2},
            {"field": "a/b", "old": 1, "new": 2},
            {"field": "a~", "old": 1, "new": 2},
        ]),
    );
}

#[test]
fn what_is_missing_is_null_and_null_is_missing() {
    check(
        r#"{"gone":1,"null":null,"nothing":null}"#,
        r#"{"new":{"a":1},"null":2}"#,
        &json!([
            {"field": "gone", "old": 1, "new": null},
            {"field": "new", "old": null, "new": {"a": 1}},
            {"field": "null", "old": null, "new": 2},
        ]),
    );
}

#[test]
fn spelling_is_no_change() {
    check(
        r#"{"n":1.0,"big":12345678901234567890123,"t":"2026-01-01T00:00:00-05:00","s":"é","a":[1,{"b":null}]}"#,
        r#" {"a" : [1e0, {}], "s":"\u00e9","t":"2026-01-01T05:00:00.000Z","big":12345678901234567890123,"n":1} "#,
        &json!([]),
    );
}

#[test]
fn arrays_and_values_of_another_kind_are_told_whole() {
    check(
        r#"{"tags":["a","b"],"owner":{"id":1},"n":1}"#,
        r#"{"tags":["b","a"],"owner":7,"n":"1"}"#,
        &json!([
            {"field": "n", "old": 1, "new": "1"},
            {"field": "owner", "old": {"id": 1}, "new": 7},
            {"field": "tags", "old": ["a", "b"], "new": ["b", "a"]},
        ]),
    );
}

#[test]
fn numbers_keep_their_spelling() {
    let changes = found(r#"{"n":1.50}"#, r#"{"n":12345678901234567890123}"#);
    let values = (changes.fields[0].old.json.as_str(), changes.fields[0].new.json.as_str());
    assert_eq!(values, ("1.50", "12345678901234567890123"));
}

#[test]
fn members_that_are_left_out_are_neither_compared_nor_told() {
    let left_out = paths(&["/pin", "/o/pin", "/list/pin"]);
    let old = br#"{"pin":1,"o":{"pin":1,"a":1},"list":[{"pin":1}]}"#;
    let compare = |new: &str| told(&difference(old, new.as_bytes(), &left_out));
    assert_eq!(compare(r#"{"pin":2,"o":{"pin":2,"a":1},"list":[{"pin":2}]}"#), json!([]));
    assert_eq!(
        compare(r#"{"pin":1,"o":{"a":2},"list":[]}"#),
        json!([{"field": "/o/a", "old": 1, "new": 2}])
    );
    assert_eq!(compare(r#"{"list":[]}"#), json!([{"field": "o", "old": {"a": 1}, "new": null}]));
}

#[test]
fn a_long_value_is_cut_between_two_letters_and_says_so() {
    let long = "é\"".repeat(600);
    let new = json!({"bio": long, "list": vec![1; 600], "short": "B"}).to_string();
    let changes = found(r#"{"bio":"A","list":[],"short":"A"}"#, &new);
    assert!(!changes.complete);
    let [bio, list, short] = &changes.fields[..] else { panic!("{changes:?}") };
    assert_eq!((bio.old.cut, bio.new.cut, short.new.cut), (false, true, false));
    let kept: String = serde_json::from_str(&bio.new.json).unwrap();
    assert!(long.starts_with(&kept) && bio.new.json.len() <= LONGEST && kept.len() > 700);
    let kept: String = serde_json::from_str(&list.new.json).unwrap();
    assert!(list.new.cut && kept.starts_with("[1,1,1,"));
}

#[test]
fn a_text_that_is_long_only_as_it_was_written_is_whole() {
    let new = format!("{{\"a\":\"{}\"}}", "\\u0061".repeat(500));
    let changes = found(r#"{"a":"b"}"#, &new);
    assert!(changes.complete && !changes.fields[0].new.cut);
    assert_eq!(changes.fields[0].new.json, format!("\"{}\"", "a".repeat(500)));
}

#[test]
fn more_than_a_hundred_changes_are_not_told() {
    let record = |value: i64| {
        let members: Map<String, Value> =
            (0..150).map(|at| (format!("f{at:03}"), json!(value))).collect();
        Value::from(members).to_string()
    };
    let changes = found(&record(1), &record(2));
    assert_eq!((changes.fields.len(), changes.complete), (MOST, false));
    assert_eq!(changes.fields[99].field, "f099");
}

#[test]
fn all_changes_together_are_bounded_and_what_still_fits_is_told() {
    let record = |letter: &str| {
        let mut members: Map<String, Value> =
            (0..40).map(|at| (format!("f{at:03}"), json!(letter.repeat(900)))).collect();
        members.insert("small".to_owned(), json!(letter));
        Value::from(members).to_string()
    };
    let changes = found(&record("a"), &record("b"));
    assert!(!changes.complete && changes.size() <= LARGEST);
    assert_eq!(changes.fields.last().unwrap().field, "small");
}

#[test]
fn records_that_are_no_objects_are_told_whole() {
    check("[1]", "[1.0]", &json!([]));
    check("[1]", "[2]", &json!([{"field": "", "old": [1], "new": [2]}]));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..3_i32).prop_map(Value::from),
        (0..3_i32).prop_map(|n| json!(f64::from(n) / 2.0)),
        "[a/~]{0,1}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            3 => members(inner),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[ab/~]{0,2}", value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

/// Without null members, as null is the same as missing; numbers in one spelling.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            let mut kept: Vec<_> =
                kept.map(|(name, value)| (name.clone(), canonical(value))).collect();
            kept.sort_by(|one, other| one.0.cmp(&other.0));
            Value::from(kept.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.iter().map(canonical).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// What a receiver has that applies changes to its own copy.
fn applied(mut record: Value, changes: &Value) -> Value {
    for change in changes.as_array().unwrap() {
        let field = change["field"].as_str().unwrap();
        let steps: Vec<String> = match field.strip_prefix('/') {
            Some(steps) => {
                steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => vec![field.to_owned()],
        };
        let mut place = &mut record;
        for step in &steps {
            place = &mut place.as_object_mut().unwrap()[step.as_str()];
        }
        assert_eq!(canonical(place), canonical(&change["old"]), "{field}");
        *place = change["new"].clone();
    }
    record
}

/// Every member that the other has, so that each place can be gone to.
fn with_all_members(record: &Value, other: &Value) -> Value {
    let (Value::Object(own), Value::Object(others)) = (record, other) else {
        return record.clone();
    };
    let mut all = own.clone();
    for (name, value) in others {
        let mine = own.get(name).unwrap_or(&Value::Null);
        all.insert(name.clone(), with_all_members(mine, value));
    }
    all.into()
}

proptest! {
    #[test]
    fn the_old_record_with_the_changes_is_the_new_one(
        old in members(value()), new in members(value())
    ) {
        let changes = found(&old.to_string(), &new.to_string());
        prop_assume!(changes.complete);
        let ours = applied(with_all_members(&old, &new), &told(&changes));
        prop_assert_eq!(canonical(&ours), canonical(&new));
    }

    #[test]
    fn equal_records_have_no_changes_however_they_are_written(record in members(value())) {
        let pretty = serde_json::to_string_pretty(&canonical(&record)).unwrap();
        prop_assert_eq!(told(&found(&record.to_string(), &pretty)), json!([]));
    }

    #[test]
    fn the_order_of_the_members_does_not_matter(old in members(value()), new in members(value())) {
        let turned = |record: &Value| {
            let members = record.as_object().unwrap().iter().rev();
            members.map(|(name, value)| (name.clone(), value.clone())).collect::<Value>()
        };
        let changes = found(&old.to_string(), &new.to_string());
        let fields: Vec<&String> = changes.fields.iter().map(|of| &of.field).collect();
        let again = found(&turned(&old).to_string(), &turned(&new).to_string());
        prop_assert_eq!(fields, again.fields.iter().map(|of| &of.field).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_panics_and_the_bounds_hold(old in ".{0,40}", new in "[{}\\[\\]\":,\\\\a0é ]{0,40}", long in ".{0,3000}") {
        found(&old, &new);
        found(&new, &old);
        let record = |value: &str| json!({"a": value, (value): {"b": value}}).to_string();
        let changes = difference(record(&old).as_bytes(), record(&long).as_bytes(), &paths(&["/a/b"]));
        prop_assert!(changes.size() <= LARGEST);
        for change in &changes.fields {
            prop_assert!(change.old.json.len() <= LONGEST && change.new.json.len() <= LONGEST);
            prop_assert!(serde_json::from_str::<Value>(&change.new.json).is_ok());
        }
    }
}

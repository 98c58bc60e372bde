//! Every case of the poller configuration vectors: real and malformed ones.

use oc_config::{PollerConfiguration, RenderAt, Severity, Timestamp};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn instant(case: &Value, key: &str) -> Timestamp {
    let text = case[key].as_str().unwrap_or_default();
    OffsetDateTime::parse(text, &Rfc3339).expect("vectors hold RFC 3339").into()
}

fn paths(found: &PollerConfiguration, severity: Severity) -> Vec<&str> {
    let of = found.diagnostics.iter().filter(|remark| remark.severity == severity);
    of.map(|remark| remark.path.as_str()).collect()
}

/// What must be, and what is.
fn outcome(case: &Value) -> (Value, Value) {
    let lookup = |name: &str| case["instance"][name].as_str().map(str::to_owned);
    let found = PollerConfiguration::read(&case["configuration"], &lookup);
    let mut resources = json!({});
    for resource in found.resources.iter().filter(|_| !found.is_refused()) {
        let last_poll = instant(case, "last_poll").minus(resource.poll_delay);
        let at = RenderAt { last_poll, now: instant(case, "now") };
        let mut seen = resource.to_json();
        seen["url"] = json!(resource.url.render(&at, &lookup).map_err(|fault| fault.to_string()));
        seen["url"] = seen["url"]["Ok"].clone();
        for (key, _) in case["resources"][&resource.name].as_object().into_iter().flatten() {
            resources[&resource.name][key] = seen[key].clone();
        }
    }
    let mut warnings = paths(&found, Severity::Warning);
    let mut expected: Vec<&str> =
        case["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    warnings.sort_unstable();
    expected.sort_unstable();
    let errors = paths(&found, Severity::Error);
    (json!([case["resources"], expected, case["errors"]]), json!([resources, warnings, errors]))
}

#[test]
fn each_configuration_comes_out_as_documented() {
    let cases: Vec<Value> = include_str!("vectors/poller_configurations.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("vectors are JSON"))
        .collect();
    assert_eq!(cases.len(), 43);
    let failures: Vec<String> = cases
        .iter()
        .map(|case| (case, outcome(case)))
        .filter(|(_, (expected, got))| expected != got)
        .map(|(case, (expected, got))| format!("{}:\n  {expected}\n  {got}", case["case"]))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_was_understood_reads_the_same_in_its_documented_form() {
    for line in include_str!("vectors/poller_configurations.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("vectors are JSON");
        let lookup = |name: &str| case["instance"][name].as_str().map(str::to_owned);
        let first = PollerConfiguration::read(&case["configuration"], &lookup);
        let again = PollerConfiguration::read(&first.to_json(), &lookup);
        assert_eq!(first.resources, again.resources, "{}", case["case"]);
    }
}

#[test]
fn what_of_the_past_is_sent_and_how_deletions_are_found_is_read_and_shown() {
    let read = |initial: Value, deletes: Value| {
        let resource = json!({"c": {"url": "/c", "idField": "id", "initial": initial, "DetectDeletes": deletes}});
        PollerConfiguration::read(&resource, &|_| None)
    };
    let found = read(json!("all"), json!({"every": 60, "most": "0.5"}));
    let shown = found.to_json();
    assert_eq!(shown["c"]["initial"], "all");
    assert_eq!(shown["c"]["detectDeletes"], json!({"every": 60, "most": 0.5}));
    assert_eq!(PollerConfiguration::read(&shown, &|_| None).resources, found.resources);
    let faulty = read(json!("yesterday"), json!({"every": "daily"}));
    assert_eq!(paths(&faulty, Severity::Error), ["c.initial", "c.DetectDeletes.every"]);
    assert!(read(json!("now"), json!(false)).resources[0].detect_deletes.is_none());
    let undated = read(json!("2026-01-01"), json!(false));
    assert_eq!(paths(&undated, Severity::Error), ["c.initial"]);
}

#[test]
fn changes_are_asked_for_by_a_flag_that_may_be_text() {
    let changes = |value: Value| {
        let resource = json!({"c": {"url": "/c", "idField": "id", "changes": value}});
        let found = PollerConfiguration::read(&resource, &|_| None);
        (paths(&found, Severity::Error).len(), found.to_json()["c"]["changes"].clone())
    };
    assert_eq!(changes(json!(true)), (0, json!(true)));
    assert_eq!(changes(json!("True")), (0, json!(true)));
    for none in [json!(false), json!("false"), json!(""), Value::Null] {
        assert_eq!(changes(none), (0, Value::Null));
    }
    assert_eq!(changes(json!("all")).0, 1);
    assert_eq!(changes(json!(["title"])).0, 1);
}

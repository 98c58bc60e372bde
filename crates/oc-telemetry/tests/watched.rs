//! The alerts and the dashboard name only what there is, and each alert is explained.

use std::path::Path;

use oc_telemetry::{Kind, METRICS, Metric};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value as Json;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect(path)
}

/// The metric that a series is of.
fn metric_of(series: &str) -> Option<&'static Metric> {
    let is_of = |metric: &&&Metric| match (metric.kind, series.strip_prefix(metric.name)) {
        (Kind::Histogram(_), ending) => matches!(ending, Some("_bucket" | "_sum" | "_count")),
        (_, ending) => ending == Some(""),
    };
    METRICS.iter().find(is_of).copied()
}

/// What is wrong with the names in an expression.
fn faults(expression: &str) -> Vec<String> {
    let (mut faults, mut named) = (Vec::new(), Vec::new());
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut rest = expression;
    while let Some(at) = rest.find("oc_") {
        let end = rest[at..].find(|letter| !is_name(letter)).map_or(rest.len(), |end| at + end);
        let (series, behind) = (&rest[at..end], &rest[end..]);
        match metric_of(series) {
            Some(metric) => {
                named.push(metric);
                faults.extend(matcher_faults(metric, behind));
            }
            None => faults.push(format!("there is no {series}")),
        }
        rest = behind;
    }
    for group in expression.split("by (").skip(1) {
        let labels = group.split(')').next().unwrap_or_default().split(',').map(str::trim);
        for label in labels.filter(|label| *label != "le") {
            let has = |metric: &&Metric| metric.labels.iter().any(|one| one.name == label);
            if !named.iter().all(has) {
                faults.push(format!("not all have the label {label}"));
            }
        }
    }
    if named.is_empty() {
        faults.push("it names no metric".to_owned());
    }
    faults
}

/// What is wrong with `{label="value"}` behind a metric.
fn matcher_faults(metric: &Metric, behind: &str) -> Vec<String> {
    let Some(matchers) = behind.strip_prefix('{') else { return Vec::new() };
    let matchers = matchers.split('}').next().unwrap_or_default();
    let mut faults = Vec::new();
    for matcher in matchers.split(',') {
        let (name, values) = matcher.split_once('=').unwrap_or((matcher, ""));
        let label = metric.labels.iter().find(|label| label.name == name.trim());
        let values = values.trim_start_matches('~').trim_matches('"').split('|');
        for value in values {
            if !label.is_some_and(|label| label.values.allow(value)) {
                faults.push(format!("{} has no {name}={value}", metric.name));
            }
        }
    }
    faults
}

/// An alert: its name, its expression, and where it is explained.
struct Alert {
    name: String,
    expression: String,
    runbook: String,
}

fn alerts() -> Vec<Alert> {
    let text = read("docs/alerts.yml");
    let documents = Yaml::load_from_str(&text).expect("alerts.yml is YAML");
    let text = |yaml: &Yaml<'_>| yaml.as_str().expect("a text").to_owned();
    let groups = documents[0]["groups"].as_sequence().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_sequence().expect("rules"));
    let alert = |rule: &Yaml<'_>| Alert {
        name: text(&rule["alert"]),
        expression: text(&rule["expr"]),
        runbook: text(&rule["annotations"]["runbook_url"]),
    };
    rules.map(alert).collect()
}

/// Every value of `expr` in a dashboard.
fn expressions(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "expr") {
                    Some(expression) => found.push(expression.to_owned()),
                    None => expressions(value, found),
                }
            }
        }
        Json::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn alerts_name_only_metrics_and_labels_that_there_are() {
    let alerts = alerts();
    assert!(alerts.len() > 10);
    for alert in alerts {
        assert_eq!(faults(&alert.expression), [""; 0], "{}: {}", alert.name, alert.expression);
    }
}

#[test]
fn the_dashboard_names_only_metrics_and_labels_that_there_are_and_shows_every_metric() {
    let dashboard: Json = serde_json::from_str(&read("docs/grafana/dashboard.json")).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    for expression in &found {
        assert_eq!(faults(expression), [""; 0], "{expression}");
    }
    let all = found.join("\n");
    for metric in METRICS {
        assert!(all.contains(metric.name), "the dashboard does not show {}", metric.name);
    }
}

#[test]
fn each_alert_has_its_section_in_the_operators_page() {
    let page = read("docs/operations.md");
    let sections = page.lines().filter_map(|line| line.strip_prefix("### "));
    let sections: Vec<&str> = sections.collect();
    for alert in alerts() {
        assert!(sections.contains(&&*alert.name), "operations.md does not explain {}", alert.name);
        let anchor = format!("operations.md#{}", alert.name.to_lowercase());
        assert_eq!(alert.runbook, anchor, "{}", alert.name);
    }
}

#[test]
fn what_is_misspelt_is_found() {
    for wrong in [
        "oc_pols_total",
        "oc_polls_total{results=\"done\"}",
        "oc_polls_total{result=\"good\"}",
        "oc_polls_total{result=~\"done|good\"}",
        "sum by (status) (oc_polls_total)",
        "oc_poll_seconds",
        "up",
    ] {
        assert_ne!(faults(wrong), [""; 0], "{wrong}");
    }
    let right = "sum by (le) (rate(oc_poll_seconds_bucket{connector=\"x\"}[5m])) > 1";
    assert_eq!(faults(right), [""; 0]);
}

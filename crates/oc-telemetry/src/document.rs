//! The table as a page for whoever reads the metrics.

use std::fmt::Write as _;

use metrics::Unit;

use crate::METRICS;
use crate::metric::{Kind, Metric, Values};

const HEAD: &str = "# Metrics

What `/metrics` shows, in Prometheus' text format.
This page is made from the table in `crates/oc-telemetry/src/table.rs`; `UPDATE_DOCS=1 cargo test -p oc-telemetry` writes it anew.

A series appears when something of it has happened.
Labels have few values: connectors, calls of the API and fixed words, never an instance, a record or a URL.
How single destinations fare is told by `GET /instances/destinations`.
[operations.md](operations.md#alerts) says what is worth an alert and what to do then; [grafana/dashboard.json](grafana/dashboard.json) shows all of them.

| metric | type | unit | labels | meaning |
| --- | --- | --- | --- | --- |
";

/// The page, as it is in `docs/metrics.md`.
pub fn document() -> String {
    let mut page = HEAD.to_owned();
    for metric in METRICS {
        let Metric { name, help, .. } = metric;
        let (kind, unit, labels) = (kind(metric), unit(metric), labels(metric));
        // Writing to a text does not fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |");
    }
    page
}

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn unit(metric: &Metric) -> &'static str {
    match metric.unit {
        Unit::Seconds => "seconds",
        Unit::Percent => "ratio",
        _ => "count",
    }
}

fn labels(metric: &Metric) -> String {
    let shown = metric.labels.iter().map(|label| {
        let name = label.name;
        match label.values {
            Values::These(values) => {
                let values: Vec<String> = values.iter().map(|one| format!("`{one}`")).collect();
                format!("`{name}` ({})", values.join(", "))
            }
            Values::Connector | Values::Route | Values::Version => format!("`{name}`"),
        }
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

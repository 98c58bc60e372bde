//! What an operator's monitoring sees.

use anyhow::{Context as _, ensure};
use oc_telemetry::{Kind, METRICS, Metric};
use oc_tests::receiver::Answer;
use oc_tests::salesloft::World;
use oc_tests::server::Api;
use oc_tests::{Options, Receiver};
use serde_json::{Value, json};

use crate::story::{house, until_told};

/// The destinations of the first organization, in an order.
async fn destinations(api: &Api, order: &str) -> anyhow::Result<Vec<Value>> {
    let reply = api.get(&format!("/instances/destinations?orderBy={order}")).await?;
    ensure!(reply.status == 200, "{}", reply.text);
    Ok(reply.body.as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_destination_that_fares_worst_comes_first() -> anyhow::Result<()> {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "20ms,40ms,60ms,1h");
    let (salesloft, receiver, server, _) = house(options).await?;
    let broken = Receiver::start().await?;
    broken.answer_always(Some(Answer::Status(500)));
    server.create(&salesloft, &broken.url("hook"), &json!({})).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    broken.until("four attempts", |broken| broken.deliveries().len() >= 4).await?;
    let origin = |receiver: &Receiver| receiver.url("").trim_end_matches('/').to_owned();
    let mut worst = destinations(&server.api, "failures").await?;
    while worst[0]["failures"] != 4 || worst[1]["backlog"] != 0 {
        worst = destinations(&server.api, "failures").await?;
    }
    ensure!(worst.len() == 2 && worst[0]["destination"] == origin(&broken), "{worst:?}");
    ensure!(worst[0]["backlog"] == 1 && worst[0]["oldest"].is_string(), "{worst:?}");
    ensure!(worst[1]["destination"] == origin(&receiver), "{worst:?}");
    ensure!(worst[1]["attempts"] == 1 && worst[1]["failures"] == 0, "{worst:?}");
    let one = server.api.get("/instances/destinations?pageSize=1").await?.body;
    ensure!(one.as_array().is_some_and(|list| list.len() == 1), "{one}");
    let refused = server.api.get("/instances/destinations?orderBy=colour").await?;
    ensure!(refused.status == 400, "{}", refused.text);
    Ok(())
}

/// A line of Prometheus' text format.
pub(crate) struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn read(line: &str) -> anyhow::Result<Self> {
        let (series, value) = line.rsplit_once(' ').context("no value")?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}').split_terminator("\",").map(|label| {
            let (name, value) = label.split_once("=\"").context("no label")?;
            Ok((name.to_owned(), value.trim_end_matches('"').to_owned()))
        });
        let labels = labels.collect::<anyhow::Result<_>>()?;
        Ok(Self { name: name.to_owned(), labels, value: value.parse()? })
    }

    /// What it is of: a histogram has three series with endings of their own.
    fn metric(&self) -> anyhow::Result<&'static Metric> {
        let found = METRICS.iter().find(|metric| {
            let ending = self.name.strip_prefix(metric.name);
            match metric.kind {
                Kind::Histogram(_) => matches!(ending, Some("_bucket" | "_sum" | "_count")),
                _ => ending == Some(""),
            }
        });
        found.copied().with_context(|| format!("{} is not in the table", self.name))
    }
}

/// All that a server's metrics say.
pub(crate) async fn samples(api: &Api) -> anyhow::Result<Vec<Sample>> {
    let text = api.call("GET", "//metrics", "", None).await?.text;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| Sample::read(line).with_context(|| line.to_owned())).collect()
}

/// The sum of the series of a metric that have these label values.
pub(crate) fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |sample: &&Sample| {
        sample.name == name
            && labels.iter().all(|(name, value)| {
                sample.labels.iter().any(|label| (&*label.0, &*label.1) == (*name, *value))
            })
    };
    samples.iter().filter(has).map(|sample| sample.value).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_layer_is_counted_and_nothing_beside_the_table() -> anyhow::Result<()> {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "20ms,40ms,60ms");
    let (salesloft, receiver, server, instance) = house(options).await?;
    receiver.answer_next([Answer::Status(500)]);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    server.api.get(&format!("/instances/{}", instance.id)).await?;
    server.api.call("FROB", "/nowhere/4711", "", None).await?;
    // Settled, and so counted, only after the receiver has it.
    let at_rest = |samples: &[Sample]| sum(samples, "oc_outbox_notifications", &[]) == 0.0;
    let mut found = samples(&server.api).await?;
    while !at_rest(&found) {
        found = samples(&server.api).await?;
    }
    for sample in &found {
        let metric = sample.metric()?;
        let labels: Vec<_> = sample.labels.iter().filter(|label| label.0 != "le").collect();
        ensure!(labels.len() == metric.labels.len(), "{} has other labels", sample.name);
        for (name, value) in labels {
            let label = metric.labels.iter().find(|label| label.name == *name);
            let is_known = label.is_some_and(|label| label.values.allow(value));
            ensure!(is_known, "{}: {name} is {value}", sample.name);
        }
    }
    let salesloft = ("connector", "salesloft");
    for (name, labels) in [
        ("oc_build_info", &[("version", env!("CARGO_PKG_VERSION"))][..]),
        ("oc_polls_total", &[salesloft, ("result", "done")]),
        ("oc_poll_seconds_count", &[salesloft]),
        ("oc_events_total", &[salesloft, ("source", "poll"), ("type", "created")]),
        ("oc_provider_requests_total", &[salesloft, ("status", "2xx")]),
        ("oc_provider_request_seconds_count", &[salesloft]),
        ("oc_rate_budget_left_ratio", &[salesloft]),
        ("oc_delivery_attempts_total", &[("result", "failed"), ("status", "5xx")]),
        ("oc_delivery_attempts_total", &[("result", "delivered"), ("status", "2xx")]),
        ("oc_delivery_latency_seconds_count", &[]),
        ("oc_change_lag_seconds_count", &[]),
        ("oc_store_commits_total", &[("result", "done")]),
        ("oc_store_commit_jobs_count", &[]),
        ("oc_retention_runs_total", &[("result", "done")]),
        ("oc_api_requests_total", &[("route", "/instances/{id}"), ("status", "2xx")]),
        ("oc_api_requests_total", &[("method", "other"), ("status", "4xx")]),
        ("oc_api_request_seconds_count", &[("route", "/instances")]),
    ] {
        ensure!(sum(&found, name, labels) > 0.0, "{name} {labels:?} is missing");
    }
    Ok(())
}

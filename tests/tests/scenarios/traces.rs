//! Traces from the poll to the receiver.

use anyhow::{Context as _, ensure};
use oc_tests::collector::Collector;
use oc_tests::receiver::{Answer, Delivery};
use oc_tests::salesloft::World;
use oc_tests::{Options, Receiver};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

use crate::story::{check_story, house, until_told};

/// What is never in a span.
const SECRETS: [&str; 5] =
    ["user-s3cret", "organization-s3cret", "signature-s3cret", "api-s3cret", "collector-s3cret"];

fn traced(collector: &Collector) -> Options {
    Options::default()
        .with("OC_OTLP_ENDPOINT", &collector.url())
        .with("OC_OTLP_HEADERS", "x-api-key=collector-s3cret")
        .with("OC_RETRY_SCHEDULE", "20ms,40ms,60ms")
        .with("OC_LOG", "info,oc_poll=debug,oc_server=debug")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trace and span of the `traceparent` that a delivery came with.
fn parent(delivery: &Delivery) -> anyhow::Result<(String, String)> {
    let header = delivery.headers.get("traceparent").context("no traceparent")?.to_str()?;
    let parts: Vec<&str> = header.split('-').collect();
    ensure!(parts.len() == 4 && parts[0] == "00" && parts[3] == "01", "{header}");
    Ok((parts[1].to_owned(), parts[2].to_owned()))
}

/// Waits until the collector has the span, and gives its whole trace.
async fn until_collected(
    collector: &Collector,
    trace: &str,
    span: &str,
) -> anyhow::Result<Vec<Span>> {
    let of_trace = |collector: &Collector| {
        let spans = collector.spans();
        let is_there = spans.iter().any(|one| hex(&one.span_id) == span);
        is_there.then(|| spans.into_iter().filter(|one| hex(&one.trace_id) == trace).collect())
    };
    collector.until("the span of a delivery", of_trace).await
}

fn the<'a>(spans: &'a [Span], name: &str) -> anyhow::Result<&'a Span> {
    spans.iter().find(|span| span.name == name).with_context(|| format!("no span `{name}`"))
}

fn delivered(receiver: &Receiver) -> anyhow::Result<Delivery> {
    receiver.deliveries().into_iter().find(|one| one.answered == 200).context("nothing arrived")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_poll_over_its_request_and_commit_to_the_receiver()
-> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let (salesloft, receiver, server, _) = house(traced(&collector)).await?;
    receiver.answer_next([Answer::Status(500)]);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let (trace, span) = parent(&delivered(&receiver)?)?;
    let spans = until_collected(&collector, &trace, &span).await?;
    let poll = the(&spans, "poll")?;
    ensure!(poll.parent_span_id.is_empty(), "the poll does not begin the trace");
    for name in ["provider request", "commit", "deliver"] {
        let part = the(&spans, name)?;
        ensure!(part.parent_span_id == poll.span_id, "{name} is not a part of the poll");
    }
    let attempts: Vec<&Span> = spans.iter().filter(|span| span.name == "deliver").collect();
    ensure!(attempts.len() == 2, "{} attempts were traced", attempts.len());
    let seen = receiver.deliveries();
    for delivery in &seen {
        let (of, by) = parent(delivery)?;
        ensure!(of == trace && attempts.iter().any(|span| hex(&span.span_id) == by));
    }
    ensure!(server.log().contains(&format!("trace=\"{trace}\"")), "{}", server.log());
    ensure!(collector.headers().get("x-api-key").is_some_and(|key| key == "collector-s3cret"));
    let shown = format!("{:?}", collector.spans());
    for secret in SECRETS {
        ensure!(!shown.contains(secret), "{secret} is in a span");
        ensure!(!server.log().contains(secret), "{secret} is in the log");
    }
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_is_continued() -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let (_salesloft, _receiver, server, instance) = house(traced(&collector)).await?;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let platform = server.api.platform();
    let headers = [("authorization", platform.as_str()), ("traceparent", parent.as_str())];
    let path = format!("/instances/{}", instance.id);
    let reply = server.api.call_with("GET", &path, &headers, None).await?;
    ensure!(reply.status == 200, "{}", reply.text);
    let of_trace = |collector: &Collector| {
        collector.spans().into_iter().find(|span| hex(&span.trace_id) == trace)
    };
    let span = collector.until("the caller's trace", of_trace).await?;
    ensure!(span.name == "request" && hex(&span.parent_span_id) == "b7ad6b7169203331");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_each_line_of_the_log_is_an_object_that_names_its_request_and_its_trace()
-> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let options = traced(&collector).with("OC_LOG_FORMAT", "json");
    let (_salesloft, _receiver, server, instance) = house(options).await?;
    let path = format!("/instances/{}", instance.id);
    let id = ("elements-request-id", "order-7");
    server.api.send_with("GET", &path, id, &Value::Null).await?;
    let mut answered = Vec::new();
    while answered.is_empty() {
        let lines = server.log();
        let lines = lines.lines().map(serde_json::from_str::<Value>);
        answered = lines.collect::<Result<Vec<_>, _>>()?;
        answered.retain(|line| line["span"]["id"] == "order-7");
    }
    for line in &answered {
        let (span, trace) = (&line["span"], line["span"]["trace"].as_str());
        ensure!(span["name"] == "request" && span["path"].as_str().is_some(), "{line}");
        ensure!(trace.is_some_and(|trace| trace.len() == 32), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_nothing() -> anyhow::Result<()> {
    let collector = Collector::hanging().await?;
    let (salesloft, receiver, mut server, _) = house(traced(&collector)).await?;
    collector.until("a request", |one| (one.requests() > 0).then_some(())).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let failed = "oc_trace_spans_total{result=\"failed\"}";
    while !server.api.get("//metrics").await?.text.contains(failed) {}
    ensure!(server.terminate().await? == Some(0), "{}", server.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_receivers_get_no_trace() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    ensure!(delivered(&receiver)?.headers.get("traceparent").is_none());
    Ok(())
}

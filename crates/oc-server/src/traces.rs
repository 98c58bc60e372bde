//! Traces: spans that have ended, sent to a collector over OTLP.
//!
//! The work never waits for them: a span that finds the queue full is dropped, and one that the
//! collector does not take is not sent again. Both are counted.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use oc_egress::{Egress, Limits, Overflow, Policy, Request};
use oc_telemetry as table;
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor,
};
use prost::Message as _;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::settings::Tracing;

/// Spans that wait; further ones are dropped.
const QUEUE: usize = 8_192;
/// Spans of one request.
const BATCH: usize = 512;
/// For how long spans are gathered.
const GATHER: Duration = Duration::from_millis(500);
const LIMITS: Limits =
    Limits { total: Duration::from_secs(5), body: 64 << 10, overflow: Overflow::Truncate };
const SERVICE: &str = "open-connectors";

/// What makes spans, and what sends them.
pub(crate) fn start(tracing: &Tracing) -> anyhow::Result<(SdkTracer, Exporter)> {
    let (sender, spans) = mpsc::channel(QUEUE);
    let resource = Resource::builder_empty()
        .with_service_name(SERVICE)
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let exporter = Exporter {
        // The operator says where the collector is, so that it may be anywhere.
        egress: Egress::new(Policy::allowing(everywhere()?, vec![]), SERVICE)?,
        tracing: tracing.clone(),
        resource: ResourceAttributesWithSchema::from(&resource),
        spans,
    };
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(tracing.ratio))))
        .with_resource(resource)
        .with_span_processor(Queue(sender))
        .build();
    Ok((provider.tracer(SERVICE), exporter))
}

fn everywhere() -> anyhow::Result<Vec<ipnet::IpNet>> {
    Ok(vec!["0.0.0.0/0".parse()?, "::/0".parse()?])
}

/// Takes spans as they end.
#[derive(Debug)]
struct Queue(mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(span).is_err() {
            table::SPANS.add(&["dropped"], 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends spans to the collector, for as long as it runs.
pub(crate) struct Exporter {
    egress: Egress,
    tracing: Tracing,
    resource: ResourceAttributesWithSchema,
    spans: mpsc::Receiver<SpanData>,
}

impl Exporter {
    /// Runs until `stop`, then sends what is left.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(GATHER) => {}
            }
            // Further ones are the next round's, so that a stop comes to its end.
            for _ in 0..self.spans.len().div_ceil(BATCH) {
                self.spans.recv_many(&mut batch, BATCH).await;
                self.send(std::mem::take(&mut batch)).await;
            }
        }
    }

    async fn send(&self, spans: Vec<SpanData>) {
        let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let sent = self.egress.exchange(self.request(body.into()), LIMITS).await;
        let failed = match sent {
            Ok(response) if response.status.is_success() => None,
            Ok(response) => Some(format!("it answered {}", response.status)),
            Err(error) => Some(error.detail()),
        };
        let result = if failed.is_some() { "failed" } else { "exported" };
        table::SPANS.add(&[result], count);
        if let Some(error) = failed {
            tracing::debug!(error, spans = count, "The collector has not taken traces");
        }
    }

    fn request(&self, body: Bytes) -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.tracing.headers {
            if let Ok(mut value) = HeaderValue::try_from(value.expose_secret()) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Request { headers, ..Request::post(self.tracing.endpoint.clone(), body) }
    }
}

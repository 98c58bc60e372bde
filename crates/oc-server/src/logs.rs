//! The log: structured, to standard error, without secrets; and beside it the spans of traces.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::LogFormat;

/// Begins to log what `filter` says, and to hand spans to `tracer`.
pub(crate) fn start(
    filter: &str,
    format: LogFormat,
    tracer: Option<SdkTracer>,
) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("OC_LOG: `{filter}` is no filter; info or oc_poll=debug are"))?;
    let colour = std::io::stderr().is_terminal();
    let log = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    // Whatever is logged: a trace has our own spans, and no lines of the log.
    let ours = filter_fn(|of| {
        of.is_span() && *of.level() <= Level::INFO && of.target().starts_with("oc_")
    });
    let traces = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours)
    });
    let started = tracing_subscriber::registry().with(traces).with(log.with_filter(filter));
    started.try_init().map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

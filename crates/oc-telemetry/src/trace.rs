//! Where a trace stands, as W3C Trace Context writes it, so that it goes on in another process.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The name of the header that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// A span of a trace, for what comes behind it. There is none unless traces are exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// The span that is entered.
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// A span; it cannot be given a parent any more.
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context().span().span_context().clone();
        context.is_valid().then_some(Self(context))
    }

    /// Reads a `traceparent`; one of a later version may have more parts. Whatever is no such text
    /// is none: a new trace begins.
    pub fn read(text: &str) -> Option<Self> {
        let hex = |part: &str, digits: usize| {
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (is_hex && part.len() == digits).then_some(())
        };
        let mut parts = text.trim().split('-');
        let version = parts.next()?;
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        for (part, digits) in [(version, 2), (trace, 32), (span, 16), (flags, 2)] {
            hex(part, digits)?;
        }
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        context.is_valid().then_some(Self(context))
    }

    /// Makes a span that was not entered yet a part of this trace.
    pub fn follow(&self, span: &Span) {
        // Without an exporter there is no trace to be a part of.
        let _ = span.set_parent(Context::new().with_remote_span_context(self.0.clone()));
    }

    /// The trace, as its parts name it.
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        write!(f, "00-{trace}-{span}-{:02x}", self.0.trace_flags())
    }
}

/// Notes a span's trace in its field `trace`, so that each line of the log names it.
pub fn named(span: Span) -> Span {
    if let Some(context) = TraceContext::of(&span) {
        span.record("trace", context.trace_id());
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_is_written_as_it_was_read() {
        for text in [GOOD, &GOOD.replace("-01", "-00")] {
            assert_eq!(TraceContext::read(text).unwrap().to_string(), *text);
        }
        let later = GOOD.replacen("00-", "01-", 1) + "-more";
        assert_eq!(TraceContext::read(&later).unwrap().to_string(), GOOD);
    }

    #[test]
    fn what_is_no_trace_begins_a_new_one() {
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_an_exporter_nothing_is_traced() {
        assert_eq!(TraceContext::current(), None);
    }
}

//! What the layers count and trace: the one table of metrics, and where a trace stands.
#![doc = include_str!("../README.md")]

mod document;
mod metric;
mod table;
mod trace;

pub use document::document;
pub use metric::{Counter, Gauge, Histogram, Kind, Label, Metric, Values, describe};
pub use table::*;
pub use trace::{TRACEPARENT, TraceContext, named};

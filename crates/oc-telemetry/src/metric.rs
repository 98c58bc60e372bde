//! A metric: what it counts, which labels it has, and how it is recorded.

use std::time::Duration;

use metrics::Unit;

/// What every metric has.
#[derive(Debug)]
pub struct Metric {
    /// Its name after the conventions of Prometheus.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What its numbers are.
    pub unit: Unit,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// What it says.
    pub help: &'static str,
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts by size: the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// A label, whose values are few.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub values: Values,
}

/// What a label may be. There is none for urls, instances and records: each value is a series of
/// its own, kept for as long as the process runs.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these.
    These(&'static [&'static str]),
    /// The key of a connector in the catalogue.
    Connector,
    /// The pattern of a call of the API, as `/instances/{id}`; `none` where there is no such call.
    Route,
    /// The version of the program.
    Version,
}

/// Something that is counted.
#[derive(Debug)]
pub struct Counter(pub Metric);

/// Something that has a size at any time.
#[derive(Debug)]
pub struct Gauge(pub Metric);

/// Something of which each case has a size.
#[derive(Debug)]
pub struct Histogram(pub Metric);

impl Counter {
    /// There were so many more.
    pub fn add(&self, values: &[&str], more: u64) {
        metrics::counter!(self.0.name, self.0.labelled(values)).increment(more);
    }
}

impl Gauge {
    /// It is so much now.
    pub fn set(&self, values: &[&str], now: f64) {
        metrics::gauge!(self.0.name, self.0.labelled(values)).set(now);
    }

    /// There are so many now.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn count(&self, values: &[&str], now: u64) {
        self.set(values, now as f64);
    }
}

impl Histogram {
    /// One took so long.
    pub fn took(&self, values: &[&str], time: Duration) {
        self.record(values, time.as_secs_f64());
    }

    /// One was so large.
    pub fn record(&self, values: &[&str], size: f64) {
        metrics::histogram!(self.0.name, self.0.labelled(values)).record(size);
    }
}

impl Metric {
    fn labelled(&self, values: &[&str]) -> Vec<metrics::Label> {
        debug_assert_eq!(values.len(), self.labels.len(), "{} has other labels", self.name);
        let labelled = self.labels.iter().zip(values).map(|(label, value)| {
            debug_assert!(label.values.allow(value), "{}: {} is `{value}`", self.name, label.name);
            metrics::Label::new(label.name, (*value).to_owned())
        });
        labelled.collect()
    }
}

impl Values {
    /// Whether a value is one of them.
    pub fn allow(&self, value: &str) -> bool {
        let is_word = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match self {
            Self::These(known) => known.contains(&value),
            Self::Connector | Self::Version => is_word(value),
            Self::Route => value == "none" || (value.starts_with('/') && is_pattern(value)),
        }
    }
}

/// Whether a path may be one of a table of routes: a number or a UUID in it would be somebody's.
fn is_pattern(path: &str) -> bool {
    path.split('/').all(|part| part.len() <= 32 && part.parse::<u64>().is_err())
}

/// Tells the recorder what all metrics say.
pub fn describe() {
    for Metric { name, kind, unit, help, .. } in crate::METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *unit, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *unit, *help),
            Kind::Histogram(_) => metrics::describe_histogram!(*name, *unit, *help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_takes_an_id_or_a_url() {
        for metric in crate::METRICS {
            for label in metric.labels {
                for foreign in ["", "/7", "https://app.example/hook", "jane@acme.example"] {
                    assert!(!label.values.allow(foreign), "{metric:?}: {foreign}");
                }
            }
        }
        assert!(Values::Route.allow("/instances/{id}/events") && Values::Route.allow("none"));
        assert!(!Values::Route.allow("/instances/4711/events"));
    }

    #[test]
    #[should_panic(expected = "oc_polls_total: result is `4711`")]
    fn a_value_that_is_not_in_the_table_stops_a_debug_build() {
        crate::POLLS.add(&["salesloft", "4711"], 1);
    }
}

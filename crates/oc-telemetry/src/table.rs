//! The one table of metrics.

use metrics::Unit;

use crate::metric::{Counter, Gauge, Histogram, Kind, Label, Metric, Values};

/// Requests, polls, deliveries: up to a minute and a half.
const SHORT: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 90.0];
/// What may take hours: from a change to its delivery.
const LONG: &[f64] = &[
    0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 14_400.0,
    43_200.0, 86_400.0,
];
/// Commits.
const BRIEF: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Jobs of a transaction.
const JOBS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

const CONNECTOR: Label = Label { name: "connector", values: Values::Connector };
const ROUTE: Label = Label { name: "route", values: Values::Route };
const VERSION: Label = Label { name: "version", values: Values::Version };
const METHOD: Label = of("method", &["GET", "POST", "PUT", "PATCH", "DELETE", "other"]);
/// The class of an HTTP status; `429` on its own, as it means something else; `none`: no answer.
const STATUS: Label = of("status", &["1xx", "2xx", "3xx", "4xx", "429", "5xx", "none"]);

/// The class of an HTTP status, as labels have it; no status is no answer.
pub fn status_class(status: Option<u16>) -> &'static str {
    match status {
        Some(100..=199) => "1xx",
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(429) => "429",
        Some(400..=499) => "4xx",
        Some(_) => "5xx",
        None => "none",
    }
}

const fn of(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::These(values) }
}

const fn result(values: &'static [&'static str]) -> Label {
    of("result", values)
}

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Counter {
    Counter(Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help })
}

const fn gauge(
    name: &'static str,
    unit: Unit,
    labels: &'static [Label],
    help: &'static str,
) -> Gauge {
    Gauge(Metric { name, kind: Kind::Gauge, unit, labels, help })
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [Label],
    help: &'static str,
) -> Histogram {
    let kind = Kind::Histogram(buckets);
    Histogram(Metric { name, kind, unit: Unit::Seconds, labels, help })
}

const fn sizes(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [Label],
    help: &'static str,
) -> Histogram {
    let kind = Kind::Histogram(buckets);
    Histogram(Metric { name, kind, unit: Unit::Count, labels, help })
}

macro_rules! table {
    ($($constant:ident: $kind:ident = $made:expr;)*) => {
        $(
            #[doc = concat!("[`", stringify!($kind), "`]; the help in it says what of.")]
            pub static $constant: $kind = $made;
        )*

        /// Every metric there is.
        pub static METRICS: &[&Metric] = &[$(&$constant.0),*];
    };
}

#[rustfmt::skip]
table! {
    POLLS: Counter = counter("oc_polls_total", &[CONNECTOR, result(&["done", "failed"])],
        "Polls of single resources that ended; one whose instance was changed meanwhile counts as failed");
    POLL_SECONDS: Histogram = histogram("oc_poll_seconds", SHORT, &[CONNECTOR],
        "How long successful polls took");
    POLL_RECORDS: Counter = counter("oc_poll_records_total", &[CONNECTOR],
        "Records read by polls that succeeded");
    POLLS_RUNNING: Gauge = gauge("oc_polls_running", Unit::Count, &[],
        "Instances being polled when the poller last looked for due ones");
    POLLS_WAITING: Gauge = gauge("oc_polls_waiting", Unit::Count, &[],
        "Polls that waited for a rate limit when the poller last looked for due ones");
    POLLS_DUE: Gauge = gauge("oc_polls_due", Unit::Count, &[],
        "Resources whose poll is due and has not ended; those being polled are among them");
    POLL_LAG: Gauge = gauge("oc_poll_lag_seconds", Unit::Seconds, &[],
        "For how long the resource that waits longest has been due; 0 when none is");
    EVENTS: Counter = counter("oc_events_total",
        &[CONNECTOR, of("source", &["poll", "webhook", "task"]), of("type", &["created", "updated", "deleted"])],
        "Events found and stored, by what found them: a poll, a provider's webhook, a load or sweep");
    TASKS: Counter = counter("oc_tasks_total",
        &[CONNECTOR, of("task", &["load", "sweep"]), result(&["done", "failed"])],
        "Stints of loads and sweeps that ended");
    PUSHED_RECORDS: Counter = counter("oc_pushed_records_total", &[CONNECTOR],
        "Records pushed by providers that were worked off");
    PUSHED_DROPPED: Counter = counter("oc_pushed_dropped_total", &[CONNECTOR],
        "Those of them without a readable id");
    WEBHOOKS: Counter = counter("oc_webhooks_total",
        &[CONNECTOR, result(&["kept", "ignored", "refused", "full"])],
        "Deliveries of providers: to be worked off, wanted by nobody, with a wrong signature, answered 503 as too many wait");
    INBOX: Gauge = gauge("oc_inbox_records", Unit::Count, &[],
        "Pushed records that are not worked off");
    PROVIDER_REQUESTS: Counter = counter("oc_provider_requests_total", &[CONNECTOR, STATUS],
        "Requests to providers' APIs, repeats included");
    PROVIDER_SECONDS: Histogram = histogram("oc_provider_request_seconds", SHORT, &[CONNECTOR],
        "How long providers took to answer");
    RATE_LEFT: Gauge = gauge("oc_rate_budget_left_ratio", Unit::Percent, &[CONNECTOR],
        "What is left of the running window of the rate limit, from 0 to 1, of the account that has least");
    TOKEN_REFRESHES: Counter = counter("oc_token_refreshes_total",
        &[result(&["done", "unavailable", "refused"])],
        "Refreshes of access tokens: stored, to be tried again, refused for good");
    CHANGE_LAG: Histogram = histogram("oc_change_lag_seconds", LONG, &[],
        "From the oldest change in a notification, by the provider's date, to its arrival; loads and replays do not count");
    DELIVERY_LATENCY: Histogram = histogram("oc_delivery_latency_seconds", LONG, &[],
        "From the storing of a notification to its arrival; replays do not count");
    ATTEMPTS: Counter = counter("oc_delivery_attempts_total",
        &[result(&["delivered", "failed", "gone"]), STATUS],
        "Attempts to deliver a notification that ended");
    ATTEMPT_SECONDS: Histogram = histogram("oc_delivery_attempt_seconds", SHORT,
        &[result(&["delivered", "failed", "gone"])],
        "How long attempts took");
    QUEUED: Counter = counter("oc_delivery_queued_total", &[],
        "Notifications after whose last failure an instance's deliveries were queued");
    PROBES: Counter = counter("oc_delivery_probes_total", &[result(&["arrived", "failed"])],
        "Probes of receivers whose instances had queued");
    OUTBOX: Gauge = gauge("oc_outbox_notifications", Unit::Count, &[],
        "Notifications that have not been delivered, queued ones included");
    OUTBOX_OLDEST: Gauge = gauge("oc_outbox_oldest_seconds", Unit::Seconds, &[],
        "Age of the oldest of them; 0 when there is none");
    QUEUED_INSTANCES: Gauge = gauge("oc_queued_instances", Unit::Count, &[],
        "Instances whose deliveries are queued until a probe arrives or somebody sends them on");
    QUEUED_DESTINATIONS: Gauge = gauge("oc_queued_destinations", Unit::Count, &[],
        "Destinations of those instances");
    STOPPED_INSTANCES: Gauge = gauge("oc_stopped_instances", Unit::Count, &[],
        "Instances whose polling has stopped until somebody changes or authorizes them");
    QUEUE_CONNECTED: Gauge = gauge("oc_queue_connected", Unit::Count, &[],
        "1 while NATS JetStream hands out deliveries, 0 while it does not answer and this process looks into the database itself; only with OC_NATS_URL");
    QUEUE_WAITING: Gauge = gauge("oc_queue_waiting", Unit::Count, &[],
        "Lanes in the queue that nobody has been handed yet");
    QUEUE_ACK_PENDING: Gauge = gauge("oc_queue_ack_pending", Unit::Count, &[],
        "Lanes that were handed out, to whichever process, and are not acknowledged");
    QUEUE_PUT: Counter = counter("oc_queue_put_total", &[result(&["put", "there"])],
        "Lanes that this process put into the queue, and those that had been put there a moment before");
    QUEUE_HANDED: Counter = counter("oc_queue_handed_total", &[of("delivery", &["first", "again"])],
        "Lanes that this process was handed, by whether somebody had been before");
    COMMITS: Counter = counter("oc_store_commits_total", &[result(&["done", "failed"])],
        "Transactions of the store that wrote");
    COMMIT_SECONDS: Histogram = histogram("oc_store_commit_seconds", BRIEF, &[],
        "How long they took, from their begin to the end of their commit");
    COMMIT_JOBS: Histogram = sizes("oc_store_commit_jobs", JOBS, &[],
        "How many jobs were committed together");
    RETENTION: Counter = counter("oc_retention_runs_total", &[result(&["done", "failed"])],
        "Runs that take away what is too old");
    REMOVED: Counter = counter("oc_retention_removed_total", &[of("kind", &["notification", "fingerprint"])],
        "Rows that they took away");
    API_REQUESTS: Counter = counter("oc_api_requests_total", &[METHOD, ROUTE, STATUS],
        "Requests to the API that were answered");
    API_SECONDS: Histogram = histogram("oc_api_request_seconds", SHORT, &[ROUTE],
        "How long their answers took");
    SPANS: Counter = counter("oc_trace_spans_total", &[result(&["exported", "failed", "dropped"])],
        "Spans of traces: taken by the collector, not taken, without room in the queue");
    BUILD: Gauge = gauge("oc_build_info", Unit::Count, &[VERSION],
        "Always 1; its label says what runs");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut names = HashSet::new();
        for Metric { name, kind, unit, help, labels } in METRICS {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("oc_") && !help.ends_with('.'), "{name}");
            let is_counter = *kind == Kind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            if let Kind::Histogram(buckets) = kind {
                assert!(buckets.is_sorted_by(|one, next| one < next), "{name}");
            }
            let series: usize = labels.iter().map(most).product();
            assert!(series <= 5_000, "{name} may have {series} series");
        }
    }

    /// How many values a label may have in a large installation.
    fn most(label: &Label) -> usize {
        match label.values {
            Values::These(known) => known.len(),
            Values::Connector => 20,
            Values::Route => 100,
            Values::Version => 1,
        }
    }
}

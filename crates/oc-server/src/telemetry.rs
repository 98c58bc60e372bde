//! `/metrics`: what the layers count, and how much waits.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oc_config::Timestamp;
use oc_store::Standing;
use oc_telemetry::{self as table, Kind};
use tokio_util::sync::CancellationToken;

use crate::app::App;

const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A provider has delivered something, and this came of it.
pub(crate) fn delivered(connector: &str, result: &'static str) {
    table::WEBHOOKS.add(&[connector, result], 1);
}

/// The metrics of this process.
#[derive(Clone)]
pub(crate) struct Telemetry(PrometheusHandle);

impl Telemetry {
    /// Begins to count.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut builder = PrometheusBuilder::new();
        for metric in table::METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                let matcher = Matcher::Full(metric.name.to_owned());
                builder = builder.set_buckets_for_metric(matcher, buckets)?;
            }
        }
        let handle = builder.install_recorder()?;
        table::describe();
        table::BUILD.set(&[env!("CARGO_PKG_VERSION")], 1.0);
        Ok(Self(handle))
    }

    /// Keeps histograms small until `stop`: each case is kept on its own until it is put into its
    /// bucket, which is done here, as perhaps nobody asks.
    pub(crate) async fn keep_up(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.0.run_upkeep();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(UPKEEP_EVERY) => {}
            }
        }
    }

    /// The metrics in Prometheus' text format.
    pub(crate) async fn render(&self, app: &App) -> String {
        let now = app.clock.now();
        match app.store.standing(now).await {
            Ok(standing) => waits(&standing, now),
            Err(error) => tracing::warn!(%error, "What waits could not be counted"),
        }
        let mut left = app.hub.least_left(now);
        for connector in app.catalogue.iter().filter(|connector| connector.limits.is_some()) {
            let left = left.remove(&connector.key).unwrap_or(1.0);
            table::RATE_LEFT.set(&[&connector.key], left);
        }
        self.0.render()
    }
}

fn waits(standing: &Standing, now: Timestamp) {
    let age = |since: Option<Timestamp>| since.map_or(0.0, |since| now.since(since).as_secs_f64());
    table::OUTBOX.count(&[], standing.outbox);
    table::OUTBOX_OLDEST.set(&[], age(standing.oldest));
    table::POLLS_DUE.count(&[], standing.due);
    table::POLL_LAG.set(&[], age(standing.due_since));
    table::QUEUED_INSTANCES.count(&[], standing.queued_instances);
    table::QUEUED_DESTINATIONS.count(&[], standing.queued_destinations);
    table::STOPPED_INSTANCES.count(&[], standing.stopped_instances);
    table::INBOX.count(&[], standing.inbox);
}

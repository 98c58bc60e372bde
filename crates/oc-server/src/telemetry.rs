//! `/metrics`: what the layers count, and how much waits.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use oc_egress::Clock;
use oc_store::Store;

/// A provider has delivered something, and this came of it.
pub(crate) fn delivered(connector: &str, result: &'static str) {
    let connector = connector.to_owned();
    metrics::counter!("oc_webhooks_total", "connector" => connector, "result" => result)
        .increment(1);
}

/// The metrics of this process.
#[derive(Clone)]
pub(crate) struct Telemetry(PrometheusHandle);

impl Telemetry {
    /// Begins to count.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self(PrometheusBuilder::new().install_recorder()?))
    }

    /// The metrics in Prometheus' text format.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(crate) async fn render(&self, store: &Store, clock: &Clock) -> String {
        if let Ok((waiting, oldest)) = store.waiting().await {
            let age = oldest.map_or(0.0, |oldest| clock.now().since(oldest).as_secs_f64());
            metrics::gauge!("oc_outbox_notifications").set(waiting as f64);
            metrics::gauge!("oc_outbox_oldest_seconds").set(age);
        }
        self.0.run_upkeep();
        self.0.render()
    }
}

//! Why an instance's deliveries have queued, as an answer shows it.

use oc_config::Timestamp;
use oc_store::Queued;
use serde::Serialize;
use utoipa::ToSchema;

/// Deliveries that have queued.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuedDeliveries)]
pub(super) struct QueuedAnswer {
    /// Since when.
    since: String,
    /// What the last attempt came to.
    reason: Option<String>,
    /// How many notifications wait.
    waiting: u64,
    /// When one of them is tried again by itself; null: not before somebody asks for it.
    next_probe: Option<String>,
    /// How many such tries have failed.
    failed_probes: u32,
}

impl From<Queued> for QueuedAnswer {
    fn from(queued: Queued) -> Self {
        Self {
            since: queued.since.to_seconds_text(),
            reason: queued.reason,
            waiting: queued.waiting,
            next_probe: queued.next_probe.map(Timestamp::to_seconds_text),
            failed_probes: queued.failed_probes,
        }
    }
}

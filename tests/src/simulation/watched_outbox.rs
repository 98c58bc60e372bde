//! The outbox, watched: crashes between its effects, mistakes, and when nothing is due any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_dispatch::{
    Attempt, AttemptVerdict, ClaimRequest, Claimed, Lane, Outbox, OutboxError, SentHeaders,
    Settlement,
};
use oc_store::Store;
use tokio_util::sync::CancellationToken;

use super::fuse::Fuse;
use super::mutant::Mutant;

pub(super) struct WatchedOutbox {
    pub(super) store: Store,
    pub(super) fuse: Fuse,
    pub(super) mutant: Mutant,
    pub(super) idle: CancellationToken,
    pub(super) running: AtomicUsize,
}

#[async_trait]
impl Outbox for WatchedOutbox {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        let now = request.now;
        let claimed = Outbox::claim(&self.store, request).await?;
        self.running.fetch_add(claimed.lanes.len(), Ordering::Relaxed);
        if self.mutant == Mutant::SettlesBeforeSending {
            let settled = claimed.lanes.iter().map(|lane| settled(lane, now)).collect();
            self.store.settle(settled).await?;
        }
        if claimed.lanes.is_empty() && self.running.load(Ordering::Relaxed) == 0 {
            self.idle.cancel();
        }
        Ok(claimed)
    }

    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError> {
        self.fuse.pass().await;
        let many = settlements.len();
        let settlements = if self.mutant == Mutant::Overtakes {
            settlements.iter().cloned().map(overtaking).collect()
        } else {
            settlements
        };
        self.store.settle(settlements).await?;
        self.running.fetch_sub(many, Ordering::Relaxed);
        self.fuse.pass().await;
        Ok(())
    }

    fn holds(&self, lane: &Lane, now: Timestamp) -> bool {
        // What it has settled already it has given back.
        self.mutant == Mutant::SettlesBeforeSending || self.store.holds(lane, now)
    }

    async fn changed(&self) {
        self.store.changed().await;
    }
}

/// A lane as if all of it had arrived.
fn settled(lane: &Lane, now: Timestamp) -> Settlement {
    let attempt = Attempt {
        url: String::new(),
        request: SentHeaders::default(),
        at: now,
        took: std::time::Duration::ZERO,
        status: Some(200),
        error: None,
        answer: String::new(),
        verdict: AttemptVerdict::Delivered,
    };
    let delivered = lane.notifications.iter().map(|one| (one.id, attempt.clone())).collect();
    Settlement { lane: lane.id, turn: lane.turn, fence: lane.fence, delivered, failed: None }
}

/// The failed one counts as delivered.
fn overtaking(mut settlement: Settlement) -> Settlement {
    if let Some(failed) = settlement.failed.take() {
        settlement.delivered.push((failed.id, failed.attempt));
    }
    settlement
}

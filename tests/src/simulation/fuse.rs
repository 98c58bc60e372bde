//! Crashes: the process ends before the n-th effect from now.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// A fuse that every effect passes. Clones share it.
#[derive(Clone)]
pub(super) struct Fuse {
    left: Arc<AtomicI64>,
    burnt: Arc<Notify>,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { left: Arc::new(AtomicI64::new(i64::MAX)), burnt: Arc::default() }
    }
}

impl Fuse {
    /// The process ends at the `effects`-th one from now.
    pub(super) fn light(&self, effects: i64) {
        self.left.store(effects, Ordering::Relaxed);
    }

    /// It does not end any more.
    pub(super) fn put_out(&self) {
        self.left.store(i64::MAX, Ordering::Relaxed);
    }

    /// An effect; where the process ends, this never returns.
    pub(super) async fn pass(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.burnt.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the process has to end.
    pub(super) async fn burns(&self) {
        self.burnt.notified().await;
    }
}

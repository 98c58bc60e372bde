//! How many requests wait for their account's rate budget while nobody waits for them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts those that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting(AtomicUsize);

/// One that is counted for as long as this lives.
pub(crate) struct Counted<'w>(&'w Waiting);

impl Waiting {
    /// Counts one more.
    pub(crate) fn enter(&self) -> Counted<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self)
    }

    /// How many there are at the moment.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

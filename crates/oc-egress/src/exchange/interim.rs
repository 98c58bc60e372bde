//! Interim answers (1xx): a few may come before the answer, and not a flood of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

const MOST: usize = 16;

/// The interim answers of a request.
pub(super) struct Interim(Arc<Notify>);

impl Interim {
    /// Counts them from now on.
    pub(super) fn count<B>(request: &mut http::Request<B>) -> Self {
        let (over, seen) = (Arc::new(Notify::new()), AtomicUsize::new(0));
        let told = Arc::clone(&over);
        hyper::ext::on_informational(request, move |_| {
            if seen.fetch_add(1, Ordering::Relaxed) == MOST {
                told.notify_one();
            }
        });
        Self(over)
    }

    /// Ends when there were too many.
    pub(super) async fn too_many(&self) {
        self.0.notified().await;
    }
}

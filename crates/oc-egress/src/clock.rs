//! What time it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oc_config::Timestamp;
use time::OffsetDateTime;

/// A source of the current time; tests give their own.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Lets time pass where it is simulated.
    passes: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
}

impl Clock {
    /// The machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    pub fn system() -> Self {
        Self::new(|| OffsetDateTime::now_utc().into())
    }

    /// A clock of the caller's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), passes: None }
    }

    /// The same clock in simulated time: who waits for its time to pass calls `passes` instead.
    #[must_use]
    pub fn simulated(mut self, passes: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.passes = Some(Arc::new(passes));
        self
    }

    /// Waits until so much time has passed.
    pub async fn sleep(&self, time: Duration) {
        match &self.passes {
            Some(passes) => passes(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

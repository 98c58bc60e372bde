//! Addresses that were wrong about a secret.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

const MINUTE: Duration = Duration::from_secs(60);
/// The longest an address has to wait, however many wrong secrets came at once.
const LONGEST: Duration = Duration::from_secs(900);

/// Counts what was wrong, by address. A burst is paid for afterwards, so that on average there are
/// no more than the rate, however many requests are under way at once.
pub(super) struct Guesses {
    /// What each one costs.
    each: Duration,
    /// When all is paid for.
    paid: Cache<IpAddr, Arc<Mutex<Instant>>>,
}

impl Guesses {
    /// So many a minute, remembered of so many addresses.
    pub(super) fn new(rate: NonZeroU32, remembered: usize) -> Self {
        Self { each: MINUTE / rate.get(), paid: Cache::new(remembered) }
    }

    /// How long the address has to wait.
    pub(super) fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let paid = *self.paid.get(&from)?.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = paid.saturating_duration_since(now) + self.each;
        ahead.checked_sub(MINUTE).filter(|over| !over.is_zero())
    }

    /// The address was wrong.
    pub(super) fn note(&self, from: IpAddr, now: Instant) {
        let new = || Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new(now)));
        let Ok(paid) = self.paid.get_or_insert_with(&from, new);
        let mut paid = paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = ((*paid).max(now) + self.each).min(now + MINUTE + LONGEST);
    }
}

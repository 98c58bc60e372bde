//! What this process has claimed and not given back.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use oc_config::Timestamp;

/// Claims of one process. SQLite has no other, so that memory is the right place: a process that
/// ends takes its claims along.
#[derive(Debug)]
pub(crate) struct Leases<K>(HashMap<K, Lease>);

#[derive(Debug)]
struct Lease {
    until: Timestamp,
    /// Parts that have to be given back before the whole is.
    parts: usize,
}

impl<K> Default for Leases<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Leases<K> {
    /// All that is claimed at `now`.
    pub(crate) fn held(&self, now: Timestamp) -> HashSet<K> {
        self.0.iter().filter(|(_, lease)| lease.until > now).map(|(key, _)| *key).collect()
    }

    /// Whether it is claimed at `now`.
    pub(crate) fn is_held(&self, key: &K, now: Timestamp) -> bool {
        self.0.get(key).is_some_and(|lease| lease.until > now)
    }

    /// Claims it, to be given back in so many parts.
    pub(crate) fn take(&mut self, key: K, parts: usize, now: Timestamp, within: Duration) {
        self.0.insert(key, Lease { until: now.plus(within), parts });
    }

    /// Holds it for longer; one that is not held any more is not taken again.
    pub(crate) fn renew(&mut self, key: &K, now: Timestamp, within: Duration) {
        if let Some(lease) = self.0.get_mut(key) {
            lease.until = now.plus(within);
        }
    }

    /// Gives a part back.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(lease) = self.0.get_mut(key) {
            lease.parts -= 1;
            if lease.parts == 0 {
                self.0.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_until_all_parts_are_back_or_its_time_is_over() {
        let (mut leases, minute) = (Leases::default(), Duration::from_secs(60));
        leases.take("a", 2, Timestamp(0), minute);
        leases.give_back(&"a");
        leases.renew(&"b", Timestamp(0), minute);
        assert!(!leases.is_held(&"b", Timestamp(0)));
        assert!(leases.is_held(&"a", Timestamp(59_999_999)));
        assert!(!leases.is_held(&"a", Timestamp(60_000_000)));
        leases.give_back(&"a");
        assert!(!leases.is_held(&"a", Timestamp(0)));
        leases.give_back(&"a");
    }
}

//! What this process has claimed and not given back.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use oc_config::Timestamp;

/// Claims of one process. SQLite has no other, so that memory is the right place: a process that
/// ends takes its claims along.
#[derive(Debug)]
pub(crate) struct Leases<K> {
    leases: HashMap<K, Lease>,
    /// Who has waited for what is claimed gets it next, up to an instant.
    reserved: HashMap<K, Timestamp>,
}

#[derive(Debug)]
struct Lease {
    until: Timestamp,
    /// Parts that have to be given back before the whole is.
    parts: usize,
}

impl<K> Default for Leases<K> {
    fn default() -> Self {
        Self { leases: HashMap::new(), reserved: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Leases<K> {
    /// All that is claimed at `now`.
    pub(crate) fn held(&self, now: Timestamp) -> HashSet<K> {
        self.leases.iter().filter(|(_, lease)| lease.until > now).map(|(key, _)| *key).collect()
    }

    /// All that is claimed or reserved at `now`.
    pub(crate) fn kept(&mut self, now: Timestamp) -> HashSet<K> {
        self.reserved.retain(|_, until| *until > now);
        let mut kept = self.held(now);
        kept.extend(self.reserved.keys());
        kept
    }

    /// Keeps something for who calls this: others find it claimed until it is taken, or `within`
    /// is over.
    pub(crate) fn reserve(&mut self, key: K, now: Timestamp, within: Duration) {
        self.reserved.insert(key, now.plus(within));
    }

    /// Whether it is claimed at `now`.
    pub(crate) fn is_held(&self, key: &K, now: Timestamp) -> bool {
        self.leases.get(key).is_some_and(|lease| lease.until > now)
    }

    /// Whether it is claimed or reserved at `now`.
    pub(crate) fn is_kept(&self, key: &K, now: Timestamp) -> bool {
        self.is_held(key, now) || self.reserved.get(key).is_some_and(|until| *until > now)
    }

    /// Claims it, to be given back in so many parts.
    pub(crate) fn take(&mut self, key: K, parts: usize, now: Timestamp, within: Duration) {
        self.reserved.remove(&key);
        self.leases.insert(key, Lease { until: now.plus(within), parts });
    }

    /// Holds it for longer; one that is not held any more is not taken again.
    pub(crate) fn renew(&mut self, key: &K, now: Timestamp, within: Duration) {
        if let Some(lease) = self.leases.get_mut(key) {
            lease.until = now.plus(within);
        }
    }

    /// Gives a part back.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(lease) = self.leases.get_mut(key) {
            lease.parts -= 1;
            if lease.parts == 0 {
                self.leases.remove(key);
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

    #[test]
    fn what_is_reserved_is_free_for_who_has_reserved_it_alone() {
        let (mut leases, second) = (Leases::default(), Duration::from_secs(1));
        leases.reserve("a", Timestamp(0), second);
        assert!(leases.is_kept(&"a", Timestamp(0)) && !leases.is_held(&"a", Timestamp(0)));
        assert!(leases.kept(Timestamp(0)).contains("a"));
        leases.take("a", 1, Timestamp(0), second);
        leases.give_back(&"a");
        assert!(!leases.is_kept(&"a", Timestamp(0)));
        leases.reserve("a", Timestamp(0), second);
        assert!(leases.kept(Timestamp(1_000_000)).is_empty());
    }
}

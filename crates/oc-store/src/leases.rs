//! What this process has claimed and not given back.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use oc_config::Timestamp;
use oc_poll::Fence;

/// Claims of one process. SQLite has no other, so that memory is the right place: a process that
/// ends takes its claims along.
#[derive(Debug)]
pub(crate) struct Leases<K> {
    held: HashMap<K, Lease>,
    /// The last number that was given here.
    last: i64,
}

#[derive(Debug)]
struct Lease {
    until: Timestamp,
    fence: Fence,
    /// Parts that have to be given back before the whole is.
    parts: usize,
}

impl<K> Default for Leases<K> {
    fn default() -> Self {
        Self { held: HashMap::new(), last: 0 }
    }
}

impl<K: Copy + Eq + Hash> Leases<K> {
    /// All that is claimed at `now`.
    pub(crate) fn held(&self, now: Timestamp) -> impl Iterator<Item = &K> {
        self.held.iter().filter(move |(_, lease)| lease.until > now).map(|(key, _)| key)
    }

    /// Whether it is claimed at `now`.
    pub(crate) fn is_held(&self, key: &K, now: Timestamp) -> bool {
        self.held.get(key).is_some_and(|lease| lease.until > now)
    }

    /// Whether this very claim holds at `now`.
    pub(crate) fn holds(&self, key: &K, fence: Fence, now: Timestamp) -> bool {
        self.held.get(key).is_some_and(|lease| lease.fence == fence && lease.until > now)
    }

    /// Claims it under a number of its own, where nobody else claims.
    pub(crate) fn number_and_take(&mut self, key: K, now: Timestamp, within: Duration) -> Fence {
        self.last += 1;
        self.take(key, Fence(self.last), now, within);
        Fence(self.last)
    }

    /// Claims it.
    pub(crate) fn take(&mut self, key: K, fence: Fence, now: Timestamp, within: Duration) {
        self.held.insert(key, Lease { until: now.plus(within), fence, parts: 1 });
    }

    /// It is to be given back in so many parts.
    pub(crate) fn set_parts(&mut self, key: &K, parts: usize) {
        if let Some(lease) = self.held.get_mut(key) {
            lease.parts = parts;
        }
    }

    /// The number of a claim, and how many parts are left of it.
    pub(crate) fn of(&self, key: &K) -> Option<(Fence, usize)> {
        self.held.get(key).map(|lease| (lease.fence, lease.parts))
    }

    /// Holds it for longer, and tells its number; one that is not held any more is not taken again.
    pub(crate) fn renew(&mut self, key: &K, now: Timestamp, within: Duration) -> Option<Fence> {
        let lease = self.held.get_mut(key)?;
        lease.until = now.plus(within);
        Some(lease.fence)
    }

    /// Gives a part of a claim back; true when it was the last one. One that others have claimed
    /// since is theirs.
    pub(crate) fn give_back(&mut self, key: &K, fence: Fence) -> bool {
        let Some(lease) = self.held.get_mut(key).filter(|lease| lease.fence == fence) else {
            return false;
        };
        lease.parts -= 1;
        let is_last = lease.parts == 0;
        if is_last {
            self.held.remove(key);
        }
        is_last
    }

    /// Forgets a claim, whatever is left of it.
    pub(crate) fn forget(&mut self, key: &K) {
        self.held.remove(key);
    }

    /// Forgets those that have ended, of some.
    pub(crate) fn forget_ended(&mut self, now: Timestamp, some: impl Fn(&K) -> bool) {
        self.held.retain(|key, lease| lease.until > now || !some(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_until_all_parts_are_back_or_its_time_is_over() {
        let (mut leases, minute) = (Leases::default(), Duration::from_secs(60));
        leases.take("a", Fence(7), Timestamp(0), minute);
        leases.set_parts(&"a", 2);
        assert!(!leases.give_back(&"a", Fence(7)));
        assert_eq!(leases.renew(&"b", Timestamp(0), minute), None);
        assert!(!leases.is_held(&"b", Timestamp(0)));
        assert!(leases.is_held(&"a", Timestamp(59_999_999)));
        assert!(!leases.is_held(&"a", Timestamp(60_000_000)));
        assert_eq!(leases.of(&"a"), Some((Fence(7), 1)));
        assert!(!leases.give_back(&"a", Fence(6)));
        assert!(leases.give_back(&"a", Fence(7)));
        assert!(!leases.is_held(&"a", Timestamp(0)));
        assert!(!leases.give_back(&"a", Fence(7)));
    }
}

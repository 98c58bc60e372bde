//! Access tokens at hand, so that a poll of many pages does not open the vault for each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oc_config::{InstanceId, Timestamp};
use quick_cache::sync::Cache;

use super::AccessToken;

/// How many tokens are at hand.
const KEPT: usize = 1_024;
/// For how long: it bounds how late a pair that another node has stored is noticed.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Tokens that were read from the vault a moment ago. Clones share them.
#[derive(Clone)]
pub(super) struct Ready(Arc<Inner>);

struct Inner {
    kept: Cache<InstanceId, Kept>,
    /// Held while what is kept of an instance is compared and changed.
    changing: Mutex<()>,
}

#[derive(Clone)]
enum Kept {
    Token(AccessToken, Timestamp),
    /// The provider refuses the pair of this version, and those before it.
    Refused(i64),
}

impl Default for Ready {
    fn default() -> Self {
        Self(Arc::new(Inner { kept: Cache::new(KEPT), changing: Mutex::default() }))
    }
}

impl Ready {
    pub(super) fn get(&self, instance: InstanceId, now: Timestamp) -> Option<AccessToken> {
        let Kept::Token(token, until) = self.0.kept.get(&instance)? else { return None };
        let from = until.minus(KEPT_FOR);
        // A clock that was set back says nothing about how old it is.
        (from <= now && now < until).then_some(token)
    }

    /// Keeps a token that is good until `ends`, unless it was refused after it had been read.
    pub(super) fn put(
        &self,
        instance: InstanceId,
        token: AccessToken,
        now: Timestamp,
        ends: Timestamp,
    ) {
        let until = now.plus(KEPT_FOR);
        if ends < until {
            return;
        }
        let _alone = self.alone();
        let is_refused = match self.0.kept.get(&instance) {
            Some(Kept::Refused(version)) => token.version <= version,
            Some(Kept::Token(newer, _)) => token.version < newer.version,
            None => false,
        };
        if !is_refused {
            self.0.kept.insert(instance, Kept::Token(token, until));
        }
    }

    /// The provider refuses the pair of this version: whoever has just read it does not keep it.
    pub(super) fn refuse(&self, instance: InstanceId, version: i64) {
        let _alone = self.alone();
        let is_newer = match self.0.kept.get(&instance) {
            Some(Kept::Refused(known)) => known > version,
            Some(Kept::Token(token, _)) => token.version > version,
            None => false,
        };
        if !is_newer {
            self.0.kept.insert(instance, Kept::Refused(version));
        }
    }

    pub(super) fn forget(&self, instance: InstanceId) {
        self.0.kept.remove(&instance);
    }

    fn alone(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstanceId = InstanceId(1);

    fn s(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn ready(ends: i64) -> Ready {
        let ready = Ready::default();
        ready.put(ONE, AccessToken { secret: "a".into(), version: 1 }, s(100), s(ends));
        ready
    }

    #[test]
    fn a_token_is_at_hand_for_a_moment() {
        let at = |seconds| ready(1_000).get(ONE, s(seconds)).is_some();
        assert_eq!([99, 100, 104, 105].map(at), [false, true, true, false]);
        assert!(ready(1_000).get(InstanceId(2), s(100)).is_none());
    }

    #[test]
    fn a_token_that_was_refused_after_it_had_been_read_is_not_kept() {
        let ready = ready(1_000);
        let put = |version| {
            ready.put(ONE, AccessToken { secret: "a".into(), version }, s(100), s(1_000));
            ready.get(ONE, s(101)).map(|token| token.version)
        };
        ready.refuse(ONE, 1);
        assert_eq!([put(1), put(2), put(1)], [None, Some(2), Some(2)]);
        // The refusal of the one before says nothing about the present one.
        ready.refuse(ONE, 1);
        assert_eq!(ready.get(ONE, s(101)).map(|token| token.version), Some(2));
    }

    #[test]
    fn a_token_that_ends_soon_or_is_forgotten_is_not() {
        assert!(ready(104).get(ONE, s(100)).is_none());
        let ready = ready(1_000);
        ready.forget(ONE);
        assert!(ready.get(ONE, s(100)).is_none());
    }
}

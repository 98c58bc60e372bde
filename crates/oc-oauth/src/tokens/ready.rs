//! Access tokens at hand, so that a poll of many pages does not open the vault for each.

use std::sync::Arc;
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
pub(super) struct Ready(Arc<Cache<InstanceId, (AccessToken, Timestamp)>>);

impl Default for Ready {
    fn default() -> Self {
        Self(Arc::new(Cache::new(KEPT)))
    }
}

impl Ready {
    pub(super) fn get(&self, instance: InstanceId, now: Timestamp) -> Option<AccessToken> {
        let (token, until) = self.0.get(&instance)?;
        let from = until.minus(KEPT_FOR);
        // A clock that was set back says nothing about how old it is.
        (from <= now && now < until).then_some(token)
    }

    /// Keeps a token that is good until `ends`.
    pub(super) fn put(
        &self,
        instance: InstanceId,
        token: AccessToken,
        now: Timestamp,
        ends: Timestamp,
    ) {
        let until = now.plus(KEPT_FOR);
        if until <= ends {
            self.0.insert(instance, (token, until));
        }
    }

    pub(super) fn forget(&self, instance: InstanceId) {
        self.0.remove(&instance);
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
    fn a_token_that_ends_soon_or_is_forgotten_is_not() {
        assert!(ready(104).get(ONE, s(100)).is_none());
        let ready = ready(1_000);
        ready.forget(ONE);
        assert!(ready.get(ONE, s(100)).is_none());
    }
}

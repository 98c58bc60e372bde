//! What a provider has granted: tokens, and the client they belong to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oc_config::{InstanceId, OAuth2, Timestamp};
use secrecy::SecretString;

/// A pair of tokens. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token.
    pub access: SecretString,
    /// The refresh token, when there is one.
    pub refresh: Option<SecretString>,
    /// When the pair was asked for.
    pub obtained_at: Timestamp,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// Further members of the answer, such as `scope` or `api_domain`, as text.
    pub others: BTreeMap<String, String>,
}

/// The client's registration at the provider.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; public clients have none.
    pub secret: Option<SecretString>,
}

/// An instance's authorization, as the vault keeps it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Counts the pairs that have replaced each other.
    pub version: i64,
    /// The current pair.
    pub tokens: TokenSet,
    /// The client.
    pub client: ClientCredentials,
    /// The provider, with the instance's own urls.
    pub provider: Arc<OAuth2>,
    /// Since when a refresh has been under way whose outcome is not recorded.
    pub intent: Option<Timestamp>,
    /// Why only the user can help, when that is so.
    pub dead: Option<String>,
}

impl Grant {
    /// When the access token is to be refreshed: ahead of its end by the smaller of the provider's
    /// margin and a fifth of its life, and up to a tenth of that earlier, so that instances which
    /// were authorized together do not refresh together.
    pub fn refresh_at(&self, instance: InstanceId) -> Timestamp {
        let life = self.tokens.expires_at.since(self.tokens.obtained_at);
        let ahead = self.provider.margin.min(life / 5);
        self.tokens.expires_at.minus(ahead).minus(jitter(instance, ahead / 10))
    }
}

/// A part of `most` that is always the same for an instance (Fibonacci hashing).
fn jitter(instance: InstanceId, most: Duration) -> Duration {
    let spread = instance.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    most * u32::try_from(spread).unwrap_or(0) / 1_024
}

#[cfg(test)]
mod tests {
    use super::jitter;
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn instances_are_spread_and_each_keeps_its_place() {
        let most = Duration::from_secs(90);
        let places: BTreeSet<_> =
            (1..=100).map(|id| jitter(oc_config::InstanceId(id), most)).collect();
        assert!(places.len() > 90 && places.iter().all(|place| *place < most));
        assert_eq!(jitter(oc_config::InstanceId(7), most), jitter(oc_config::InstanceId(7), most));
    }
}

//! Access tokens for requests: refreshed in time, one refresh at a time an instance.

mod flight;
mod ready;

use std::sync::Arc;
use std::time::Duration;

use oc_config::InstanceId;
use oc_egress::Clock;
use secrecy::SecretString;

use crate::{TokenEndpoint, Vault, VaultError};
use flight::Flights;
use ready::Ready;

/// An access token that is good for a request sent now.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// The version of the pair it is from, to be named if the provider refuses it.
    pub version: i64,
}

/// Why there is no access token.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// Only the user can help, by authorizing the instance again.
    #[error("the instance must be authorized again: {0}")]
    NeedsAuthentication(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<VaultError> for TokenError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// How long a refresh is tried: so many times, with pauses that double.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often the token endpoint is asked.
    pub tries: u32,
    /// The first pause.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 3, pause: Duration::from_millis(500) }
    }
}

/// Hands out access tokens. Clones share the refreshes under way.
#[derive(Clone)]
pub struct Tokens {
    vault: Arc<dyn Vault>,
    clock: Clock,
    flights: Flights,
    ready: Ready,
}

impl Tokens {
    /// Tokens kept in `vault`, refreshed at `endpoint`.
    pub fn new(
        vault: Arc<dyn Vault>,
        endpoint: TokenEndpoint,
        clock: Clock,
        patience: Patience,
    ) -> Self {
        let flights = Flights::new(Arc::clone(&vault), endpoint, clock.clone(), patience);
        Self { vault, clock, flights, ready: Ready::default() }
    }

    /// The instance's access token, refreshed first when its end is near. While the provider's
    /// token endpoint is away a token that has not ended is still handed out.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn bearer(&self, instance: InstanceId) -> Result<AccessToken, TokenError> {
        let now = self.clock.now();
        if let Some(token) = self.ready.get(instance, now) {
            return Ok(token);
        }
        let grant = self.grant(instance).await?;
        let ends = match grant.tokens.refresh {
            Some(_) => grant.refresh_at(instance),
            None => grant.tokens.expires_at,
        };
        if now < ends {
            let token = token_of(&grant);
            self.ready.put(instance, token.clone(), now, ends);
            return Ok(token);
        }
        match self.flights.refresh(instance, grant.version).await {
            Ok(()) => Ok(token_of(&self.grant(instance).await?)),
            Err(TokenError::Unavailable(_)) if self.clock.now() < grant.tokens.expires_at => {
                Ok(token_of(&grant))
            }
            Err(error) => Err(error),
        }
    }

    /// The provider answered 401 to the token of `version`: refreshes, unless that has happened.
    ///
    /// # Errors
    /// Why there will be no other token.
    pub async fn refused(&self, instance: InstanceId, version: i64) -> Result<(), TokenError> {
        self.ready.refuse(instance, version);
        let grant = self.grant(instance).await?;
        if grant.version > version { Ok(()) } else { self.flights.refresh(instance, version).await }
    }

    /// The instance was authorized anew, or has gone: its next token is read from the vault.
    pub fn forget(&self, instance: InstanceId) {
        self.ready.forget(instance);
    }

    /// Waits until every refresh under way is recorded; new ones are still begun.
    pub async fn settle(&self, within: Duration) {
        self.flights.settle(within).await;
    }

    async fn grant(&self, instance: InstanceId) -> Result<crate::Grant, TokenError> {
        let grant = self.vault.load(instance).await?;
        let missing = || TokenError::NeedsAuthentication("it has no tokens".to_owned());
        let grant = grant.ok_or_else(missing)?;
        match grant.dead {
            Some(reason) => Err(TokenError::NeedsAuthentication(reason)),
            None => Ok(grant),
        }
    }
}

fn token_of(grant: &crate::Grant) -> AccessToken {
    AccessToken { secret: grant.tokens.access.clone(), version: grant.version }
}

#[cfg(test)]
mod tests;

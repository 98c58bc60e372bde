//! The port to durable storage of grants.

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};

use crate::{Grant, TokenSet};

/// The storage failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the storage failed: {0}")]
pub struct VaultError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The outcome of [`Vault::replace`].
#[derive(Debug)]
pub enum Replaced {
    /// The pair is stored and durable, under this version.
    Stored(i64),
    /// Another node has stored a newer pair, or the instance is gone.
    Conflict,
}

/// The outcome of [`Vault::intend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It is noted, and nobody else refreshes until this refresh has ended.
    Noted,
    /// Another node refreshes, or has done so since: look again in a moment.
    Elsewhere,
}

/// What refreshing needs from storage. Each method is durable when it returns.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Vault: Send + Sync {
    /// An instance's grant.
    async fn load(&self, instance: InstanceId) -> Result<Option<Grant>, VaultError>;

    /// Notes that a refresh of this version is about to be sent, unless another node is at it. What
    /// ends the refresh is one of the next three; a node that dies before has ended it as well.
    async fn intend(
        &self,
        instance: InstanceId,
        version: i64,
        now: Timestamp,
    ) -> Result<Intent, VaultError>;

    /// Puts a new pair in the place of `version` and clears the intent, in one commit; only if
    /// that version is still the current one.
    async fn replace(
        &self,
        instance: InstanceId,
        version: i64,
        tokens: TokenSet,
    ) -> Result<Replaced, VaultError>;

    /// Notes that only the user can help, unless `version` has been replaced since.
    async fn mark_dead(
        &self,
        instance: InstanceId,
        version: i64,
        reason: String,
    ) -> Result<(), VaultError>;

    /// The refresh has come to nothing, and whoever is next may try again.
    async fn give_up(&self, instance: InstanceId) -> Result<(), VaultError>;
}

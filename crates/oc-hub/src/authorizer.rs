//! The port to credentials: how a request proves whose it is.

use async_trait::async_trait;
use http::HeaderMap;
use oc_config::{InstanceId, Timestamp};

/// Which credential a request carried, so that a refusal can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential(pub i64);

/// Why a request cannot be authorized.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AuthorizeError {
    /// Only the user can help, by authorizing the instance again.
    #[error("the instance must be authorized again: {0}")]
    NeedsAuthentication(String),
    /// Not now: the token endpoint or the storage does not answer.
    #[error("no access token could be got: {0}")]
    Unavailable(String),
}

/// What the hub needs from whoever holds the credentials.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Adds the instance's credential to the headers of a request that is sent at once. It is
    /// asked anew for each attempt, so that a token which ends during a wait does no harm.
    async fn authorize(
        &self,
        instance: InstanceId,
        headers: &mut HeaderMap,
        now: Timestamp,
    ) -> Result<Credential, AuthorizeError>;

    /// The provider answered 401 to this credential: get another one. Succeeds when a request
    /// authorized from now on carries a newer one.
    async fn refused(
        &self,
        instance: InstanceId,
        credential: Credential,
        now: Timestamp,
    ) -> Result<(), AuthorizeError>;
}

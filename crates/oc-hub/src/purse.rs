//! The port to rate budgets that several processes share.

use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;

/// What is asked for of an account's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The window's number, counted from the epoch of the provider's clock.
    pub window: i64,
    /// So many points, or as many as there are.
    pub wanted: u32,
    /// So many may be drawn of the window by all together.
    pub most: u32,
    /// How long a window is.
    pub every: Duration,
}

/// What there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Points that are the caller's now.
    pub points: u32,
    /// The provider takes nothing before this instant, as another process has been told.
    pub closed_until: Timestamp,
}

/// Who keeps the points does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the storage failed: {0}")]
pub struct PurseError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What the hub needs where other processes ask the same providers.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Purse: Send + Sync {
    /// Takes points of an account's window. Those that are not spent within it are lost.
    async fn draw(&self, account: &str, draw: Draw) -> Result<Drawn, PurseError>;

    /// The provider takes nothing for the account before then.
    async fn close(&self, account: &str, until: Timestamp) -> Result<(), PurseError>;
}

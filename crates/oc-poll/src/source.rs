//! The port to the provider: records page by page.

use async_trait::async_trait;
use oc_config::HubCall;
use oc_hub::{ClockReading, Hub, HubError, Page, Picker, Reader, Target};

/// One reading of a resource: whom to ask and what.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Whom.
    pub target: Target,
    /// The rendered hub call.
    pub call: HubCall,
    /// Records a page, when the configuration says.
    pub page_size: Option<u32>,
    /// What is picked out of each record: id, updated date, created date.
    pub fields: Picker,
}

/// Why a reading ended early.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// For the owner to see; no secrets.
    pub message: String,
    /// Only the user can help, by authorizing the instance again.
    pub needs_authentication: bool,
}

/// Where records come from.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Source: Send + Sync {
    /// Begins a reading. Retries, rate limits and tokens are the source's concern.
    async fn open(&self, reading: Reading) -> Result<Box<dyn Pages>, SourceError>;

    /// How many readings wait for a rate budget at the moment.
    fn waiting(&self) -> usize;
}

/// A reading under way.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Pages: Send {
    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Page>, SourceError>;

    /// How the provider's clock stood to ours at the first answer that told.
    fn clock(&self) -> Option<ClockReading>;
}

#[async_trait]
impl Source for Hub {
    async fn open(&self, reading: Reading) -> Result<Box<dyn Pages>, SourceError> {
        let reader = self.read(reading.target, &reading.call, reading.page_size, reading.fields)?;
        Ok(Box::new(reader))
    }

    fn waiting(&self) -> usize {
        Self::waiting(self)
    }
}

#[async_trait]
impl Pages for Reader {
    async fn next(&mut self) -> Result<Option<Page>, SourceError> {
        Ok(self.next_page().await?)
    }

    fn clock(&self) -> Option<ClockReading> {
        self.first_clock()
    }
}

impl From<HubError> for SourceError {
    fn from(error: HubError) -> Self {
        Self { needs_authentication: error.needs_authentication(), message: error.to_string() }
    }
}

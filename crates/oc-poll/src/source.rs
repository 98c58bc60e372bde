//! The port to the provider: records page by page.

use std::time::Duration;

use async_trait::async_trait;
use oc_config::HubCall;
use oc_hub::{ClockReading, Hub, HubError, Page, Picker, ReadPlace, Reader, Target};

use crate::ledger::Due;

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
    /// Where it begins: where an earlier reading of the same call has come to.
    pub from: ReadPlace,
    /// It comes after everything else: only what others leave of the rate limit is used.
    pub spare: bool,
}

/// Why a reading ended early.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// For the owner to see; no secrets.
    pub message: String,
    /// Only the user can help, by authorizing the instance again.
    pub needs_authentication: bool,
    /// The rate limit has room again after so long.
    pub wait: Option<Duration>,
}

impl SourceError {
    /// One that time may mend.
    pub fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), needs_authentication: false, wait: None }
    }
}

/// Where records come from.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Source: Send + Sync {
    /// Begins a reading. Retries, rate limits and tokens are the source's concern.
    async fn open(&self, reading: Reading) -> Result<Box<dyn Pages>, SourceError>;

    /// Of the records with some ids, those that are there; `list` is the provider's filter for ids.
    async fn find(
        &self,
        due: &Due,
        list: &str,
        ids: &[String],
        fields: &Picker,
    ) -> Result<Page, SourceError>;

    /// Whether the provider says of a record, asked for alone, that there is none.
    async fn is_gone(&self, due: &Due, id: &str) -> Result<bool, SourceError>;

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

    /// Where a later reading would go on; `None` when there is nothing more to read.
    fn place(&self) -> Option<ReadPlace>;
}

#[async_trait]
impl Source for Hub {
    async fn open(&self, reading: Reading) -> Result<Box<dyn Pages>, SourceError> {
        let Reading { target, call, page_size, fields, from, spare } = reading;
        let mut reader = self.read(target, &call, page_size, fields)?.starting_at(from);
        if spare {
            reader = reader.with_spare_budget();
            // What goes on for long tells how far it is.
            reader = if from == ReadPlace::Begin { reader.counting() } else { reader };
        }
        Ok(Box::new(reader))
    }

    async fn find(
        &self,
        due: &Due,
        list: &str,
        ids: &[String],
        fields: &Picker,
    ) -> Result<Page, SourceError> {
        Ok(Hub::find(self, &due.target, &due.config.resource, list, ids, fields).await?)
    }

    async fn is_gone(&self, due: &Due, id: &str) -> Result<bool, SourceError> {
        Ok(Hub::is_gone(self, &due.target, &due.config.resource, id).await?)
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

    fn place(&self) -> Option<ReadPlace> {
        Reader::place(self)
    }
}

impl From<HubError> for SourceError {
    fn from(error: HubError) -> Self {
        let wait = match &error {
            HubError::RateLimited { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        let needs_authentication = error.needs_authentication();
        Self { needs_authentication, wait, message: error.to_string() }
    }
}

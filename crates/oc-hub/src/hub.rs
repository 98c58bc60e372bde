//! The hub: the provider's lists, as the connector describes them.

use std::sync::Arc;

use oc_config::HubCall;
use oc_egress::{Clock, Egress};
use url::Url;

use crate::client::{Client, Retry};
use crate::listing::{self, Listing};
use crate::{Authorizer, HubError, Picker, Reader, Target};

/// Reads providers. Clones share connections and rate budgets.
#[derive(Clone)]
pub struct Hub(Arc<Client>);

impl Hub {
    /// A hub that leaves through `egress` with the credentials of `authorizer`.
    pub fn new(
        egress: Egress,
        clock: Clock,
        authorizer: Arc<dyn Authorizer>,
        retry: Retry,
    ) -> Self {
        Self(Arc::new(Client::new(egress, clock, authorizer, retry)))
    }

    /// Begins to read all records of a list, of each of which `fields` are picked; nothing is sent
    /// yet.
    ///
    /// # Errors
    /// A resource that the connector does not have, or a condition that nobody can evaluate.
    pub fn read(
        &self,
        target: Target,
        call: &HubCall,
        page_size: Option<u32>,
        fields: Picker,
    ) -> Result<Reader, HubError> {
        Reader::new(Arc::clone(&self.0), target, call, page_size, fields)
    }

    /// One page of a list, for whoever waits for it: retried once at most, and refused rather than
    /// kept waiting when the rate limit is used up.
    ///
    /// # Errors
    /// As [`Hub::read`], and why the page could not be had.
    pub async fn list(&self, target: &Target, call: &HubCall) -> Result<Listing, HubError> {
        listing::list(&self.0, target, call).await
    }

    /// The provider account whose rate limit an instance shares, when the provider tells.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn account(&self, target: &Target) -> Result<Option<String>, HubError> {
        listing::account(&self.0, target).await
    }

    /// The url that reading a list begins with. Sends nothing.
    ///
    /// # Errors
    /// As [`Hub::read`].
    pub fn first_url(
        target: &Target,
        call: &HubCall,
        page_size: Option<u32>,
    ) -> Result<Url, HubError> {
        listing::first_url(target, call, page_size)
    }
}

//! The hub: the provider's lists, as the connector describes them.

use std::sync::Arc;

use oc_config::HubCall;
use oc_egress::{Clock, Egress};

use crate::client::{Client, Retry};
use crate::{Authorizer, HubError, Reader, Target};

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

    /// Begins to read all records of a list; nothing is sent yet.
    ///
    /// # Errors
    /// A resource that the connector does not have, or a condition that nobody can evaluate.
    pub fn read(
        &self,
        target: Target,
        call: &HubCall,
        page_size: Option<u32>,
    ) -> Result<Reader, HubError> {
        Reader::new(Arc::clone(&self.0), target, call, page_size)
    }
}

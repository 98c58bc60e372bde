//! The transport of everything: to a callback as a webhook, to a sink as that sink takes it.

use async_trait::async_trait;
use oc_dispatch::{Attempt, Destination, Outgoing, Transport, Webhooks};

use crate::Sinks;

/// Sends each notification to where it goes.
#[derive(Clone)]
pub struct Transports {
    /// For callbacks.
    pub webhooks: Webhooks,
    /// For sinks.
    pub sinks: Sinks,
}

#[async_trait]
impl Transport for Transports {
    async fn send(&self, to: &Destination, notification: Outgoing) -> Attempt {
        match to {
            Destination::Callback(callback) => self.webhooks.send(callback, notification).await,
            Destination::Sink(address) => self.sinks.send(address, &notification).await,
        }
    }
}

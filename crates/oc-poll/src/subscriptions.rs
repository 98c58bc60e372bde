//! The port to the provider's subscriptions.

use async_trait::async_trait;
use oc_hub::{Hub, Subscribed, Target};
use secrecy::SecretString;
use url::Url;

use crate::source::SourceError;

/// Where subscriptions are made and ended.
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// All that the provider has of the account, those of others among them; `None` where it does
    /// not show them.
    async fn list(&self, target: &Target) -> Result<Option<Vec<Subscribed>>, SourceError>;

    /// Subscribes to an event; gives the subscription's id. It may have been made though there is
    /// an error.
    async fn subscribe(
        &self,
        target: &Target,
        event: &str,
        callback: &Url,
        secret: &SecretString,
    ) -> Result<String, SourceError>;

    /// Ends a subscription; one that is not there has ended.
    async fn unsubscribe(&self, target: &Target, id: &str) -> Result<(), SourceError>;
}

#[async_trait]
impl Subscriptions for Hub {
    async fn list(&self, target: &Target) -> Result<Option<Vec<Subscribed>>, SourceError> {
        Ok(self.subscriptions(target).await?)
    }

    async fn subscribe(
        &self,
        target: &Target,
        event: &str,
        callback: &Url,
        secret: &SecretString,
    ) -> Result<String, SourceError> {
        Ok(Hub::subscribe(self, target, event, callback, secret).await?)
    }

    async fn unsubscribe(&self, target: &Target, id: &str) -> Result<(), SourceError> {
        Ok(Hub::unsubscribe(self, target, id).await?)
    }
}

//! The hub: the provider's lists and records, as the connector describes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use oc_config::{Connector, HubCall, OperationKind, Timestamp};
use oc_egress::{Clock, Egress};
use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::budget::RateBudget;
use crate::client::{Client, Retry};
use crate::listing::{self, Listing};
use crate::object::{Operated, operate};
use crate::subscription::{self, Subscribed};
use crate::{Authorizer, HubError, Page, Picker, Purse, Reader, Target, probe};

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
        Self::sharing(egress, clock, authorizer, retry, None)
    }

    /// The same where others ask the same providers: with the purse that all of them share.
    pub fn sharing(
        egress: Egress,
        clock: Clock,
        authorizer: Arc<dyn Authorizer>,
        retry: Retry,
        purse: Option<Arc<dyn Purse>>,
    ) -> Self {
        Self(Arc::new(Client::new(egress, clock, authorizer, retry, purse)))
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

    /// Of some records, those that the provider still has; `list` is the list filter that takes ids.
    /// Uses only what others leave of the rate limit.
    ///
    /// # Errors
    /// As [`Hub::read`], and why the provider could not be asked.
    pub async fn find(
        &self,
        target: &Target,
        resource: &str,
        list: &str,
        ids: &[String],
        fields: &Picker,
    ) -> Result<Page, HubError> {
        probe::find(&self.0, target, resource, (list, ids), fields).await
    }

    /// Whether the provider says of a record that there is none. Uses only what others leave of the
    /// rate limit.
    ///
    /// # Errors
    /// A resource without a call for single records, and why the provider could not be asked.
    pub async fn is_gone(
        &self,
        target: &Target,
        resource: &str,
        id: &str,
    ) -> Result<bool, HubError> {
        probe::is_gone(&self.0, target, resource, id).await
    }

    /// One page of a list, for whoever waits for it: retried once at most, and refused rather than
    /// kept waiting when the rate limit is used up.
    ///
    /// # Errors
    /// As [`Hub::read`], and why the page could not be had.
    pub async fn list(&self, target: &Target, call: &HubCall) -> Result<Listing, HubError> {
        listing::list(&self.0, target, call).await
    }

    /// One record.
    ///
    /// # Errors
    /// A resource or kind of call that the connector does not have, and why it could not be had.
    pub async fn one(&self, target: &Target, call: &HubCall, id: &str) -> Result<Json, HubError> {
        let asked = Operated { kind: OperationKind::One, id: Some(id), body: None };
        operate(&self.0, target, call, asked).await
    }

    /// Makes a record of a JSON object; gives the record as the provider answers it, an empty object
    /// when it does not. It is sent a second time only when it has certainly not been carried out.
    ///
    /// # Errors
    /// As [`Hub::one`].
    pub async fn create(
        &self,
        target: &Target,
        call: &HubCall,
        body: Bytes,
    ) -> Result<Json, HubError> {
        let asked = Operated { kind: OperationKind::Create, id: None, body: Some(body) };
        operate(&self.0, target, call, asked).await
    }

    /// Changes a record; otherwise as [`Hub::create`].
    ///
    /// # Errors
    /// As [`Hub::one`].
    pub async fn update(
        &self,
        target: &Target,
        call: &HubCall,
        id: &str,
        body: Bytes,
    ) -> Result<Json, HubError> {
        let asked = Operated { kind: OperationKind::Update, id: Some(id), body: Some(body) };
        operate(&self.0, target, call, asked).await
    }

    /// Removes a record. One that is missing at a second try is removed.
    ///
    /// # Errors
    /// As [`Hub::one`].
    pub async fn delete(&self, target: &Target, call: &HubCall, id: &str) -> Result<(), HubError> {
        let asked = Operated { kind: OperationKind::Delete, id: Some(id), body: None };
        operate(&self.0, target, call, asked).await.map(drop)
    }

    /// How many readings wait for their account's rate budget at the moment.
    pub fn waiting(&self) -> usize {
        self.0.waiting.count()
    }

    /// What is left at `now` to an account of a provider with a rate limit.
    pub fn rate_budget(
        &self,
        connector: &Connector,
        account: &str,
        now: Timestamp,
    ) -> Option<RateBudget> {
        let limits = connector.limits.as_ref()?;
        Some(self.0.budgets.left(account, limits, now))
    }

    /// By connector, what is left at `now` of the rate limit's running window to the account that
    /// has least, from 0 to 1.
    pub fn least_left(&self, now: Timestamp) -> BTreeMap<String, f64> {
        self.0.budgets.least_left(now)
    }

    /// The provider account whose rate limit an instance shares, when the provider tells.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn account(&self, target: &Target) -> Result<Option<String>, HubError> {
        listing::account(&self.0, target).await
    }

    /// The subscriptions that the provider has of this account, those of others among them; `None`
    /// where it does not show them.
    ///
    /// # Errors
    /// A connector without webhooks, and why the provider could not be asked.
    pub async fn subscriptions(
        &self,
        target: &Target,
    ) -> Result<Option<Vec<Subscribed>>, HubError> {
        subscription::list(&self.0, target).await
    }

    /// Subscribes to an event, delivered to `callback` and signed with `secret`; gives the
    /// subscription's id. It may have been made though there is an error.
    ///
    /// # Errors
    /// As [`Hub::subscriptions`].
    pub async fn subscribe(
        &self,
        target: &Target,
        event: &str,
        callback: &Url,
        secret: &SecretString,
    ) -> Result<String, HubError> {
        subscription::subscribe(&self.0, target, event, callback, secret).await
    }

    /// Ends a subscription; one that is not there has ended.
    ///
    /// # Errors
    /// As [`Hub::subscriptions`].
    pub async fn unsubscribe(&self, target: &Target, id: &str) -> Result<(), HubError> {
        subscription::unsubscribe(&self.0, target, id).await
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

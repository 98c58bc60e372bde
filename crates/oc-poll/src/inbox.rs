//! The port to what the provider has told by itself and is still to be worked off.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{Timestamp, WebhookKind};

use crate::ledger::{Due, LedgerError, Part};

/// One record that the provider has pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its number in the inbox.
    pub number: i64,
    /// What the provider says has happened.
    pub kind: WebhookKind,
    /// The delivery's body.
    pub body: Bytes,
}

/// A resource with pushed records.
#[derive(Clone, Debug)]
pub struct DuePushed {
    /// The resource, as a poll would find it.
    pub due: Due,
    /// The oldest records, in the order of their arrival; never none.
    pub pushed: Vec<Pushed>,
}

/// What was claimed, and whether more waits.
#[derive(Clone, Debug, Default)]
pub struct ClaimedPushed {
    /// Resources of instances that nobody else works for, one an instance.
    pub resources: Vec<DuePushed>,
    /// Others wait for somebody who works for their instance.
    pub others_wait: bool,
}

/// What came of pushed records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// The numbers of those worked off; they leave the inbox.
    pub numbers: Vec<i64>,
    /// What to tell and remember.
    pub part: Part,
}

/// What working off the inbox needs from storage. Each method but `arrived` is one transaction and
/// durable when it returns.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Up to `limit` resources with pushed records. Their instances stay claimed until
    /// [`Inbox::take_in`], or until the lease ends. As with polls, what an earlier poll had staged
    /// and not finished is void.
    async fn claim_pushed(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<ClaimedPushed, LedgerError>;

    /// Records what came of pushed records and gives the claim back: events, fingerprints and
    /// contents are stored, and the records leave the inbox, in one transaction. Where the resource
    /// was configured anew meanwhile nothing is stored, and the claim is given back.
    async fn take_in(&self, due: &Due, now: Timestamp, taken: TakenIn) -> Result<(), LedgerError>;

    /// Waits until a record has arrived since the last call.
    async fn arrived(&self);
}

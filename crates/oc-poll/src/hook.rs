//! The port to what is kept of an instance's subscriptions: what they are to be, and which there are.

use std::time::Duration;

use async_trait::async_trait;
use oc_config::{InstanceId, Timestamp};
use oc_hub::{Subscribed, Target};
use secrecy::SecretString;

use crate::fence::Fence;
use crate::ledger::LedgerError;
use crate::task::Trouble;

/// An instance that the provider tells of changes, or did.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Whom to ask.
    pub target: Target,
    /// Counts changes of the instance: an outcome for another one leaves the hook due.
    pub revision: i64,
    /// The claim.
    pub fence: Fence,
    /// The last part of the url to deliver to; nobody can guess it.
    pub suffix: String,
    /// What deliveries are signed with.
    pub secret: SecretString,
    /// The events to be subscribed to; none ends all subscriptions.
    pub wanted: Vec<String>,
    /// The subscriptions that were recorded.
    pub known: Vec<Subscribed>,
    /// Consecutive failures so far.
    pub failures: u32,
}

/// What was claimed, and when to ask again.
#[derive(Clone, Debug, Default)]
pub struct ClaimedHooks {
    /// Hooks that nobody else works on.
    pub hooks: Vec<Hook>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// The claim of one hook.
#[derive(Clone, Debug)]
pub enum HookClaim {
    /// There is none.
    Missing,
    /// Somebody else works on it.
    Held,
    /// It is the caller's, until its outcome is settled or the lease ends.
    Claimed(Box<Hook>),
}

/// How the work on a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookOutcome {
    /// When to look again; `None` when there is nothing to look after.
    pub due: Option<Timestamp>,
    /// What went wrong; `None` leaves no trace of what did before.
    pub trouble: Option<Trouble>,
}

/// What subscribing needs from storage. Each method is one transaction and durable when it returns.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Up to `limit` hooks due at `now`. They stay claimed until their outcome is settled, or until
    /// the lease ends.
    async fn claim_hooks(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<ClaimedHooks, LedgerError>;

    /// The hook of an instance, whether due or not.
    async fn claim_hook(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<HookClaim, LedgerError>;

    /// These are the instance's subscriptions, and no others.
    async fn note(&self, hook: &Hook, subscribed: &[Subscribed]) -> Result<(), LedgerError>;

    /// Records how the work ended and gives the claim back. A hook that has changed meanwhile stays
    /// due.
    async fn settle(&self, hook: &Hook, outcome: HookOutcome) -> Result<(), LedgerError>;
}

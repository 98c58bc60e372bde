//! What has changed: reads what is due, tells changes apart, and commits them with the cursor.
//!
//! A poll reads records through a [`Source`], compares them with what the [`Ledger`] already knows,
//! and hands the events back to the ledger in one transaction. See `docs/architecture.md`.
#![doc = include_str!("../README.md")]

mod account_share;
mod classify;
mod cursor;
mod event;
#[cfg(test)]
mod fixture;
mod ledger;
mod metrics;
mod observe;
mod poll;
mod poller;
mod schedule;
mod seats;
mod source;

pub use classify::{Sighting, Verdict, Version, Window, classify};
pub use event::{Event, EventKind};
pub use ledger::{
    Checkpoint, Claimed, Due, DueInstance, Failure, Finding, Fingerprint, Ledger, LedgerError,
    Outcome, Part, PollSummary, ResourceId,
};
pub use poll::{PollError, poll_once};
pub use poller::{Poller, PollerSettings};
pub use schedule::{after_failure, after_success, first_due, quiet_after};
pub use source::{Pages, Reading, Source, SourceError};

#[cfg(any(test, feature = "mock"))]
pub use ledger::MockLedger;
#[cfg(any(test, feature = "mock"))]
pub use source::{MockPages, MockSource};

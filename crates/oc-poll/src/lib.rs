//! What has changed: reads what is due, tells changes apart, and commits them with the cursor.
//!
//! A poll reads records through a [`Source`], compares them with what the [`Ledger`] already knows,
//! and hands the events back to the ledger in one transaction. See `docs/architecture.md`.
#![doc = include_str!("../README.md")]

mod account_share;
mod background;
mod caretaker;
mod changes;
mod classify;
mod contents;
mod cursor;
mod difference;
mod event;
mod fence;
#[cfg(test)]
mod fixture;
mod hook;
mod inbox;
mod intake;
mod ledger;
mod left_out;
mod load;
mod metrics;
mod observe;
mod poll;
mod poller;
mod pushed;
mod renewal;
mod schedule;
mod seats;
mod sift;
mod source;
mod spans;
mod subscriber;
mod subscriptions;
mod sweep;
mod task;

pub use background::Work;
pub use caretaker::{Caretaker, CaretakerSettings};
pub use changes::{Change, Changes, Shown};
pub use classify::{Sighting, Verdict, Version, Window, classify};
pub use event::{Event, EventKind};
pub use fence::Fence;
pub use hook::{ClaimedHooks, Hook, HookClaim, HookOutcome, Hooks};
pub use inbox::{ClaimedPushed, DuePushed, Inbox, Pushed, TakenIn};
pub use intake::{Intake, IntakeSettings};
pub use ledger::{
    Checkpoint, Claimed, Content, Due, DueInstance, Failure, Finding, Fingerprint, Ledger,
    LedgerError, Outcome, Part, PollSummary, ResourceId,
};
pub use poll::{PollError, poll_once};
pub use poller::{Poller, PollerSettings};
pub use schedule::{after_failure, after_success, first_due, quiet_after};
pub use source::{Pages, Reading, Source, SourceError};
pub use subscriber::{Subscriber, SubscriberSettings};
pub use subscriptions::Subscriptions;
pub use task::{
    ClaimedTasks, DueTask, Load, Next, Stage, Step, Sweep, Swept, Task, Tasks, Tracked, Trouble,
};

#[cfg(any(test, feature = "mock"))]
pub use ledger::MockLedger;
#[cfg(any(test, feature = "mock"))]
pub use source::{MockPages, MockSource};
#[cfg(any(test, feature = "mock"))]
pub use task::MockTasks;

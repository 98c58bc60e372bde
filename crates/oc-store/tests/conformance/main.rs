//! What every store has to keep, test by test.

mod events;
mod file;
mod house;
mod instances;
mod ledger;
mod listing;
mod outbox;
mod vault;

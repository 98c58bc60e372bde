//! What every store has to keep, test by test.

mod audit;
mod backup;
mod contents;
mod events;
mod file;
mod house;
mod instances;
mod ledger;
mod listing;
mod outbox;
mod rekey;
mod sessions;
mod tasks;
mod tenants;
mod turns;
mod vault;
mod webhooks;

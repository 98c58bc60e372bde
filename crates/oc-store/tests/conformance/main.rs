//! What every store has to keep, test by test.

mod audit;
mod backup;
mod contents;
mod events;
mod file;
mod house;
mod instances;
mod leases;
mod ledger;
mod listing;
mod outbox;
mod place;
mod rekey;
mod sessions;
mod tasks;
mod tenants;
mod vault;
mod webhooks;

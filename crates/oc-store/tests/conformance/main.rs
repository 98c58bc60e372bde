//! What every store has to keep, test by test.

mod audit;
mod backlog;
mod backup;
mod contents;
mod crash;
mod events;
mod file;
mod house;
mod instances;
mod leases;
mod ledger;
mod listing;
mod notices;
mod outbox;
mod place;
mod probes;
mod rekey;
mod sessions;
mod slow;
mod tasks;
mod tenants;
mod turns;
mod vault;
mod webhooks;

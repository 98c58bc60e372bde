//! Scenarios against the real binary.

mod catalogue;
mod changes;
mod commands;
mod delivery;
mod events;
mod faults;
mod hub;
mod instances_api;
mod kills;
mod lifecycle;
mod limits;
mod old_client;
mod provider_webhooks;
mod simulation;
mod story;
mod tenants;
mod tokens;

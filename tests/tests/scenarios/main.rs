//! Scenarios against the real binary.

mod catalogue;
mod changes;
mod clocks;
mod commands;
mod deletions;
mod delivery;
mod events;
mod failure_policy;
mod fairness;
mod faults;
mod forms;
mod hub;
mod initial;
mod instances_api;
mod kills;
mod lifecycle;
mod limits;
mod moving;
mod old_client;
mod poller_keys;
mod provider_webhooks;
mod services;
mod simulation;
mod story;
mod tenants;
mod tokens;

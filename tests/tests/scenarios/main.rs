//! Scenarios against the real binary.

mod catalogue;
mod changes;
mod delivery;
mod events;
mod faults;
mod hub;
mod instances_api;
mod kills;
mod lifecycle;
mod simulation;
mod story;
mod tokens;

//! Scenarios against the real binary.

mod catalogue;
mod changes;
mod delivery;
mod faults;
mod instances_api;
mod kills;
mod lifecycle;
mod story;
mod tokens;

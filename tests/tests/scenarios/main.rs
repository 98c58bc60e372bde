//! Scenarios against the real binary.

mod changes;
mod commands;
mod delivery;
mod faults;
mod kills;
mod lifecycle;
mod limits;
mod story;
mod tenants;
mod tokens;

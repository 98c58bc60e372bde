//! Scenarios against the real binary.

mod changes;
mod delivery;
mod faults;
mod hub;
mod kills;
mod lifecycle;
mod story;
mod tokens;

//! Scenarios against the real binary.

mod changes;
mod delivery;
mod events;
mod faults;
mod hub;
mod kills;
mod lifecycle;
mod simulation;
mod story;
mod tokens;

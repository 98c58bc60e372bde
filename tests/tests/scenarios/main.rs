//! Scenarios against the real binary.

mod changes;
mod delivery;
mod events;
mod faults;
mod kills;
mod lifecycle;
mod story;
mod tokens;

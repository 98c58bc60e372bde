//! Scenarios against the real binary.

mod changes;
mod delivery;
mod faults;
mod kills;
mod lifecycle;
mod story;
mod tokens;

//! What the program can be asked to do.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
mod checked;
pub(crate) mod completions;
pub(crate) mod connectors;
mod database;
mod diagnostics;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod manual;
pub(crate) mod migrate;
pub(crate) mod poll;
mod progress;
pub(crate) mod rekey;
pub(crate) mod serve;
pub(crate) mod user;

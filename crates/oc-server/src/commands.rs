//! What the program can be asked to do.

pub(crate) mod check;
mod checked;
pub(crate) mod connectors;
mod diagnostics;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod poll;
pub(crate) mod serve;

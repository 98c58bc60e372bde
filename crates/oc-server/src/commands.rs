//! What the program can be asked to do.

pub(crate) mod check;
mod checked;
mod diagnostics;
pub(crate) mod import;
pub(crate) mod poll;
pub(crate) mod serve;

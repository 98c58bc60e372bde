//! The number of a claim.

/// Tells claims of the same thing apart: whoever claims it next gets another one, and what comes of a
/// claim counts only while nobody else has claimed the same since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fence(pub i64);

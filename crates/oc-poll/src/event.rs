//! What a poll finds out: one change of one object.

use bytes::Bytes;
use oc_config::Timestamp;

use crate::Changes;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It is new.
    Created,
    /// It was there before and differs now.
    Updated,
    /// It is gone.
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// The word that a notification carries as `eventType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object, in the order of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object's id as text.
    pub object_id: String,
    /// What happened.
    pub kind: EventKind,
    /// When: the record's updated date, else its created date, else the poll's start.
    pub date: Timestamp,
    /// The record as the hub would show it: JSON text.
    pub record: Bytes,
    /// How it differs from what was told before: of an update, when the configuration asks for it
    /// and it is known what was told.
    pub changes: Option<Changes>,
}

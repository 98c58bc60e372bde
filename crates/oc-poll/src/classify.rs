//! The decision table: what one record, as the provider shows it now, means (polling.md, "A poll", 3).

use std::time::Duration;

use oc_config::Timestamp;

use crate::EventKind;

/// What tells two states of one object apart, in one integer.
///
/// The updated date in microseconds where the record has one (never negative), else a hash of the
/// content (always negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub i64);

impl Version {
    /// The version of a record with an updated date; dates before 1970 count as 1970.
    pub fn dated(updated: Timestamp) -> Self {
        Self(updated.0.max(0))
    }

    /// The version of a record without one.
    pub fn hashed(content: u64) -> Self {
        Self((content | 1 << 63).cast_signed())
    }

    /// The updated date, when this is one.
    pub fn date(self) -> Option<Timestamp> {
        (self.0 >= 0).then_some(Timestamp(self.0))
    }
}

/// One record as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its updated date, when configured and readable.
    pub updated: Option<Timestamp>,
    /// Its created date, likewise.
    pub created: Option<Timestamp>,
    /// Its version.
    pub version: Version,
}

/// What a poll looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The last poll time, L.
    pub last: Timestamp,
    /// Records dated at or before this instant were there before events were asked for.
    pub floor: Timestamp,
    /// How far before L records may still turn up that were not visible then.
    pub look_back: Duration,
    /// The poll's start when `filterByCurrentDate` is set: later records wait for the next poll.
    pub until: Option<Timestamp>,
    /// `createdCheckTolerance`, T.
    pub tolerance: Duration,
    /// `filterByUpdatedDate`.
    pub by_updated: bool,
    /// The first reading of a resource whose records have no usable dates: what is there is noted,
    /// not sent, as nothing older than the cursor's start is.
    pub baseline: bool,
}

/// What is to be done about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Old,
    /// Remember this version, send nothing.
    Note,
    /// Remember it and send an event.
    Send(EventKind),
}

impl Window {
    /// True when dates alone say that the record is old news, so that nothing need be looked up.
    pub fn rules_out(&self, seen: &Sighting) -> bool {
        if let (Some(until), Some(updated)) = (self.until, seen.updated)
            && updated > until
        {
            return true;
        }
        self.by_updated
            && seen.updated.is_some_and(|at| {
                at <= self.floor || at <= self.last && at < self.last.minus(self.look_back)
            })
    }
}

/// Decides about a record that [`Window::rules_out`] did not; `known` is the version last reported
/// of the same object.
pub fn classify(window: &Window, seen: &Sighting, known: Option<Version>) -> Verdict {
    if window.rules_out(seen) || known.is_some_and(|known| !is_news(seen.version, known)) {
        return Verdict::Old;
    }
    if window.baseline && seen.updated.or(seen.created).is_none() {
        return Verdict::Note;
    }
    let Some(dated) = seen.updated.or(seen.created) else {
        return Verdict::Send(created_unless(known));
    };
    if known.is_none() && dated <= window.floor {
        return Verdict::Note;
    }
    Verdict::Send(kind(window, seen, known))
}

/// A stale copy of an object already reported in a later version is no news.
fn is_news(seen: Version, known: Version) -> bool {
    match (seen.date(), known.date()) {
        (Some(seen), Some(known)) => seen > known,
        _ => seen != known,
    }
}

fn kind(window: &Window, seen: &Sighting, known: Option<Version>) -> EventKind {
    match (seen.updated, seen.created) {
        (Some(updated), Some(created)) if created < updated.minus(window.tolerance) => {
            EventKind::Updated
        }
        (Some(_), None) => EventKind::Updated,
        _ => created_unless(known),
    }
}

/// An object that was reported before cannot be created again.
fn created_unless(known: Option<Version>) -> EventKind {
    if known.is_some() { EventKind::Updated } else { EventKind::Created }
}

#[cfg(test)]
mod tests;

//! Which kinds of events a notification tells.

use oc_poll::{Event, EventKind};
use serde::Deserialize;

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    const ALL: u8 = 0b111;

    /// Those of some events.
    pub fn of(events: &[Event]) -> Self {
        Self(events.iter().fold(0, |bits, event| bits | bit(event.kind)))
    }

    /// Those that a body tells, for one that was stored without them.
    pub fn told(body: &[u8]) -> Self {
        let told = serde_json::from_slice::<Body<'_>>(body).map(|body| body.message.events);
        let words = told.unwrap_or_default();
        let is_told = |kind: &EventKind| words.iter().any(|one| one.event_type == kind.as_str());
        Self(EventKind::ALL.into_iter().filter(is_told).fold(0, |bits, kind| bits | bit(kind)))
    }

    /// Whether a kind is among them.
    pub fn has(self, kind: EventKind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Every set with a kind.
    pub fn with(kind: EventKind) -> impl Iterator<Item = Self> {
        (1..=Self::ALL).map(Self).filter(move |set| set.has(kind))
    }

    /// The set as a number, for the store: 1 for created, 2 for updated, 4 for deleted, added up.
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }

    /// The set of a number; `None` when it is none or empty.
    pub fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|bits| (1..=Self::ALL).contains(bits)).map(Self)
    }
}

fn bit(kind: EventKind) -> u8 {
    match kind {
        EventKind::Created => 1,
        EventKind::Updated => 2,
        EventKind::Deleted => 4,
    }
}

#[derive(Deserialize)]
struct Body<'b> {
    /// The `data` of a CloudEvent.
    #[serde(borrow, alias = "data")]
    message: Message<'b>,
}

#[derive(Deserialize)]
struct Message<'b> {
    #[serde(borrow)]
    events: Vec<Told<'b>>,
}

#[derive(Deserialize)]
struct Told<'b> {
    #[serde(rename = "eventType")]
    event_type: &'b str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_a_number_and_the_sets_with_a_kind_are_all_of_them() {
        for number in 1..=7 {
            let set = Kinds::from_number(number).unwrap();
            assert_eq!(set.number(), number);
            for kind in EventKind::ALL {
                assert_eq!(set.has(kind), Kinds::with(kind).any(|one| one == set));
            }
        }
        assert_eq!([-1, 0, 8, 263].map(Kinds::from_number), [None; 4]);
    }

    #[test]
    fn kinds_are_read_from_the_events_of_a_body_and_from_nothing_else_in_it() {
        let told = r#"{"message":{"events":[{"eventType":"UPDATED"},{"eventType":"DELETED"}],"raw":{"contacts":[{"eventType":"CREATED"}]}}}"#;
        let cloud = told.replacen("message", "data", 1);
        for body in [told, &cloud] {
            let kinds = Kinds::told(body.as_bytes());
            let had = EventKind::ALL.map(|kind| kinds.has(kind));
            assert_eq!(had, [false, true, true], "{body}");
        }
        assert_eq!(Kinds::told(b"not JSON"), Kinds::default());
    }
}

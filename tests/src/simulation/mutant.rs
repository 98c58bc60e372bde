//! Deliberate faults: each is a mistake that somebody could make, and the simulation has to notice.

/// A mistake; [`Mutant::None`] is the program as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// No mistake.
    None,
    /// The cursor is the end of the poll instead of its start.
    CursorAtEnd,
    /// The cursor ignores that the provider's clock is behind.
    CursorByOurClock,
    /// The cursor is stored before what was found, in a transaction of its own.
    CursorBeforeEvents,
    /// Nothing is read again, though changes become visible late.
    NoOverlap,
    /// The next page begins after the last record's instant instead of at it.
    GreaterInsteadOfGreaterOrEqual,
    /// Lists are paged by number though they move.
    PageNumbers,
    /// What was reported before is not remembered.
    NoFingerprints,
    /// Fingerprints are forgotten up to the cursor, not up to its look-back.
    ForgetsTooEarly,
    /// What was told is not remembered, so that updates are compared with older versions.
    DropsContents,
    /// Parts of a large poll are dropped instead of put aside.
    DropsParts,
    /// A load remembers where it is before what it has read is stored.
    LoadSkips,
    /// A sweep believes one look without asking for each missing record.
    UnconfirmedDeletes,
    /// What was told as deleted is told again by every sweep.
    DeletesAgain,
    /// A rate limit is not kept: every request is taken to be free.
    IgnoresBudget,
    /// Notifications count as delivered before they are sent.
    SettlesBeforeSending,
    /// A failed notification is skipped, and those behind it overtake.
    Overtakes,
    /// A repeat gets a new id.
    NewIdOnRepeat,
}

impl Mutant {
    /// All mistakes.
    pub const ALL: [Self; 17] = [
        Self::CursorAtEnd,
        Self::CursorByOurClock,
        Self::CursorBeforeEvents,
        Self::NoOverlap,
        Self::GreaterInsteadOfGreaterOrEqual,
        Self::PageNumbers,
        Self::NoFingerprints,
        Self::ForgetsTooEarly,
        Self::DropsContents,
        Self::DropsParts,
        Self::LoadSkips,
        Self::UnconfirmedDeletes,
        Self::DeletesAgain,
        Self::IgnoresBudget,
        Self::SettlesBeforeSending,
        Self::Overtakes,
        Self::NewIdOnRepeat,
    ];
}

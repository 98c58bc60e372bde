//! Reading by keyset: where the next request begins, and what has been read before.

use std::collections::HashSet;

use oc_config::{Resource, Timestamp};

use crate::dated::Dated;
use crate::{HubError, Page};

/// A reading in the order of updates (salesloft.md, "Reading changes well").
///
/// Each request asks for what was updated at or after the last record of the one before, always
/// page 1, so that records which change while they are read can neither be skipped nor read twice.
/// An instant that fills more than a page is paged through. There a record that changes moves those
/// behind it up by one, over a page border that is being crossed perhaps; so the pages are read once
/// more from the last one back to the first: what moves up then is met on a page still to be read.
#[derive(Debug)]
pub(crate) struct Keyset {
    dated: Dated,
    place: Place,
    /// The ids read at the instant from which the place goes on, as raw JSON.
    seen: HashSet<Vec<u8>>,
}

#[derive(Debug)]
enum Place {
    /// Page `number` of what was updated at or after `from`; at the beginning the call says it.
    Forth {
        from: Option<Timestamp>,
        number: u32,
    },
    /// The pages of the instant `from` once more, backwards; then `rest` goes on.
    Back {
        from: Option<Timestamp>,
        number: u32,
        rest: Option<Rest>,
    },
    End,
}

/// What there is to read after an instant that filled several pages.
#[derive(Debug)]
struct Rest {
    from: Option<Timestamp>,
    seen: HashSet<Vec<u8>>,
}

impl Keyset {
    /// A reading that begins at an instant, else where the call says.
    pub(crate) fn new(resource: &Resource, from: Option<Timestamp>) -> Self {
        Self {
            dated: Dated::of(resource),
            place: Place::Forth { from, number: 1 },
            seen: HashSet::new(),
        }
    }

    /// The lower bound of the next request, which replaces the call's, and its page; `None` at the
    /// end.
    pub(crate) fn next(&self) -> Option<(Option<Timestamp>, u32)> {
        match self.place {
            Place::Forth { from, number } | Place::Back { from, number, .. } => {
                Some((from, number))
            }
            Place::End => None,
        }
    }

    /// Leaves out of an answer what was read before, and finds the next place. `more`: the provider
    /// has further records behind it.
    pub(crate) fn advance(&mut self, page: Page, more: bool) -> Result<Page, HubError> {
        match std::mem::replace(&mut self.place, Place::End) {
            Place::Forth { from, number } => self.forth(page, more, from, number),
            Place::Back { from, number, rest } => {
                let new = self.unseen(page, from);
                self.dated.ids_at(&new, from, &mut self.seen);
                self.place = if number > 1 {
                    Place::Back { from, number: number - 1, rest }
                } else {
                    self.go_on(rest)
                };
                Ok(new)
            }
            Place::End => Ok(page),
        }
    }

    fn forth(
        &mut self,
        page: Page,
        more: bool,
        from: Option<Timestamp>,
        number: u32,
    ) -> Result<Page, HubError> {
        let last = page.records().next_back().and_then(|record| self.dated.updated(record.json));
        if last.is_some() && last < from {
            let reason = "its records are not in the order asked for".to_owned();
            return Err(HubError::Faulty { reason, text: None });
        }
        let new = self.unseen(page, from);
        if more && last <= from {
            self.dated.ids_at(&new, from, &mut self.seen);
            self.place = Place::Forth { from, number: number + 1 };
            return Ok(new);
        }
        let rest = more.then(|| {
            let mut seen = HashSet::new();
            self.dated.ids_at(&new, last, &mut seen);
            Rest { from: last, seen }
        });
        self.place = if number > 1 {
            self.dated.ids_at(&new, from, &mut self.seen);
            Place::Back { from, number: number - 1, rest }
        } else {
            self.go_on(rest)
        };
        Ok(new)
    }

    fn go_on(&mut self, rest: Option<Rest>) -> Place {
        let Some(Rest { from, seen }) = rest else { return Place::End };
        self.seen = seen;
        Place::Forth { from, number: 1 }
    }

    /// The page without the records of the instant that were read before. They come first, as the
    /// page is in the order of updates.
    fn unseen(&self, page: Page, from: Option<Timestamp>) -> Page {
        if self.seen.is_empty() {
            return page;
        }
        let mut is_past = false;
        page.retained(|record| {
            if is_past {
                return true;
            }
            let (id, updated) = self.dated.read(record.json);
            is_past = updated > from;
            is_past || !id.is_some_and(|id| self.seen.contains(id))
        })
    }
}

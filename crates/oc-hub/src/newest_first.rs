//! Reading the newest first: where to stop, and what has been read before.

use std::collections::HashSet;

use oc_config::{Condition, DateReader, FieldPath, Operator, Resource, Timestamp, Value, Zone};

use crate::dated::Dated;
use crate::{HubError, Page, fingerprint};

/// So many records are remembered, so that memory stays bounded; more may come a second time.
const MOST_SEEN: usize = 100_000;

/// A reading of a list that the provider cannot filter by date, but sorts by it, the latest first.
///
/// It ends behind the first page whose last record is older than anything the call asks for. A
/// record that is removed meanwhile moves those behind it up by one, over a page border that is
/// being crossed perhaps; so the pages are read once more, from the last but one back to the first:
/// what moves up then is met on a page still to be read. One that changes moves to the front, with
/// a date that the next reading asks for.
#[derive(Debug)]
pub(crate) struct NewestFirst {
    dated: Dated,
    volatile: Vec<FieldPath>,
    /// Nothing older is asked for; `None` when everything is.
    bound: Option<Timestamp>,
    place: Place,
    /// The contents read so far, ids included.
    seen: HashSet<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Forth(u32),
    Back(u32),
    End,
}

impl NewestFirst {
    /// A reading of what fulfils `asked`, as far as that bounds the updated date.
    pub(crate) fn new(resource: &Resource, asked: Option<&Condition>) -> Self {
        let updated = resource.updated.as_ref().map(ToString::to_string).unwrap_or_default();
        let conjuncts = asked.into_iter().flat_map(Condition::conjuncts);
        Self {
            dated: Dated::of(resource),
            volatile: resource.volatile.clone(),
            bound: conjuncts.filter_map(|one| lower_bound(one, &updated)).max(),
            place: Place::Forth(1),
            seen: HashSet::new(),
        }
    }

    /// The page that is read next; `None` at the end.
    pub(crate) fn next(&self) -> Option<u32> {
        match self.place {
            Place::Forth(number) | Place::Back(number) => Some(number),
            Place::End => None,
        }
    }

    /// Leaves out of an answer what was read before and has not changed, and finds the next place.
    /// `following`: the number of the page behind it, when there is one.
    pub(crate) fn advance(&mut self, page: Page, following: Option<u32>) -> Result<Page, HubError> {
        self.check_order(&page)?;
        self.place = match self.place {
            Place::Forth(number) => match following.filter(|_| !self.is_past(&page)) {
                Some(next) => Place::Forth(next),
                None => back_from(number),
            },
            Place::Back(number) => back_from(number),
            Place::End => Place::End,
        };
        Ok(self.unseen(page))
    }

    /// Whether everything behind the page is older than what is asked for.
    fn is_past(&self, page: &Page) -> bool {
        let last = page.records().rev().find_map(|record| self.dated.updated(record.json));
        last.is_some() && last < self.bound
    }

    /// Without the order nothing tells where to stop.
    fn check_order(&self, page: &Page) -> Result<(), HubError> {
        let dates = page.records().filter_map(|record| self.dated.updated(record.json));
        if dates.is_sorted_by(|one, next| one >= next) {
            return Ok(());
        }
        let reason = "its records are not in the order asked for, the newest first".to_owned();
        Err(HubError::Faulty { reason, text: None })
    }

    fn unseen(&mut self, page: Page) -> Page {
        let is_only = self.seen.is_empty() && matches!(self.place, Place::End);
        if is_only {
            return page;
        }
        page.retained(|record| {
            let content = fingerprint(record.json, &self.volatile);
            if self.seen.len() < MOST_SEEN {
                return self.seen.insert(content);
            }
            !self.seen.contains(&content)
        })
    }
}

/// The place behind page `number` on the way back.
fn back_from(number: u32) -> Place {
    if number > 1 { Place::Back(number - 1) } else { Place::End }
}

/// The instant before which nothing fulfils the condition.
fn lower_bound(condition: &Condition, updated: &str) -> Option<Timestamp> {
    let Condition::Compare { field, operator, value } = condition else { return None };
    let is_lower = matches!(operator, Operator::Greater | Operator::GreaterOrEqual);
    let (Value::Text(text) | Value::Number(text)) = value else { return None };
    if !is_lower || field.0.join(".") != updated {
        return None;
    }
    DateReader::any(Zone::gmt()).read_text(text)
}

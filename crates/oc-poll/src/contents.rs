//! What a poll remembers of its objects' contents, and the changes that follow from it.

use std::collections::BTreeMap;

use bytes::Bytes;
use oc_config::FieldPath;

use crate::difference::difference;
use crate::ledger::{Content, Due, Ledger, LedgerError, ResourceId};
use crate::left_out::{LeftOut, without};
use crate::{Event, EventKind};

/// A larger record is not remembered, so that the event after has no changes.
const LARGEST: usize = 64 << 10;

/// Contents by object; `None` where nothing is known.
type Known = BTreeMap<String, Option<Bytes>>;

/// The contents of a poll whose configuration asks for changes.
pub(crate) struct Contents<'a> {
    ledger: &'a dyn Ledger,
    resource: ResourceId,
    private: &'a [FieldPath],
    left_out: Vec<FieldPath>,
    /// What the page under way has, in its order.
    met: Vec<Met>,
    /// What this poll found and has not put aside yet.
    found: Known,
    /// What it put aside last, which the ledger may not know yet.
    put_aside: Known,
}

/// A record that is told or noted.
struct Met {
    object_id: String,
    record: Bytes,
    event: Option<(usize, EventKind)>,
}

impl<'a> Contents<'a> {
    /// `None` when nobody asks for changes.
    pub(crate) fn of(due: &'a Due, ledger: &'a dyn Ledger) -> Option<Self> {
        let (config, target) = (&due.config, &due.target);
        if !config.changes {
            return None;
        }
        let private = target.private(&config.resource);
        let volatile = target.volatile(&config.resource);
        // Each update has another updated date, and the event tells it anyway.
        let updated = config.updated.iter().map(|date| &date.path);
        let left_out = private.iter().chain(volatile).chain(updated).cloned().collect();
        let (resource, met) = (due.resource, Vec::new());
        let (found, put_aside) = (Known::new(), Known::new());
        Some(Self { ledger, resource, private, left_out, met, found, put_aside })
    }

    /// Takes note of a record of the page under way, and of its event, which is to be the part's
    /// at `at`.
    pub(crate) fn meet(
        &mut self,
        object_id: &str,
        event: Option<&Event>,
        at: usize,
        record: impl FnOnce() -> Bytes,
    ) {
        let record = event.map_or_else(record, |event| event.record.clone());
        let event = event.map(|event| (at, event.kind));
        self.met.push(Met { object_id: object_id.to_owned(), record, event });
    }

    /// Ends a page: gives its updates their changes, with one look-up at most. Tells how many
    /// bytes are kept for it beside its events' records.
    pub(crate) async fn compare(&mut self, events: &mut [Event]) -> Result<usize, LedgerError> {
        let met = std::mem::take(&mut self.met);
        let before = self.look_up(&met).await?;
        let mut kept = 0;
        for Met { object_id, record, event } in met {
            let kind = event.map(|(_, kind)| kind);
            if let Some((at, EventKind::Updated)) = event
                && let Some(old) = self.known(&object_id).unwrap_or(before.get(&object_id))
            {
                let changes = difference(old, &record, &self.left_out);
                kept += changes.size();
                events[at].changes = Some(changes);
            }
            kept += if event.is_none() { record.len() } else { 0 };
            let content = (kind != Some(EventKind::Deleted)).then_some(record);
            let content = content.and_then(|record| self.remembered(record));
            self.found.insert(object_id, content);
        }
        Ok(kept)
    }

    /// What the ledger knows of the updated objects, where this poll does not know more.
    async fn look_up(&self, met: &[Met]) -> Result<BTreeMap<String, Bytes>, LedgerError> {
        let updated = met.iter().filter(|one| {
            matches!(one.event, Some((_, EventKind::Updated)))
                && self.known(&one.object_id).is_none()
        });
        let objects: Vec<String> = updated.map(|one| one.object_id.clone()).collect();
        if objects.is_empty() {
            return Ok(BTreeMap::new());
        }
        let contents = self.ledger.contents(self.resource, &objects).await?;
        let known = objects.into_iter().zip(contents);
        Ok(known.filter_map(|(object_id, content)| Some((object_id, content?))).collect())
    }

    /// What this poll knows of an object, if it has met it.
    fn known(&self, object_id: &str) -> Option<Option<&Bytes>> {
        let met = self.found.get(object_id).or_else(|| self.put_aside.get(object_id));
        met.map(Option::as_ref)
    }

    /// The record as it is kept: what is private is not told, so that it need not be there.
    fn remembered(&self, record: Bytes) -> Option<Bytes> {
        if record.len() > LARGEST {
            return None;
        }
        if self.private.is_empty() {
            return Some(record);
        }
        let private: LeftOut<'_> = self.private.iter().map(FieldPath::segments).collect();
        let kept = without(std::str::from_utf8(&record).ok()?, &private)?.into_owned();
        Some(kept.into())
    }

    /// What is to be put aside or recorded with the part under way. What was put aside before is
    /// with the ledger by now.
    pub(crate) fn take(&mut self) -> Vec<Content> {
        self.put_aside = std::mem::take(&mut self.found);
        let found = self.put_aside.iter();
        found
            .map(|(object_id, record)| Content {
                object_id: object_id.clone(),
                record: record.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;

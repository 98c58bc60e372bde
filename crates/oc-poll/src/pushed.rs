//! What pushed records mean, sifted as those of a poll are.

use bytes::Bytes;
use oc_config::{FieldPath, Timestamp, WebhookKind};
use oc_hub::{Page, PageForm, Picker};
use serde_json::value::RawValue;

use crate::inbox::{DuePushed, Pushed, TakenIn};
use crate::ledger::{Due, Ledger, LedgerError};
use crate::observe::fields;
use crate::sift::{Sifter, wide_open};
use crate::{EventKind, Sighting, Verdict, Version, Window, classify};

/// How many pushed records could not be made out.
pub(crate) type Dropped = u64;

/// Sifts pushed records in the order of their arrival. One that cannot be made out is dropped and
/// counted, as the provider would only repeat it.
pub(crate) async fn sift(
    DuePushed { due, pushed }: &DuePushed,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<(TakenIn, Dropped), LedgerError> {
    let window = Window { all: due.checkpoint.loads_all, ..wide_open(due) };
    let mut sifter = Sifter::new(due, ledger, now, window);
    let picker = fields(&due.config);
    let mut unreadable = 0;
    for one in pushed {
        match page(due, one, &picker) {
            Some(page) => sifter.take_pushed(&page, one.kind).await?,
            None => unreadable += 1,
        }
    }
    let dropped = unreadable + sifter.summary.without_id;
    let numbers = pushed.iter().map(|one| one.number).collect();
    Ok((TakenIn { numbers, part: sifter.hand_over() }, dropped))
}

/// Decides about a pushed record; `known` is the version last reported of the same object.
///
/// A deletion is told once, and only of an object that is known, or whose record is later than the
/// floor: what was never told of needs no end. What comes behind it was sent before and delivered
/// late: only a reading of what is there brings an object back.
pub(crate) fn classify_pushed(
    kind: WebhookKind,
    window: &Window,
    seen: &Sighting,
    known: Option<Version>,
) -> Verdict {
    if known == Some(Version::GONE) {
        return Verdict::Old;
    }
    let dated = seen.updated.or(seen.created);
    let is_dated = dated.is_some();
    match kind {
        WebhookKind::Deleted if known.is_some() || dated.is_some_and(|at| at > window.floor) => {
            Verdict::Send(EventKind::Deleted)
        }
        WebhookKind::Deleted => Verdict::Old,
        // Without dates nothing else tells whether the object is new.
        WebhookKind::Updated if !is_dated && known.is_none() && !seen.deleted => {
            Verdict::Send(EventKind::Updated)
        }
        _ => classify(window, seen, known),
    }
}

/// The record as a page of its own.
fn page(due: &Due, one: &Pushed, fields: &Picker) -> Option<Page> {
    let path = &due.target.connector.webhooks.as_ref()?.record;
    let body = serde_json::from_slice::<&RawValue>(&one.body).ok()?.get().as_bytes();
    let record = if path.segments().is_empty() {
        body
    } else {
        Picker::new([Some(path.clone()), None, None]).pick(body)[0]?
    };
    if !record.starts_with(b"{") {
        return None;
    }
    let items = FieldPath::default();
    let form = PageForm { items: &items, fields, next: None, echo: None, total: None };
    let page = Page::parse(Bytes::from([b"[", record, b"]"].concat()), &form).ok()?;
    (page.len() == 1).then_some(page)
}

#[cfg(test)]
mod tests;

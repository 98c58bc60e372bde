//! Sifts pages for news: which of their records are events, and what is to be remembered of them.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oc_config::{Timestamp, WebhookKind};
use oc_hub::{Page, strip_nulls};

use crate::contents::Contents;
use crate::ledger::{Due, Fingerprint, Ledger, LedgerError, Part, PollSummary};
use crate::observe::{Observed, Observer};
use crate::pushed::classify_pushed;
use crate::{Event, EventKind, Sighting, Verdict, Version, Window, classify};

/// What a reading has found so far.
pub(crate) struct Sifter<'a> {
    due: &'a Due,
    ledger: &'a dyn Ledger,
    started: Timestamp,
    pub(crate) window: Window,
    observer: Observer<'a>,
    /// What was found and not handed over yet; later records of the same object count it.
    pending: HashMap<String, Version>,
    /// What was handed over last, and the ledger may not know yet.
    pub(crate) handed_over: HashMap<String, Version>,
    part: Part,
    contents: Option<Contents<'a>>,
    /// What the provider says has happened to the records of a page that it has pushed.
    pushed: Option<WebhookKind>,
    /// Bytes of records that are kept for the part.
    pub(crate) bytes: usize,
    pub(crate) summary: PollSummary,
}

/// A page, and what of it is to be looked up.
pub(crate) struct Picked<P> {
    pub(crate) page: P,
    pub(crate) ids: Vec<String>,
    /// Which of its records the ids are of, and how each looks.
    sightings: Vec<(usize, Sighting)>,
}

impl<'a> Sifter<'a> {
    pub(crate) fn new(
        due: &'a Due,
        ledger: &'a dyn Ledger,
        started: Timestamp,
        window: Window,
    ) -> Self {
        let observer = Observer::new(&due.config, &due.target);
        let (pending, handed_over) = (HashMap::new(), HashMap::new());
        let (part, bytes, summary) = (Part::default(), 0, PollSummary::default());
        let contents = Contents::of(due, ledger);
        Self {
            due,
            ledger,
            started,
            window,
            observer,
            pending,
            handed_over,
            part,
            contents,
            pushed: None,
            bytes,
            summary,
        }
    }

    /// How many objects are to be remembered that were not handed over.
    pub(crate) fn len(&self) -> usize {
        self.part.fingerprints.len()
    }

    /// Sifts a page of records that the provider has pushed.
    pub(crate) async fn take_pushed(
        &mut self,
        page: &Page,
        kind: WebhookKind,
    ) -> Result<(), LedgerError> {
        self.pushed = Some(kind);
        self.take(page).await
    }

    /// Sifts one page.
    pub(crate) async fn take(&mut self, page: &Page) -> Result<(), LedgerError> {
        let picked = self.pick(page);
        self.decide(picked.into_iter().collect()).await
    }

    /// What of a page is to be looked up; `None` where dates rule all of it out.
    pub(crate) fn pick<P: Borrow<Page>>(&mut self, page: P) -> Option<Picked<P>> {
        let (mut ids, mut sightings) = (Vec::new(), Vec::new());
        let window = &self.window;
        for (index, record) in page.borrow().records().enumerate() {
            let rules_out = |seen: &Sighting| window.rules_out(seen);
            let observed = self.observer.observe(record, &mut self.summary, rules_out);
            if let Some(Observed { object_id, sighting }) = observed {
                ids.push(object_id);
                sightings.push((index, sighting));
            }
        }
        (!ids.is_empty()).then_some(Picked { page, ids, sightings })
    }

    /// Sifts pages in their order, with one look-up for all.
    pub(crate) async fn decide<P: Borrow<Page>>(
        &mut self,
        mut picked: Vec<Picked<P>>,
    ) -> Result<(), LedgerError> {
        if picked.is_empty() {
            return Ok(());
        }
        let ids: Arc<[String]> = picked.iter_mut().flat_map(|one| take(&mut one.ids)).collect();
        let known = self.ledger.known(self.due.resource, Arc::clone(&ids)).await?;
        let mut objects = ids.iter().zip(known);
        for Picked { page, sightings, .. } in picked {
            for ((index, sighting), (object_id, known)) in sightings.iter().zip(objects.by_ref()) {
                self.judge((page.borrow(), *index), object_id, sighting, known);
            }
            if let Some(contents) = &mut self.contents {
                self.bytes += contents.compare(&mut self.part.events).await?;
            }
        }
        Ok(())
    }

    fn judge(
        &mut self,
        (page, index): (&Page, usize),
        object_id: &str,
        sighting: &Sighting,
        known: Option<Version>,
    ) {
        let known = self.found(object_id).or(known);
        let verdict = match self.pushed {
            Some(kind) => classify_pushed(kind, &self.window, sighting, known),
            None => classify(&self.window, sighting, known),
        };
        let event = match verdict {
            Verdict::Old => return,
            Verdict::Note => None,
            Verdict::Send(kind) => Some(self.event(page, index, object_id, sighting, kind)),
        };
        if let Some(contents) = &mut self.contents {
            let record = || shown(self.due, page, index);
            contents.meet(object_id, event.as_ref(), self.part.events.len(), record);
        }
        self.keep(object_id.to_owned(), sighting.version, event);
    }

    /// Hands over what was found since the last time, its events in the order of their dates.
    pub(crate) fn hand_over(&mut self) -> Part {
        let mut part = take(&mut self.part);
        part.events.sort_by_key(|event| event.date);
        part.contents = self.contents.as_mut().map(Contents::take).unwrap_or_default();
        self.handed_over = take(&mut self.pending);
        self.bytes = 0;
        part
    }

    fn event(
        &self,
        page: &Page,
        index: usize,
        object_id: &str,
        sighting: &Sighting,
        kind: EventKind,
    ) -> Event {
        let dated = sighting.updated.or(sighting.created);
        let date = match self.pushed {
            // A deletion is later than the record's own date.
            Some(WebhookKind::Deleted) => dated.map_or(self.started, |at| at.max(self.started)),
            _ => dated.unwrap_or(self.started),
        };
        let (object_id, record) = (object_id.to_owned(), shown(self.due, page, index));
        Event { object_id, kind, date, record, changes: None }
    }

    /// What was found of an object so far, as far as the ledger may not know it.
    fn found(&self, object_id: &str) -> Option<Version> {
        self.pending.get(object_id).or_else(|| self.handed_over.get(object_id)).copied()
    }

    fn keep(&mut self, object_id: String, version: Version, event: Option<Event>) {
        let is_end = event.as_ref().is_some_and(|event| event.kind == EventKind::Deleted);
        let version = if is_end { Version::GONE } else { version };
        self.pending.insert(object_id.clone(), version);
        self.part.fingerprints.push(Fingerprint { object_id, version });
        if let Some(event) = event {
            self.summary.events += 1;
            self.bytes += event.record.len();
            self.part.events.push(event);
        }
    }
}

/// A window in which no date but the floor rules anything out.
pub(crate) fn wide_open(due: &Due) -> Window {
    Window {
        last: Timestamp::EPOCH,
        floor: due.checkpoint.floor,
        look_back: Duration::ZERO,
        until: None,
        tolerance: due.config.tolerance,
        by_updated: false,
        baseline: false,
        all: false,
        notes: false,
    }
}

/// A record as the hub would show it.
fn shown(due: &Due, page: &Page, index: usize) -> Bytes {
    let record = page.record(index);
    if due.target.drop_nulls { strip_nulls(record) } else { record }
}

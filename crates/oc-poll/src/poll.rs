//! One poll of one resource: read every page, tell changes apart, commit once.

use std::collections::HashMap;
use std::pin::Pin;

use oc_config::{HubCall, RenderAt, Timestamp, UrlTemplate};
use oc_egress::Clock;
use oc_hub::{Page, strip_nulls};

use crate::cursor::next_cursor;
use crate::ledger::{Due, Finding, Fingerprint, Ledger, LedgerError, Outcome, Part, PollSummary};
use crate::observe::{Observed, Observer, fields};
use crate::schedule::{after_success, quiet_after};
use crate::source::{Pages, Reading, Source, SourceError};
use crate::{Event, Verdict, Version, Window, classify};

/// Findings are put aside when they exceed this many events or fingerprints...
const STAGE_AT: usize = 2_000;
/// ...or this many bytes of records, so that memory does not grow with a poll.
const STAGE_AT_BYTES: usize = 4 << 20;

/// Why a poll ended without a commit.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// A page could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The url does not render; the configuration was checked, so a value it names has gone.
    #[error("the url cannot be rendered: {0}")]
    Url(String),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Polls a resource once and records the success; a failure is the caller's to record.
///
/// The ledger sees the events, the fingerprints and the cursor in one transaction at the end; what
/// does not fit into memory is staged before, invisible until then.
pub async fn poll_once(
    due: &Due,
    source: &dyn Source,
    ledger: &dyn Ledger,
    clock: &Clock,
    dice: f64,
) -> Result<PollSummary, PollError> {
    let started = clock.now();
    let call = render(due, started)?;
    let page_size = due.config.page_size;
    let fields = fields(&due.config);
    let reading = Reading { target: due.target.clone(), call, page_size, fields };
    let mut pages = source.open(reading).await?;
    let mut run = Run::new(due, ledger, started);
    while let Some(page) = run.next_page(&mut *pages).await? {
        run.take(&page).await?;
    }
    let cursor = next_cursor(due.checkpoint.cursor, started, pages.clock());
    let quiet = quiet_after(due.adaptive, due.checkpoint.quiet, run.summary.events);
    run.finish(cursor, quiet, after_success(started, due.interval, quiet, dice)).await
}

/// The hub call of a poll that begins at `started`: the template stands for the last poll time,
/// less what may have become visible late.
pub(crate) fn render(due: &Due, started: Timestamp) -> Result<HubCall, PollError> {
    let template: &UrlTemplate = &due.config.url;
    let last_poll = due.checkpoint.cursor.minus(due.config.poll_delay).minus(overlap(due));
    let at = RenderAt { last_poll, now: started };
    let lookup = |name: &str| due.configuration.get(name).map(str::to_owned);
    let text =
        template.render_encoded(&at, &lookup).map_err(|at| PollError::Url(at.to_string()))?;
    let (call, _) = HubCall::parse(&text).map_err(|at| PollError::Url(at.to_string()))?;
    Ok(call)
}

/// `overlap`, else the connector's.
fn overlap(due: &Due) -> std::time::Duration {
    due.config.overlap.unwrap_or_else(|| due.target.lag(&due.config.resource))
}

/// A poll under way.
struct Run<'a> {
    due: &'a Due,
    ledger: &'a dyn Ledger,
    started: Timestamp,
    window: Window,
    observer: Observer<'a>,
    /// What this poll found and has not put aside yet; later records of the same object count it.
    pending: HashMap<String, Version>,
    part: Part,
    staging: Option<Staging<'a>>,
    bytes: usize,
    summary: PollSummary,
}

/// A part that is being put aside while the next pages are read.
struct Staging<'a> {
    done: Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>,
    found: HashMap<String, Version>,
}

impl<'a> Run<'a> {
    fn new(due: &'a Due, ledger: &'a dyn Ledger, started: Timestamp) -> Self {
        let config = &due.config;
        let window = Window {
            last: due.checkpoint.cursor,
            floor: due.checkpoint.floor,
            look_back: overlap(due) + config.poll_delay,
            until: config.filter_by_current_date.then_some(started),
            tolerance: config.tolerance,
            by_updated: config.filter_by_updated_date,
            baseline: !due.checkpoint.polled,
        };
        let observer = Observer::new(config, due.target.volatile(&config.resource));
        let (pending, part) = (HashMap::new(), Part::default());
        let summary = PollSummary::default();
        let (staging, bytes) = (None, 0);
        Self { due, ledger, started, window, observer, pending, part, staging, bytes, summary }
    }

    /// Reads on; meanwhile what was put aside is stored.
    async fn next_page(&mut self, pages: &mut dyn Pages) -> Result<Option<Page>, PollError> {
        let mut next = pages.next();
        while let Some(staging) = &mut self.staging {
            tokio::select! {
                page = &mut next => return Ok(page?),
                stored = &mut staging.done => stored?,
            }
            self.staging = None;
        }
        Ok(next.await?)
    }

    async fn take(&mut self, page: &Page) -> Result<(), PollError> {
        let (ids, candidates) = self.candidates(page);
        if ids.is_empty() {
            return Ok(());
        }
        let known = self.ledger.known(self.due.resource, &ids).await?;
        for ((object_id, known), (index, sighting)) in ids.into_iter().zip(known).zip(candidates) {
            let known = self.found(&object_id).or(known);
            let verdict = classify(&self.window, &sighting, known);
            let event = match verdict {
                Verdict::Old => continue,
                Verdict::Note => None,
                Verdict::Send(kind) => {
                    let date = sighting.updated.or(sighting.created).unwrap_or(self.started);
                    let record = page.record(index);
                    let record =
                        if self.due.target.drop_nulls { strip_nulls(record) } else { record };
                    Some(Event { object_id: object_id.clone(), kind, date, record })
                }
            };
            self.keep(object_id, sighting.version, event);
        }
        if self.part.fingerprints.len() >= STAGE_AT || self.bytes >= STAGE_AT_BYTES {
            self.put_aside().await?;
        }
        Ok(())
    }

    /// What this poll found of an object so far, as far as the ledger may not know it.
    fn found(&self, object_id: &str) -> Option<Version> {
        let staging = || self.staging.as_ref()?.found.get(object_id);
        self.pending.get(object_id).or_else(staging).copied()
    }

    /// The page's records that dates do not rule out.
    fn candidates(&mut self, page: &Page) -> (Vec<String>, Vec<(usize, crate::Sighting)>) {
        let mut found = (Vec::new(), Vec::new());
        let window = &self.window;
        for (index, record) in page.records().enumerate() {
            let rules_out = |seen: &crate::Sighting| window.rules_out(seen);
            let observed = self.observer.observe(record, &mut self.summary, rules_out);
            if let Some(Observed { object_id, sighting }) = observed {
                found.0.push(object_id);
                found.1.push((index, sighting));
            }
        }
        found
    }

    fn keep(&mut self, object_id: String, version: Version, event: Option<Event>) {
        self.pending.insert(object_id.clone(), version);
        self.part.fingerprints.push(Fingerprint { object_id, version });
        if let Some(event) = event {
            self.summary.events += 1;
            self.bytes += event.record.len();
            self.part.events.push(event);
        }
    }

    /// At most one part is on its way, so that memory stays bounded when the ledger is slow.
    async fn put_aside(&mut self) -> Result<(), PollError> {
        self.all_staged().await?;
        let mut part = std::mem::take(&mut self.part);
        part.events.sort_by_key(|event| event.date);
        let done = self.ledger.stage(self.due, self.started, part);
        self.staging = Some(Staging { done, found: std::mem::take(&mut self.pending) });
        self.bytes = 0;
        Ok(())
    }

    async fn all_staged(&mut self) -> Result<(), PollError> {
        if let Some(staging) = self.staging.take() {
            staging.done.await?;
        }
        Ok(())
    }

    async fn finish(
        mut self,
        cursor: Timestamp,
        quiet: u32,
        next_due: Timestamp,
    ) -> Result<PollSummary, PollError> {
        self.all_staged().await?;
        self.part.events.sort_by_key(|event| event.date);
        let finding = Finding {
            part: std::mem::take(&mut self.part),
            started: self.started,
            cursor,
            forget_before: self.forget_before(),
            quiet,
            next_due,
            summary: self.summary.clone(),
        };
        self.ledger.finish(self.due, Outcome::Done(finding)).await?;
        Ok(self.summary)
    }

    /// Fingerprints older than everything that a later poll could still look up. The cursor only
    /// grows, so what lies before this cursor's look-back is ruled out by its date from now on.
    fn forget_before(&self) -> Option<Timestamp> {
        let dates_decide = self.window.by_updated && self.due.config.updated.is_some();
        dates_decide.then(|| self.window.last.minus(self.window.look_back))
    }
}

#[cfg(test)]
mod tests;

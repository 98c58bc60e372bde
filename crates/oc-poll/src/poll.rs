//! One poll of one resource: read every page, tell changes apart, commit once.

use std::mem::take;
use std::pin::Pin;

use oc_config::{HubCall, Initial, RenderAt, Timestamp, UrlTemplate};
use oc_egress::Clock;
use oc_hub::{Page, ReadPlace};

use crate::Window;
use crate::cursor::next_cursor;
use crate::ledger::{Due, Finding, Ledger, LedgerError, Outcome, PollSummary};
use crate::metrics::Tally;
use crate::observe::fields;
use crate::schedule::{after_success, quiet_after};
use crate::sift::{Picked, Sifter};
use crate::source::{Pages, Reading, Source, SourceError};

/// Findings are put aside when they exceed this many events or fingerprints...
const STAGE_AT: usize = 2_000;
/// ...or this many bytes of records, so that memory does not grow with a poll.
const STAGE_AT_BYTES: usize = 4 << 20;

/// Records are looked up once there are so many. Each look-up wakes another thread and is waited
/// for, which is most of what it costs...
const LOOK_UP_AT: usize = 400;
/// ...or once their pages have so many bytes.
const LOOK_UP_AT_BYTES: usize = 512 << 10;

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
    let target = due.target.clone();
    let reading = Reading { target, call, page_size, fields, from: ReadPlace::Begin, spare: false };
    let mut pages = source.open(reading).await?;
    let mut run = Run::new(due, ledger, started);
    while let Some(page) = run.next_page(&mut *pages).await? {
        run.take(page).await?;
    }
    run.decide().await?;
    let cursor = next_cursor(due.checkpoint.cursor, started, pages.clock());
    let quiet = quiet_after(due.adaptive, due.checkpoint.quiet, run.sifter.summary.events);
    run.finish(cursor, quiet, after_success(started, due.interval, quiet, dice)).await
}

/// The hub call of a poll that begins at `started`: the template stands for the last poll time,
/// less what may have become visible late.
pub(crate) fn render(due: &Due, started: Timestamp) -> Result<HubCall, PollError> {
    let last_poll = due.checkpoint.cursor.minus(due.config.poll_delay).minus(overlap(due));
    render_since(due, last_poll, started)
}

/// The hub call with its template standing for `last_poll`.
pub(crate) fn render_since(
    due: &Due,
    last_poll: Timestamp,
    started: Timestamp,
) -> Result<HubCall, PollError> {
    let template: &UrlTemplate = &due.config.url;
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
    sifter: Sifter<'a>,
    /// Pages whose records were not looked up yet.
    picked: Vec<Picked<Page>>,
    /// A part that is being put aside while the next pages are read.
    staging: Option<Staging<'a>>,
    /// What was put aside.
    tally: Tally,
}

type Staging<'a> = Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>;

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
            baseline: !due.checkpoint.polled && config.initial != Initial::All,
            all: due.checkpoint.loads_all,
            notes: false,
        };
        let sifter = Sifter::new(due, ledger, started, window);
        let (picked, staging, tally) = (Vec::new(), None, Tally::default());
        Self { due, ledger, started, sifter, picked, staging, tally }
    }

    /// Reads on; meanwhile what was put aside is stored.
    async fn next_page(&mut self, pages: &mut dyn Pages) -> Result<Option<Page>, PollError> {
        let mut next = pages.next();
        while let Some(staging) = &mut self.staging {
            tokio::select! {
                page = &mut next => return Ok(page?),
                stored = staging => stored?,
            }
            self.is_staged();
        }
        Ok(next.await?)
    }

    /// Keeps the page until enough is to be looked up.
    async fn take(&mut self, page: Page) -> Result<(), PollError> {
        self.picked.extend(self.sifter.pick(page));
        let records: usize = self.picked.iter().map(|one| one.ids.len()).sum();
        let bytes: usize = self.picked.iter().map(|one| one.page.bytes()).sum();
        if records >= LOOK_UP_AT || bytes >= LOOK_UP_AT_BYTES {
            self.decide().await?;
        }
        Ok(())
    }

    async fn decide(&mut self) -> Result<(), PollError> {
        self.sifter.decide(take(&mut self.picked)).await?;
        if self.sifter.len() >= STAGE_AT || self.sifter.bytes >= STAGE_AT_BYTES {
            self.put_aside().await?;
        }
        Ok(())
    }

    /// At most one part is on its way, so that memory stays bounded when the ledger is slow.
    async fn put_aside(&mut self) -> Result<(), PollError> {
        self.all_staged().await?;
        let part = self.sifter.hand_over();
        self.tally.add(&part);
        self.staging = Some(self.ledger.stage(self.due, self.started, part));
        Ok(())
    }

    async fn all_staged(&mut self) -> Result<(), PollError> {
        if let Some(staging) = &mut self.staging {
            staging.await?;
        }
        self.is_staged();
        Ok(())
    }

    /// The ledger knows now what was handed over.
    fn is_staged(&mut self) {
        self.staging = None;
        self.sifter.handed_over.clear();
    }

    async fn finish(
        mut self,
        cursor: Timestamp,
        quiet: u32,
        next_due: Timestamp,
    ) -> Result<PollSummary, PollError> {
        self.all_staged().await?;
        let summary = self.sifter.summary.clone();
        let part = self.sifter.hand_over();
        self.tally.add(&part);
        let finding = Finding {
            part,
            started: self.started,
            cursor,
            forget_before: self.forget_before(),
            quiet,
            next_due,
            summary: summary.clone(),
        };
        self.ledger.finish(self.due, Outcome::Done(finding)).await?;
        self.tally.stored(&self.due.target.connector.key, "poll");
        Ok(summary)
    }

    /// Fingerprints older than everything that a later poll could still look up. The cursor only
    /// grows, so what lies before this cursor's look-back is ruled out by its date from now on.
    fn forget_before(&self) -> Option<Timestamp> {
        let window = &self.sifter.window;
        let dates_decide = window.by_updated && self.due.config.updated.is_some();
        let is_needed = self.due.checkpoint.remembers;
        (dates_decide && !is_needed).then(|| window.last.minus(window.look_back))
    }
}

#[cfg(test)]
mod tests;

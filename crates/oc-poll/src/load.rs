//! A load: what was there when events were asked for, page by page (polling.md, `initial`).

use std::time::Duration;

use oc_config::Timestamp;
use oc_hub::Page;

use crate::background::{Work, WorkError};
use crate::observe::fields;
use crate::poll::render_since;
use crate::sift::{Sifter, wide_open};
use crate::source::{Pages, Reading, SourceError};
use crate::task::{Load, Next, Step, Sweep, Task};
use crate::{Due, Part, Window};

/// A load is taken up again by whoever has waited longest after so long.
const STINT: Duration = Duration::from_secs(10);

impl Work<'_> {
    /// Reads on for a stint; every page is stored and told as it comes, while the next one is read.
    pub(crate) async fn load(&self, due: &Due, mut load: Load) -> Result<(), WorkError> {
        if let Some(settled) = load.settled {
            return self.settle(due, load, settled).await;
        }
        let (begun, started) = (load.place, self.clock.now());
        let call = render_since(due, load.from, started)?;
        let reading = Reading {
            target: due.target.clone(),
            call,
            page_size: due.config.page_size,
            fields: fields(&due.config),
            from: load.place.with_margin(),
            spare: true,
        };
        let mut pages = self.source.open(reading).await?;
        let mut sifter = Sifter::new(due, self.ledger, started, window(due, &load));
        let mut read = next_sifted(&mut *pages, &mut sifter).await;
        loop {
            let page = match read {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // What has not come further would begin at the same place for ever.
                Err(WorkError::Source(SourceError { wait: Some(wait), .. }))
                    if load.place == begun =>
                {
                    self.clock.sleep(wait).await;
                    read = next_sifted(&mut *pages, &mut sifter).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            load.records += u64::try_from(page.len()).unwrap_or(0);
            load.total = load.total.or(page.total);
            let Some(place) = pages.place() else { break };
            load.place = place;
            // An instant that fills many pages is read through, as it can only be begun anew.
            let is_over = self.clock.now().since(started) >= STINT && load.place != begun;
            let now = self.clock.now();
            let next = if is_over { Next::At(now) } else { Next::Now };
            let step = Step::to(Some(Task::Load(load.clone())), next);
            let stored = self.record(due, Step { part: sifter.hand_over(), ..step });
            if is_over {
                return stored.await;
            }
            // What cannot be stored ends the reading at once.
            let next = async { Ok(next_sifted(&mut *pages, &mut sifter).await) };
            ((), read) = tokio::try_join!(stored, next)?;
            sifter.handed_over.clear();
        }
        self.end_of_load(due, load, sifter.hand_over()).await
    }

    /// Everything is read. Where everything counts as created, so does what shows late.
    async fn end_of_load(&self, due: &Due, load: Load, part: Part) -> Result<(), WorkError> {
        let now = self.clock.now();
        if !load.all {
            return self.after_load(due, part).await;
        }
        let settled = now.plus(due.target.lag(&due.config.resource));
        let task = Task::Load(Load { settled: Some(settled), ..load });
        let step = Step::to(Some(task), Next::At(settled.plus(due.interval)));
        self.record(due, Step { part, ..step }).await
    }

    /// Waits for a poll that had everything before its eyes.
    async fn settle(&self, due: &Due, load: Load, settled: Timestamp) -> Result<(), WorkError> {
        if due.checkpoint.cursor >= settled {
            return self.after_load(due, Part::default()).await;
        }
        let at = self.clock.now().plus(due.interval);
        self.record(due, Step::to(Some(Task::Load(load)), Next::At(at))).await
    }

    /// From now on is looked for what goes, where that was asked for.
    async fn after_load(&self, due: &Due, part: Part) -> Result<(), WorkError> {
        let now = self.clock.now();
        let sweep = due.config.detect_deletes.map(|detect| {
            let first = Sweep { number: 1, since: now, ..Sweep::default() };
            (Task::Sweep(first), now.plus(detect.every))
        });
        let (task, at) = sweep.map_or((None, now), |(task, at)| (Some(task), at));
        self.record(due, Step { part, ..Step::to(task, Next::At(at)) }).await
    }
}

/// The next page, sifted; what was handed over last may be on its way to the ledger meanwhile.
async fn next_sifted(
    pages: &mut dyn Pages,
    sifter: &mut Sifter<'_>,
) -> Result<Option<Page>, WorkError> {
    let page = pages.next().await?;
    if let Some(page) = &page {
        sifter.take(page).await?;
    }
    Ok(page)
}

fn window(due: &Due, load: &Load) -> Window {
    let notes = due.config.detect_deletes.is_some();
    Window { baseline: !load.all, all: load.all, notes, by_updated: true, ..wide_open(due) }
}

#[cfg(test)]
mod tests;

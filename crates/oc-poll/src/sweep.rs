//! A sweep: what is known and has gone is told as deleted (polling.md, `detectDeletes`).

mod feed;
mod probe;
mod snapshot;

use bytes::Bytes;
use oc_config::{Deletes, DetectDeletes, FieldPath, Segment, Timestamp};
use serde_json::{Value, json};

use crate::background::{Work, WorkError};
use crate::ledger::{Content, Fingerprint, Part};
use crate::sift::{Sifter, wide_open};
use crate::task::{Next, Stage, Step, Sweep, Swept, Task, Tracked};
use crate::{Due, Event, EventKind, Version, Window};

/// How many deletions are told in one transaction.
const TOLD_AT_ONCE: usize = 500;

/// Whether a stint goes on.
pub(crate) enum Flow {
    /// With the sweep as it stands.
    On(Sweep),
    /// It has ended; the sweep's next stint is recorded.
    Over,
}

impl Work<'_> {
    /// Sweeps for a stint.
    pub(crate) async fn sweep(&self, due: &Due, sweep: Sweep) -> Result<(), WorkError> {
        let Some(detect) = due.config.detect_deletes else {
            return self.record(due, Step::to(None, Next::Asked)).await;
        };
        let mut sweep = self.begun(due, sweep).await?;
        loop {
            let flow = match sweep.stage {
                Stage::Look => self.look(due, &detect, sweep).await?,
                Stage::Confirm => self.confirm(due, &detect, sweep).await?,
                Stage::Tell => self.tell(due, &detect, sweep).await?,
            };
            match flow {
                Flow::On(next) => sweep = next,
                Flow::Over => return Ok(()),
            }
        }
    }

    async fn begun(&self, due: &Due, sweep: Sweep) -> Result<Sweep, WorkError> {
        if sweep.started.is_some() {
            return Ok(sweep);
        }
        let tracked = self.tasks.count(due.resource, Tracked::Living).await?;
        let begun = Sweep { started: Some(self.clock.now()), tracked, ..sweep };
        self.record(due, Step::to(Some(Task::Sweep(begun.clone())), Next::Now)).await?;
        Ok(begun)
    }

    async fn look(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        sweep: Sweep,
    ) -> Result<Flow, WorkError> {
        match due.target.deletes(&due.config.resource).clone() {
            Deletes::Probe { list, batch, confirm } => {
                self.probe(due, detect, sweep, probe::Manner { list, batch, confirm }).await
            }
            Deletes::Snapshot { .. } => self.snapshot(due, sweep).await,
            Deletes::Feed { from, id } => self.feed(due, sweep, from, id).await,
            Deletes::None => {
                self.record(due, Step::to(None, Next::Asked)).await?;
                Ok(Flow::Over)
            }
        }
    }

    /// Asks first when more has gone than may be told without.
    pub(crate) async fn is_held(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        sweep: &Sweep,
    ) -> Result<bool, WorkError> {
        if sweep.allowed || !is_above(sweep.missing, sweep.tracked, detect.most) {
            return Ok(false);
        }
        // What was found meanwhile counts as well.
        let tracked = self.tasks.count(due.resource, Tracked::Living).await?.max(sweep.tracked);
        if !is_above(sweep.missing, tracked, detect.most) {
            return Ok(false);
        }
        tracing::warn!(instance = %due.target.instance, resource = %due.config.name,
            missing = sweep.missing, of = tracked,
            "A sweep found so much gone that it waits for an answer");
        let asks = Sweep { asks: true, tracked, ..sweep.clone() };
        self.record(due, Step::to(Some(Task::Sweep(asks)), Next::Asked)).await?;
        Ok(true)
    }

    /// Tells what has gone, some at a time.
    async fn tell(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        mut sweep: Sweep,
    ) -> Result<Flow, WorkError> {
        if self.is_held(due, detect, &sweep).await? {
            return Ok(Flow::Over);
        }
        let which = Tracked::Missing(sweep.number);
        let gone = self.tasks.tracked(due.resource, which, "", TOLD_AT_ONCE).await?;
        if gone.is_empty() {
            return self.end(due, detect, &sweep).await;
        }
        let now = self.clock.now();
        sweep.told += u64::try_from(gone.len()).unwrap_or(0);
        let part = Part {
            events: gone.iter().map(|(id, _)| deleted(due, id, now)).collect(),
            contents: nothing_of(due, &gone),
            fingerprints: gone.into_iter().map(|(id, _)| gone_for_good(id)).collect(),
        };
        let step = Step::to(Some(Task::Sweep(sweep.clone())), Next::Now);
        self.record(due, Step { part, ..step }).await?;
        Ok(Flow::On(sweep))
    }

    /// The sweep has ended; the next one waits for its time.
    async fn end(
        &self,
        due: &Due,
        detect: &DetectDeletes,
        sweep: &Sweep,
    ) -> Result<Flow, WorkError> {
        let now = self.clock.now();
        let started = sweep.started.unwrap_or(now);
        let swept = Swept { started, tracked: sweep.tracked, deleted: sweep.told };
        let next = Sweep { number: sweep.number + 1, since: started, ..Sweep::default() };
        let at = started.plus(detect.every).max(now);
        let step = Step::to(Some(Task::Sweep(next)), Next::At(at));
        self.record(due, Step { swept: Some(swept), ..step }).await?;
        Ok(Flow::Over)
    }

    /// Sifts for objects that were told as deleted and are back.
    pub(crate) fn returns<'s>(&'s self, due: &'s Due) -> Sifter<'s> {
        let window = Window { notes: true, ..wide_open(due) };
        Sifter::new(due, self.ledger, self.clock.now(), window)
    }
}

/// Whether so many of so many are more than a part.
fn is_above(missing: u64, tracked: u64, most: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 objects")]
    let (missing, tracked) = (missing as f64, tracked as f64);
    missing > tracked * most
}

/// What is remembered of an object that was told as deleted.
fn gone_for_good(object_id: String) -> Fingerprint {
    Fingerprint { object_id, version: Version::GONE }
}

/// Where contents are kept, none of these is any more.
fn nothing_of(due: &Due, gone: &[(String, Version)]) -> Vec<Content> {
    let kept = gone.iter().filter(|_| due.config.changes);
    kept.map(|(id, _)| Content { object_id: id.clone(), record: None }).collect()
}

/// The event for an object that has gone; all that is left of its record is the id.
fn deleted(due: &Due, object_id: &str, date: Timestamp) -> Event {
    let record = Bytes::from(only_id(&due.config.id_field, object_id).to_string());
    let (object_id, kind) = (object_id.to_owned(), EventKind::Deleted);
    Event { object_id, kind, date, record, changes: None }
}

/// A record with nothing but its id, where the id field has it. Digits are a number, as in records.
fn only_id(path: &FieldPath, object_id: &str) -> Value {
    let number = object_id.parse::<u64>().ok().filter(|number| number.to_string() == object_id);
    let id = number.map_or_else(|| json!(object_id), |number| json!(number));
    path.segments().iter().rev().fold(id, |inner, segment| match segment {
        Segment::Member(name) => json!({ name: inner }),
        Segment::Index(_) => json!([inner]),
    })
}

#[cfg(test)]
mod tests;

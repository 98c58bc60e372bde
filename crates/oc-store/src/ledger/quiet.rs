//! Polls that found nothing, recorded together where the database is at the other end of a network.
//!
//! Most polls find nothing. Alone, the outcome of each would be a transaction of statements that wait
//! for each other. Those that end while others are being recorded share one instead, in which a
//! statement goes out for all of them at once. Each still counts for itself: one that is superseded
//! is left out, and the others are recorded. What found something may fail for reasons of its own,
//! and has a transaction of its own.

use std::sync::Arc;

use oc_config::InstanceId;
use oc_poll::{Due, Finding};
use tokio::sync::{mpsc, oneshot};

use super::outcome::{Completed, done_quietly};
use crate::StoreError;
use crate::claims::Claim;
use crate::database::Database;
use crate::postgres::Touches;
use crate::sql::Sql;

/// As many share a transaction at most. Each holds up what else is about its instance until the end.
const TOGETHER: usize = 64;

/// The outcome of a poll that found nothing.
pub(super) struct QuietPoll {
    claim: Claim,
    instance: InstanceId,
    completed: Completed,
}

/// Whether each of some outcomes counts; otherwise what went wrong with all of them.
type Recorded = Result<bool, Arc<StoreError>>;

struct Waiting {
    poll: QuietPoll,
    recorded: oneshot::Sender<Recorded>,
}

/// Where quiet polls wait for the next transaction. Clones share it.
#[derive(Clone)]
pub(crate) struct QuietPolls(mpsc::Sender<Waiting>);

impl QuietPoll {
    /// The outcome, when the poll has found nothing: nor was anything put aside that has to be shown.
    pub(super) fn of(claim: Claim, due: &Due, finding: &Finding) -> Option<Self> {
        let part = &finding.part;
        let is_quiet = finding.summary.events == 0
            && part.events.is_empty()
            && part.fingerprints.is_empty()
            // What is kept of contents may be complete only now.
            && !due.config.changes;
        is_quiet.then(|| Self {
            claim,
            instance: due.target.instance,
            completed: Completed::of(due.resource, due.revision, &due.checkpoint, finding),
        })
    }
}

impl QuietPolls {
    /// Records them for as long as there are clones.
    pub(crate) fn start(database: Database) -> Self {
        let (sender, mut waiting) = mpsc::channel(TOGETHER);
        tokio::spawn(async move {
            let mut together = Vec::with_capacity(TOGETHER);
            while waiting.recv_many(&mut together, TOGETHER).await > 0 {
                record(&database, &mut together).await;
            }
        });
        Self(sender)
    }

    /// Returns when it is durable.
    pub(super) async fn record(&self, poll: QuietPoll) -> Result<(), StoreError> {
        let (recorded, outcome) = oneshot::channel();
        let sent = self.0.send(Waiting { poll, recorded }).await;
        sent.map_err(|_| StoreError::Closed)?;
        match outcome.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(StoreError::Conflict),
            Ok(Err(error)) => Err(StoreError::Together(error)),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

async fn record(database: &Database, together: &mut Vec<Waiting>) {
    // Claims are locked in one order everywhere, so that no two transactions wait for each other.
    together.sort_unstable_by_key(|one| one.poll.instance.0);
    let each = together.drain(..).map(|one| (one.poll, one.recorded));
    let (polls, waiting): (Vec<_>, Vec<_>) = each.unzip();
    let touches = Touches::Instances(polls.iter().map(|poll| poll.instance).collect());
    let write = move |sql: &Sql| record_all(sql, &polls);
    let recorded: Vec<Recorded> = match database.write_to(touches, write).await {
        Ok(counts) => counts.into_iter().map(Ok).collect(),
        Err(error) => {
            let error = Arc::new(error);
            waiting.iter().map(|_| Err(Arc::clone(&error))).collect()
        }
    };
    for (waiting, recorded) in waiting.into_iter().zip(recorded) {
        // Whoever has gone meanwhile has no use for it.
        let _ = waiting.send(recorded);
    }
}

/// Tells of each whether it counts.
fn record_all(sql: &Sql, polls: &[QuietPoll]) -> Result<Vec<bool>, StoreError> {
    let claims: Vec<_> = polls.iter().map(|poll| poll.claim).collect();
    let mut counts = Claim::counts_each(sql, &claims)?;
    let ours = polls.iter().zip(&counts).filter(|(_, counts)| **counts);
    let completed: Vec<_> = ours.map(|(poll, _)| &poll.completed).collect();
    let mut recorded = done_quietly(sql, &completed)?.into_iter();
    for counts in counts.iter_mut().filter(|counts| **counts) {
        *counts = recorded.next().unwrap_or(false);
    }
    Ok(counts)
}

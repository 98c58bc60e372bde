//! Completed polls, recorded together where the database is at the other end of a network.
//!
//! Alone, each would be a transaction of statements that wait for each other, and most polls find
//! nothing or little. Those that end while others are being recorded share one transaction instead, in
//! which a statement goes out for all of them at once. Each still counts for itself: one that is
//! superseded is left out, and the others are recorded. What takes longer has a transaction of its own.

use std::sync::Arc;

use oc_config::InstanceId;
use tokio::sync::{mpsc, oneshot};

use super::outcome::{self, Done, Told};
use crate::StoreError;
use crate::claims::Claim;
use crate::database::Database;
use crate::postgres::Touches;
use crate::sql::Sql;

/// As many share a transaction at most. Each holds up what else is about its instance until the end.
const TOGETHER: usize = 64;

/// The outcome of a poll, under the claim of its instance.
pub(super) struct Ended {
    pub(super) claim: Claim,
    pub(super) instance: InstanceId,
    pub(super) done: Done,
}

/// Whether there is something to send, nothing where an outcome does not count; or what went wrong
/// with all of them.
type Recorded = Result<Option<bool>, Arc<StoreError>>;

struct Waiting {
    ended: Ended,
    recorded: oneshot::Sender<Recorded>,
}

/// Where outcomes wait for the next transaction. Clones share it.
#[derive(Clone)]
pub(crate) struct Together(mpsc::Sender<Waiting>);

impl Together {
    /// Records outcomes for as long as there are clones.
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

    /// Tells whether there is something to send, once it is durable.
    pub(super) async fn record(&self, ended: Ended) -> Result<bool, StoreError> {
        let (recorded, outcome) = oneshot::channel();
        let sent = self.0.send(Waiting { ended, recorded }).await;
        sent.map_err(|_| StoreError::Closed)?;
        match outcome.await {
            Ok(Ok(told)) => told.ok_or(StoreError::Conflict),
            Ok(Err(error)) => Err(StoreError::Together(error)),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

async fn record(database: &Database, together: &mut Vec<Waiting>) {
    // Claims are given back in the order in which they are taken, so that no two transactions wait
    // for each other.
    together.sort_unstable_by_key(|one| one.ended.instance.0);
    let each = together.drain(..).map(|one| (one.ended, one.recorded));
    let (ended, waiting): (Vec<_>, Vec<_>) = each.unzip();
    let touches = Touches::Instances(ended.iter().map(|one| one.instance).collect());
    let write = move |sql: &Sql| record_all(sql, &ended);
    let recorded: Vec<Recorded> = match database.write_to(touches, write).await {
        Ok(told) => told.into_iter().map(|told| Ok(told.map(Told::has_news))).collect(),
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

fn record_all(sql: &Sql, ended: &[Ended]) -> Result<Vec<Option<Told>>, StoreError> {
    let claims: Vec<_> = ended.iter().map(|one| one.claim).collect();
    let counts = Claim::counts_each(sql, &claims)?;
    let ours = ended.iter().zip(&counts).filter(|(_, counts)| **counts);
    let ours: Vec<_> = ours.map(|(one, _)| &one.done).collect();
    let mut told = outcome::done(sql, &ours)?.into_iter();
    Ok(counts.into_iter().map(|counts| counts.then(|| told.next().flatten()).flatten()).collect())
}

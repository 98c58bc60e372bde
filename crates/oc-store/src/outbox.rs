//! What delivery needs: lanes with something due, and the outcome of what was sent.

mod due;
mod probe;
mod subscription;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_dispatch::{
    Attempt, AttemptVerdict, ClaimRequest, Claimed, Failed, LaneId, Next, Outbox, OutboxError,
    Settlement, Turn,
};
use uuid::Uuid;

use crate::sql::{Sql, params};
use crate::store::locked;
use crate::{Store, StoreError, replay};
use due::Held;
pub(crate) use subscription::activate;

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

#[async_trait]
impl Outbox for Store {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        // What was not held before the snapshot had been settled before it.
        let held = Held {
            lanes: locked(&self.shared.lanes).held(request.now),
            replays: locked(&self.shared.replays).held(request.now),
        };
        let (profiles, now, lease) = (self.profiles.clone(), request.now, request.lease);
        let found = self.database.read(move |sql| due::find(sql, &profiles, &request, &held));
        let mut found = found.await?;
        found.lanes.retain(|lane| {
            let mut leases = locked(self.shared.queue(lane.turn));
            let is_free = !leases.is_held(&lane.id, now);
            if is_free {
                leases.take(lane.id, 1, now, lease);
            }
            is_free
        });
        Ok(found)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), OutboxError> {
        let settled: Vec<(LaneId, Turn)> =
            settlements.iter().map(|one| (one.lane, one.turn)).collect();
        let settle = move |sql: &Sql| {
            settlements.iter().try_for_each(|one| match one.turn {
                Turn::New => settle(sql, one),
                Turn::Replay => replay::settle(sql, one),
                Turn::Probe => probe::settle(sql, one),
            })
        };
        self.database.write(settle).await?;
        for (lane, turn) in settled {
            locked(self.shared.queue(turn)).give_back(&lane);
        }
        self.shared.outbox_changed.notify_one();
        Ok(())
    }

    async fn changed(&self) {
        self.shared.outbox_changed.notified().await;
    }
}

fn settle(sql: &Sql, settlement: &Settlement) -> Result<(), StoreError> {
    let mut through = None;
    let mut settled_at = Timestamp::EPOCH;
    for (id, attempt) in &settlement.delivered {
        if let Some(seq) = seq_of(sql, *id)? {
            note(sql, seq, attempt, false)?;
            (through, settled_at) = (Some(seq), attempt.at);
        }
    }
    if let Some(through) = through {
        sql.execute(
            "UPDATE resource SET delivered_through =
                 CASE WHEN delivered_through < ?2 THEN ?2 ELSE delivered_through END,
               head_failures = 0, head_first_failure = NULL WHERE id = ?1",
            params![settlement.lane.0, through],
        )?;
    }
    match &settlement.failed {
        Some(failed) => fail(sql, settlement.lane, failed),
        // What is left of the lane goes on at once.
        None => {
            sql.execute("UPDATE resource SET lane_due =
                   CASE WHEN delivered_through < visible_through AND lane_due IS NOT NULL THEN ?2 END
                 WHERE id = ?1", params![settlement.lane.0, settled_at.0])?;
            Ok(())
        }
    }
}

fn fail(sql: &Sql, lane: LaneId, failed: &Failed) -> Result<(), StoreError> {
    let Some(seq) = seq_of(sql, failed.id)? else { return Ok(()) };
    note(sql, seq, &failed.attempt, false)?;
    let due = match failed.next {
        Next::Retry(at) => Some(at.0),
        Next::Queue { .. } => None,
    };
    sql.execute(
        "UPDATE resource SET head_failures = head_failures + 1,
           head_first_failure = coalesce(head_first_failure, ?2),
           lane_due = CASE WHEN lane_due IS NULL THEN NULL ELSE ?3 END WHERE id = ?1",
        params![lane.0, failed.attempt.at.0, due],
    )?;
    match failed.next {
        Next::Retry(_) => Ok(()),
        Next::Queue { probe } => subscription::deactivate(sql, lane, &failed.attempt, probe),
    }
}

pub(crate) fn seq_of(sql: &Sql, id: Uuid) -> Result<Option<i64>, StoreError> {
    sql.find("SELECT seq FROM notification WHERE id = ?1", [id], |row| row.get(0))
}

/// The most attempts that are kept of a notification, besides the first that has arrived.
const MOST_ATTEMPTS: i64 = 100;

/// Keeps what became of an attempt.
pub(crate) fn note(sql: &Sql, seq: i64, attempt: &Attempt, replay: bool) -> Result<(), StoreError> {
    let took = i64::try_from(attempt.took.as_micros()).unwrap_or(i64::MAX);
    let delivered = attempt.verdict == AttemptVerdict::Delivered;
    let request = serde_json::to_string(&attempt.request)
        .map_err(|error| StoreError::stored("attempt", error))?;
    let number: i64 = sql.one(
        "INSERT INTO attempt
           (notification, number, at, took, status, error, answer, url, delivered, replay, request)
         SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
         FROM attempt WHERE notification = ?1 RETURNING number",
        params![
            seq,
            attempt.at.0,
            took,
            attempt.status,
            attempt.error,
            attempt.answer,
            attempt.url,
            delivered,
            replay,
            request
        ],
        |row| row.get(0),
    )?;
    if number > MOST_ATTEMPTS {
        forget_attempts(sql, seq, number - MOST_ATTEMPTS)?;
    }
    Ok(())
}

/// Replays can be asked for without end.
fn forget_attempts(sql: &Sql, seq: i64, through: i64) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM attempt WHERE notification = ?1 AND number <= ?2 AND number IS DISTINCT FROM
           (SELECT min(number) FROM attempt WHERE notification = ?1 AND delivered = 1)",
        params![seq, through],
    )?;
    Ok(())
}

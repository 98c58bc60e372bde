//! Replays: notifications that somebody wants once more, with the same bytes and ids.
//!
//! They wait in a queue beside their lane and are sent when nothing new waits in it, in the lane's
//! order. One that fails is repeated after the retry schedule and then given up; the subscription
//! stays as it is. Failures are counted over the lane, so that behind one that was given up each is
//! tried once, until one arrives.

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{LaneId, Next, Settlement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::events::{EventFilter, EventScope, Found, Walk};
use crate::instances::subject;
use crate::outbox::{note, seq_of};
use crate::postgres::Touches;
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{By, Store, StoreError, audit};

/// The most notifications that one request has sent again.
pub const MOST_REPLAYS: usize = 10_000;

/// The most that are looked at for it.
const MOST_EXAMINED: usize = 200_000;

/// What became of a request to send notifications again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// So many are sent again.
    Accepted(usize),
    /// There is no such notification.
    Unknown,
    /// It has not arrived yet, and is still to be sent anyway.
    Waiting,
    /// The instance has no callback.
    NoCallback,
    /// More than [`MOST_REPLAYS`], or too many to look through; none of them is sent.
    TooMany,
}

impl Store {
    /// Has one notification sent again.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn replay_event(
        &self,
        scope: EventScope,
        id: Uuid,
        by: By,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let ask = move |sql: &Sql| {
            let Some((found, lane)) = Found::by_id(sql, scope, id)? else {
                return Ok(Replayed::Unknown);
            };
            if !lane.has_callback {
                return Ok(Replayed::NoCallback);
            }
            if lane.is_to_be_sent(found.seq) {
                return Ok(Replayed::Waiting);
            }
            let asked = put(sql, &[(lane.id, found.seq)], now)?;
            replayed(sql, scope, Some(lane.instance), &by, now, &json!({"event": id.to_string()}))?;
            Ok(asked)
        };
        self.replay(Touches::of(scope), ask).await
    }

    /// Has the notifications of an instance that were made in a time sent again, the earliest
    /// first; `failed`: only those whose last attempt has failed. Those that are still to be sent
    /// anyway are left alone.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn replay_events(
        &self,
        scope: EventScope,
        filter: EventFilter,
        failed: bool,
        by: By,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let find = move |sql: &Sql| matching(sql, scope, &filter, failed);
        match self.database.read(find).await? {
            Ok(found) => {
                let ask = move |sql: &Sql| {
                    let asked = put(sql, &found, now)?;
                    if !found.is_empty() {
                        let details = json!({"count": found.len()});
                        replayed(sql, scope, scope.instance, &by, now, &details)?;
                    }
                    Ok(asked)
                };
                self.replay(Touches::of(scope), ask).await
            }
            Err(refusal) => Ok(refusal),
        }
    }

    /// How many [`Store::replay_events`] would have sent again.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn count_replays(
        &self,
        scope: EventScope,
        filter: EventFilter,
        failed: bool,
    ) -> Result<Replayed, StoreError> {
        let find = move |sql: &Sql| matching(sql, scope, &filter, failed);
        let found = self.database.read(find).await?;
        Ok(found.map_or_else(|refusal| refusal, |found| Replayed::Accepted(found.len())))
    }

    async fn replay(
        &self,
        touches: Touches,
        ask: impl Fn(&Sql) -> Result<Replayed, StoreError> + Send + 'static,
    ) -> Result<Replayed, StoreError> {
        let asked = self.database.write_to(touches, ask).await?;
        self.shared.wakes.wake(Wake::Outbox);
        Ok(asked)
    }
}

/// Lanes and numbers of what is to be sent again, or why nothing is.
fn matching(
    sql: &Sql,
    scope: EventScope,
    filter: &EventFilter,
    failed: bool,
) -> Result<Result<Vec<(i64, i64)>, Replayed>, StoreError> {
    let mut walk = Walk::new(sql, scope, filter, None)?;
    if !walk.lanes.is_empty() && walk.lanes.iter().all(|lane| !lane.has_callback) {
        return Ok(Err(Replayed::NoCallback));
    }
    let (mut matching, mut examined) = (Vec::new(), 0);
    while let Some((seq, lane)) = walk.next()? {
        examined += 1;
        if !lane.has_callback || lane.is_to_be_sent(seq) {
            continue;
        }
        if examined > MOST_EXAMINED || matching.len() > MOST_REPLAYS {
            return Ok(Err(Replayed::TooMany));
        }
        let has_failed = || {
            sql.find("SELECT delivered = 0 FROM attempt WHERE notification = ?1 ORDER BY number DESC LIMIT 1", [seq], |row| row.get::<bool>(0))
        };
        if !failed || has_failed()?.unwrap_or(false) {
            matching.push((lane.id, seq));
        }
    }
    Ok(if matching.len() > MOST_REPLAYS { Err(Replayed::TooMany) } else { Ok(matching) })
}

/// Those that have been swept away meanwhile are left out.
fn put(sql: &Sql, wanted: &[(i64, i64)], now: Timestamp) -> Result<Replayed, StoreError> {
    sql.execute_each(
        "INSERT INTO replay SELECT r.id, n.seq FROM resource r JOIN notification n ON n.resource_id = r.id
         WHERE r.id = ?1 AND n.seq = ?2 ON CONFLICT DO NOTHING",
        wanted.iter().map(|(resource, seq)| [resource, seq]),
    )?;
    let mut lanes: Vec<i64> = wanted.iter().map(|(resource, _)| *resource).collect();
    lanes.sort_unstable();
    lanes.dedup();
    sql.execute_each(
        "UPDATE resource SET replay_due = ?2, replay_failures = 0, replay_first_failure = NULL
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM replay WHERE resource_id = ?1)",
        lanes.into_iter().map(|lane| [lane, now.0]),
    )?;
    Ok(Replayed::Accepted(wanted.len()))
}

fn replayed(
    sql: &Sql,
    scope: EventScope,
    instance: Option<InstanceId>,
    by: &By,
    now: Timestamp,
    details: &Json,
) -> Result<(), StoreError> {
    let organization = || format!("organization {}", scope.organization.0);
    let what = ("events.replayed", &*instance.map_or_else(organization, subject));
    audit::note(sql, now, by, Some(scope.organization.0), what, details)
}

/// Records the outcome of a lane's replays.
pub(crate) fn settle(sql: &Sql, settlement: &Settlement) -> Result<(), StoreError> {
    let lane = settlement.lane;
    let mut due = Timestamp::EPOCH;
    for (id, attempt) in &settlement.delivered {
        if let Some(seq) = seq_of(sql, *id)? {
            note(sql, seq, attempt, true)?;
            done(sql, lane, seq)?;
            arrived(sql, lane, seq)?;
        }
        due = attempt.at;
    }
    if !settlement.delivered.is_empty() {
        sql.execute(
            "UPDATE resource SET replay_failures = 0, replay_first_failure = NULL WHERE id = ?1",
            [lane.0],
        )?;
    }
    if let Some(failed) = &settlement.failed {
        if let Some(seq) = seq_of(sql, failed.id)? {
            note(sql, seq, &failed.attempt, true)?;
            if matches!(failed.next, Next::Queue { .. }) {
                tracing::warn!(event = %failed.id, "Replay given up: its last attempt has failed");
                done(sql, lane, seq)?;
            }
        }
        due = match failed.next {
            Next::Retry(at) => at,
            Next::Queue { .. } => failed.attempt.at,
        };
        sql.execute(
            "UPDATE resource SET replay_failures = replay_failures + 1,
               replay_first_failure = coalesce(replay_first_failure, ?2) WHERE id = ?1",
            params![lane.0, failed.attempt.ended().0],
        )?;
    }
    sql.execute(
        "UPDATE resource SET replay_due = CASE WHEN replay_due IS NOT NULL
           AND EXISTS (SELECT 1 FROM replay WHERE resource_id = ?1) THEN ?2 END WHERE id = ?1",
        params![lane.0, due.0],
    )?;
    Ok(())
}

/// Lets the replays of an instance go on that were held back with its subscription.
pub(crate) fn resume(sql: &Sql, instance: InstanceId, now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE resource SET replay_due = ?2, replay_failures = 0, replay_first_failure = NULL
         WHERE instance_id = ?1 AND EXISTS (SELECT 1 FROM replay WHERE resource_id = resource.id)",
        params![instance.0, now.0],
    )?;
    Ok(())
}

fn done(sql: &Sql, lane: LaneId, seq: i64) -> Result<(), StoreError> {
    sql.execute("DELETE FROM replay WHERE resource_id = ?1 AND notification = ?2", [lane.0, seq])?;
    Ok(())
}

/// The first of a queued lane has arrived by its replay, and need not be sent when the subscription
/// is reactivated.
fn arrived(sql: &Sql, lane: LaneId, seq: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE resource SET delivered_through = ?2, head_failures = 0, head_first_failure = NULL
         WHERE id = ?1 AND lane_due IS NULL AND ?2 <= visible_through AND ?2 =
           (SELECT min(seq) FROM notification WHERE resource_id = ?1 AND seq > delivered_through)",
        [lane.0, seq],
    )?;
    Ok(())
}

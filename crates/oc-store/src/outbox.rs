//! What delivery needs: lanes with something due, and the outcome of what was sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{
    Attempt, ClaimRequest, Claimed, DestinationId, Failed, Lane, LaneId, Next, Outbox, OutboxError,
    Pending, Settlement,
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::profile::Profiles;
use crate::store::locked;
use crate::{Store, StoreError};

/// The most notifications that are sent of a lane before their outcome is recorded: what a crash
/// may repeat.
const LONGEST: usize = 32;
/// The same, in bytes of bodies.
const LONGEST_BYTES: usize = 1 << 20;

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

#[async_trait]
impl Outbox for Store {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        // What was not held before the snapshot had been settled before it.
        let held = locked(&self.shared.lanes).held(request.now);
        let (profiles, now, lease) = (self.profiles.clone(), request.now, request.lease);
        let found = self.database.read(move |sql| find(sql, &profiles, &request, &held));
        let mut found = found.await?;
        let mut lanes = locked(&self.shared.lanes);
        found.lanes.retain(|lane| !lanes.is_held(&lane.id, now));
        for lane in &found.lanes {
            lanes.take(lane.id, 1, now, lease);
        }
        Ok(found)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), OutboxError> {
        let settled: Vec<LaneId> = settlements.iter().map(|one| one.lane).collect();
        let settle =
            move |sql: &Connection| settlements.iter().try_for_each(|one| settle(sql, one));
        self.database.write(settle).await?;
        let mut lanes = locked(&self.shared.lanes);
        settled.iter().for_each(|lane| lanes.give_back(lane));
        drop(lanes);
        self.shared.outbox_changed.notify_one();
        Ok(())
    }

    async fn changed(&self) {
        self.shared.outbox_changed.notified().await;
    }
}

fn find(
    sql: &Connection,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &HashSet<LaneId>,
) -> Result<Claimed, StoreError> {
    let mut claimed = Claimed::default();
    let mut used: HashMap<DestinationId, usize> = HashMap::new();
    let mut statement = sql.prepare_cached(
        "SELECT id, instance_id, destination FROM resource
         WHERE lane_due <= ?1 AND destination IS NOT NULL ORDER BY lane_due",
    )?;
    let mut rows = statement.query([request.now.0])?;
    while claimed.lanes.len() < request.lanes
        && let Some(row) = rows.next()?
    {
        let id = LaneId(row.get(0)?);
        let destination_id = DestinationId(row.get(2)?);
        let room = request.room.get(&destination_id).copied().unwrap_or(request.per_destination);
        let used = used.entry(destination_id.clone()).or_default();
        if held.contains(&id) || *used >= room {
            continue;
        }
        let instance = InstanceId(row.get(1)?);
        if let Some(lane) = lane(sql, profiles, id, instance, destination_id)? {
            *used += 1;
            claimed.lanes.push(lane);
        }
    }
    claimed.next = sql
        .prepare_cached("SELECT min(lane_due) FROM resource WHERE lane_due > ?1")?
        .query_row([request.now.0], |row| row.get::<_, Option<i64>>(0))?
        .map(Timestamp);
    Ok(claimed)
}

fn lane(
    sql: &Connection,
    profiles: &Profiles,
    id: LaneId,
    instance: InstanceId,
    destination_id: DestinationId,
) -> Result<Option<Lane>, StoreError> {
    let profile = match profiles.of(sql, instance) {
        Ok(profile) => profile,
        Err(StoreError::Sqlite(error)) => return Err(error.into()),
        Err(error) => {
            tracing::error!(%instance, %error, "Notifications wait: the instance cannot be read");
            None
        }
    };
    let Some(destination) = profile.and_then(|profile| profile.destination.clone()) else {
        return Ok(None);
    };
    let mut statement = sql.prepare_cached(
        "SELECT n.id, n.body, r.head_failures, r.head_first_failure
         FROM resource r JOIN notification n ON n.resource_id = r.id
           AND n.seq > r.delivered_through AND n.seq <= r.visible_through
         WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
    )?;
    let mut rows = statement.query(params![id.0, LONGEST])?;
    let (mut notifications, mut bytes) = (Vec::new(), 0);
    while bytes < LONGEST_BYTES
        && let Some(row) = rows.next()?
    {
        let body =
            Bytes::copy_from_slice(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
        bytes += body.len();
        let is_head = notifications.is_empty();
        notifications.push(Pending {
            id: Uuid::from_bytes(row.get(0)?),
            body,
            failures: if is_head { row.get(2)? } else { 0 },
            first_failure: row.get::<_, Option<i64>>(3)?.filter(|_| is_head).map(Timestamp),
        });
    }
    let lane = Lane { id, destination_id, destination: Arc::clone(&destination), notifications };
    Ok((!lane.notifications.is_empty()).then_some(lane))
}

fn settle(sql: &Connection, settlement: &Settlement) -> Result<(), StoreError> {
    let mut through = None;
    let mut settled_at = Timestamp::EPOCH;
    for (id, attempt) in &settlement.delivered {
        if let Some(seq) = seq_of(sql, *id)? {
            note(sql, seq, attempt)?;
            (through, settled_at) = (Some(seq), attempt.at);
        }
    }
    if let Some(through) = through {
        sql.prepare_cached(
            "UPDATE resource SET delivered_through = max(delivered_through, ?2),
               head_failures = 0, head_first_failure = NULL WHERE id = ?1",
        )?
        .execute(params![settlement.lane.0, through])?;
    }
    match &settlement.failed {
        Some(failed) => fail(sql, settlement.lane, failed),
        // What is left of the lane goes on at once.
        None => {
            sql.prepare_cached(
                "UPDATE resource SET lane_due =
                   CASE WHEN delivered_through < visible_through AND lane_due IS NOT NULL THEN ?2 END
                 WHERE id = ?1",
            )?
            .execute(params![settlement.lane.0, settled_at.0])?;
            Ok(())
        }
    }
}

fn fail(sql: &Connection, lane: LaneId, failed: &Failed) -> Result<(), StoreError> {
    let Some(seq) = seq_of(sql, failed.id)? else { return Ok(()) };
    note(sql, seq, &failed.attempt)?;
    let due = match failed.next {
        Next::Retry(at) => Some(at.0),
        Next::Queue => None,
    };
    sql.prepare_cached(
        "UPDATE resource SET head_failures = head_failures + 1,
           head_first_failure = coalesce(head_first_failure, ?2),
           lane_due = CASE WHEN lane_due IS NULL THEN NULL ELSE ?3 END WHERE id = ?1",
    )?
    .execute(params![lane.0, failed.attempt.at.0, due])?;
    if failed.next == Next::Queue { queue(sql, lane, failed.attempt.at) } else { Ok(()) }
}

/// Deactivates the subscription of the lane's instance: nothing is sent until it is reactivated.
fn queue(sql: &Connection, lane: LaneId, at: Timestamp) -> Result<(), StoreError> {
    let instance = sql
        .query_row("SELECT instance_id FROM resource WHERE id = ?1", [lane.0], |row| {
            row.get::<_, i64>(0)
        })
        .optional()?;
    let Some(instance) = instance else { return Ok(()) };
    tracing::warn!(instance, "Deliveries queue: the last attempt of a notification has failed");
    sql.execute(
        "UPDATE instance SET queued_at = coalesce(queued_at, ?2) WHERE id = ?1",
        params![instance, at.0],
    )?;
    sql.execute("UPDATE resource SET lane_due = NULL WHERE instance_id = ?1", [instance])?;
    Ok(())
}

/// Sends what waits for an instance again from now on, as if nothing had failed.
pub(crate) fn reactivate(
    sql: &Connection,
    instance: InstanceId,
    now: Timestamp,
) -> Result<usize, StoreError> {
    sql.execute("UPDATE instance SET queued_at = NULL WHERE id = ?1", [instance.0])?;
    let lanes = sql.execute(
        "UPDATE resource SET lane_due = ?2, head_failures = 0, head_first_failure = NULL
         WHERE instance_id = ?1 AND delivered_through < visible_through",
        params![instance.0, now.0],
    )?;
    Ok(lanes)
}

fn seq_of(sql: &Connection, id: Uuid) -> Result<Option<i64>, StoreError> {
    let mut statement = sql.prepare_cached("SELECT seq FROM notification WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

fn note(sql: &Connection, seq: i64, attempt: &Attempt) -> Result<(), StoreError> {
    let took = i64::try_from(attempt.took.as_micros()).unwrap_or(i64::MAX);
    sql.prepare_cached(
        "INSERT INTO attempt (notification, number, at, took, status, error, answer)
         SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5, ?6 FROM attempt WHERE notification = ?1",
    )?
    .execute(params![seq, attempt.at.0, took, attempt.status, attempt.error, attempt.answer])?;
    Ok(())
}

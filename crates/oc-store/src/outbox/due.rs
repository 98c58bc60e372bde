//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, Claimed, DestinationId, Lane, LaneId, Pending};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::StoreError;
use crate::profile::Profiles;

/// The most notifications that are sent of a lane before their outcome is recorded: what a crash
/// may repeat.
const LONGEST: usize = 32;
/// The same, in bytes of bodies.
const LONGEST_BYTES: usize = 1 << 20;

/// What is claimed and not given back.
pub(super) struct Held {
    pub(super) lanes: HashSet<LaneId>,
    pub(super) replays: HashSet<LaneId>,
}

/// One of the two queues of a lane.
struct Queue {
    replay: bool,
    /// Those due, the longest due first.
    due: &'static str,
    /// What waits: id, body, failures of the first one, its first failure, attempts before.
    waiting: &'static str,
}

const NEW: Queue = Queue {
    replay: false,
    due: "SELECT id, instance_id, destination FROM resource
          WHERE lane_due <= ?1 AND destination IS NOT NULL ORDER BY lane_due",
    waiting: "SELECT n.id, n.body, r.head_failures, r.head_first_failure, NULL
              FROM resource r JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

/// Their turn comes when nothing new waits: what is new is never behind a replay.
const REPLAYS: Queue = Queue {
    replay: true,
    due: "SELECT id, instance_id, destination FROM resource
          WHERE replay_due <= ?1 AND destination IS NOT NULL AND lane_due IS NULL ORDER BY replay_due",
    waiting: "SELECT n.id, n.body, r.replay_failures, r.replay_first_failure,
                (SELECT count(*) FROM attempt a WHERE a.notification = n.seq)
              FROM replay p JOIN resource r ON r.id = p.resource_id
                JOIN notification n ON n.seq = p.notification
              WHERE p.resource_id = ?1 ORDER BY p.notification LIMIT ?2",
};

pub(super) fn find(
    sql: &Connection,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &Held,
) -> Result<Claimed, StoreError> {
    let mut search =
        Search { sql, profiles, request, used: HashMap::new(), claimed: Claimed::default() };
    search.take(&NEW, &held.lanes, HashMap::new(), usize::MAX)?;
    // Replays leave half of a destination to what is new.
    let half = (request.per_destination / 2).max(1);
    search.take(&REPLAYS, &held.replays, destinations(sql, &held.replays)?, half)?;
    let next = sql
        .prepare_cached(
            "SELECT min(due) FROM (
               SELECT min(lane_due) AS due FROM resource WHERE lane_due > ?1
               UNION ALL SELECT min(replay_due) FROM resource WHERE replay_due > ?1 AND lane_due IS NULL)",
        )?
        .query_row([request.now.0], |row| row.get::<_, Option<i64>>(0))?;
    search.claimed.next = next.map(Timestamp);
    Ok(search.claimed)
}

/// How many of these lanes go to each destination.
fn destinations(
    sql: &Connection,
    lanes: &HashSet<LaneId>,
) -> Result<HashMap<DestinationId, usize>, StoreError> {
    let mut statement = sql.prepare_cached("SELECT destination FROM resource WHERE id = ?1")?;
    let mut counts = HashMap::new();
    for lane in lanes {
        let found = statement.query_row([lane.0], |row| row.get::<_, Option<String>>(0));
        if let Some(destination) = found.optional()?.flatten() {
            *counts.entry(DestinationId(destination)).or_default() += 1;
        }
    }
    Ok(counts)
}

struct Search<'a> {
    sql: &'a Connection,
    profiles: &'a Profiles,
    request: &'a ClaimRequest,
    used: HashMap<DestinationId, usize>,
    claimed: Claimed,
}

impl Search<'_> {
    /// Takes what is due while there is room; of one destination at most `most`, `taken` included.
    fn take(
        &mut self,
        queue: &Queue,
        held: &HashSet<LaneId>,
        mut taken: HashMap<DestinationId, usize>,
        most: usize,
    ) -> Result<(), StoreError> {
        let request = self.request;
        let mut statement = self.sql.prepare_cached(queue.due)?;
        let mut rows = statement.query([request.now.0])?;
        while self.claimed.lanes.len() < request.lanes
            && let Some(row) = rows.next()?
        {
            let id = LaneId(row.get(0)?);
            let destination = DestinationId(row.get(2)?);
            let room = request.room.get(&destination).copied().unwrap_or(request.per_destination);
            let used = self.used.entry(destination.clone()).or_default();
            let taken = taken.entry(destination.clone()).or_default();
            if held.contains(&id) || *used >= room || *taken >= most {
                continue;
            }
            let instance = InstanceId(row.get(1)?);
            if let Some(lane) = lane(self.sql, self.profiles, queue, id, instance, destination)? {
                *used += 1;
                *taken += 1;
                self.claimed.lanes.push(lane);
            }
        }
        Ok(())
    }
}

fn lane(
    sql: &Connection,
    profiles: &Profiles,
    queue: &Queue,
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
    let mut statement = sql.prepare_cached(queue.waiting)?;
    let mut rows = statement.query(params![id.0, LONGEST])?;
    let (mut notifications, mut bytes) = (Vec::new(), 0);
    while bytes < LONGEST_BYTES
        && let Some(row) = rows.next()?
    {
        let body =
            Bytes::copy_from_slice(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
        bytes += body.len();
        let is_head = notifications.is_empty();
        let failures = if is_head { row.get(2)? } else { 0 };
        notifications.push(Pending {
            id: Uuid::from_bytes(row.get(0)?),
            body,
            attempt: row.get::<_, Option<u32>>(4)?.unwrap_or(failures) + 1,
            failures,
            first_failure: row.get::<_, Option<i64>>(3)?.filter(|_| is_head).map(Timestamp),
        });
    }
    let lane = Lane {
        id,
        replay: queue.replay,
        destination_id,
        destination: Arc::clone(&destination),
        notifications,
    };
    Ok((!lane.notifications.is_empty()).then_some(lane))
}

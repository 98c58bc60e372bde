//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, Claimed, DestinationId, Lane, LaneId, Pending, Turn};
use oc_telemetry::TraceContext;

use crate::StoreError;
use crate::profile::Profiles;
use crate::sql::{Sql, params};

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

/// One of the queues of a lane.
struct Queue {
    turn: Turn,
    /// At most so many are sent.
    longest: usize,
    /// Those due, the longest due first.
    due: &'static str,
    /// What waits: id, body, failures of the first one, its first failure, attempts before, its
    /// oldest change, its trace.
    waiting: &'static str,
}

const NEW: Queue = Queue {
    turn: Turn::New,
    longest: LONGEST,
    due: "SELECT id, instance_id, destination FROM resource
          WHERE lane_due <= ?1 AND destination IS NOT NULL ORDER BY lane_due",
    waiting: "SELECT n.id, n.body, r.head_failures, r.head_first_failure, NULL, n.changed, n.trace
              FROM resource r JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

/// Their turn comes when nothing new waits: what is new is never behind a replay.
const REPLAYS: Queue = Queue {
    turn: Turn::Replay,
    longest: LONGEST,
    due: "SELECT id, instance_id, destination FROM resource
          WHERE replay_due <= ?1 AND destination IS NOT NULL AND lane_due IS NULL ORDER BY replay_due",
    waiting: "SELECT n.id, n.body, r.replay_failures, r.replay_first_failure,
                (SELECT max(number) FROM attempt a WHERE a.notification = n.seq), n.changed, n.trace
              FROM replay p JOIN resource r ON r.id = p.resource_id
                JOIN notification n ON n.seq = p.notification
              WHERE p.resource_id = ?1 ORDER BY p.notification LIMIT ?2",
};

/// The first that waits of an instance whose subscription is deactivated.
const PROBES: Queue = Queue {
    turn: Turn::Probe,
    longest: 1,
    due: "SELECT r.id, i.id, r.destination FROM instance i JOIN resource r ON r.id =
            (SELECT w.id FROM resource w WHERE w.instance_id = i.id AND w.destination IS NOT NULL
               AND w.delivered_through < w.visible_through
             ORDER BY (SELECT min(n.seq) FROM notification n
               WHERE n.resource_id = w.id AND n.seq > w.delivered_through) LIMIT 1)
          WHERE i.probe_due <= ?1 ORDER BY i.probe_due",
    waiting: "SELECT n.id, n.body, i.probes, NULL,
                (SELECT max(number) FROM attempt a WHERE a.notification = n.seq), n.changed, n.trace
              FROM resource r JOIN instance i ON i.id = r.instance_id
                JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

pub(super) fn find(
    sql: &Sql,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &Held,
) -> Result<Claimed, StoreError> {
    let mut search =
        Search { sql, profiles, request, used: HashMap::new(), claimed: Claimed::default() };
    search.take(&NEW, &held.lanes, HashMap::new(), usize::MAX)?;
    // Replays and probes leave half of a destination to what is new.
    let half = (request.per_destination / 2).max(1);
    search.take(&REPLAYS, &held.replays, destinations(sql, &held.replays)?, half)?;
    if request.probes {
        search.take(&PROBES, &held.lanes, HashMap::new(), half)?;
    }
    let next = sql.one(
        "SELECT min(due) FROM (
           SELECT min(lane_due) AS due FROM resource WHERE lane_due > ?1
           UNION ALL SELECT min(replay_due) FROM resource WHERE replay_due > ?1 AND lane_due IS NULL
           UNION ALL SELECT min(probe_due) FROM instance WHERE probe_due > ?1 AND ?2 = 1) AS all_due",
        params![request.now.0, request.probes],
        |row| row.get::<Option<i64>>(0),
    )?;
    search.claimed.next = next.map(Timestamp);
    Ok(search.claimed)
}

/// How many of these lanes go to each destination.
fn destinations(
    sql: &Sql,
    lanes: &HashSet<LaneId>,
) -> Result<HashMap<DestinationId, usize>, StoreError> {
    let found = sql.find_each(
        "SELECT destination FROM resource WHERE id = ?1",
        lanes.iter().map(|lane| [lane.0]),
        |row| row.get::<Option<String>>(0),
    )?;
    let mut counts = HashMap::new();
    for destination in found.into_iter().flatten().flatten() {
        *counts.entry(DestinationId(destination)).or_default() += 1;
    }
    Ok(counts)
}

struct Search<'a> {
    sql: &'a Sql,
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
        let (request, sql) = (self.request, self.sql);
        sql.each(queue.due, [request.now.0], |row| {
            if self.claimed.lanes.len() == request.lanes {
                return Ok(ControlFlow::Break(()));
            }
            let id = LaneId(row.get(0)?);
            let destination = DestinationId(row.get(2)?);
            let room = request.room.get(&destination).copied().unwrap_or(request.per_destination);
            let used = self.used.entry(destination.clone()).or_default();
            let taken = taken.entry(destination.clone()).or_default();
            if held.contains(&id) || *used >= room || *taken >= most {
                return Ok(ControlFlow::Continue(()));
            }
            let instance = InstanceId(row.get(1)?);
            if let Some(lane) = lane(sql, self.profiles, queue, id, instance, destination)? {
                *used += 1;
                *taken += 1;
                self.claimed.lanes.push(lane);
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

fn lane(
    sql: &Sql,
    profiles: &Profiles,
    queue: &Queue,
    id: LaneId,
    instance: InstanceId,
    destination_id: DestinationId,
) -> Result<Option<Lane>, StoreError> {
    let profile = match profiles.of(sql, instance) {
        Ok(profile) => profile,
        Err(error) if error.is_of_database() => return Err(error),
        Err(error) => {
            tracing::error!(%instance, %error, "Notifications wait: the instance cannot be read");
            None
        }
    };
    let Some(profile) = profile else { return Ok(None) };
    let Some(destination) = &profile.destination else { return Ok(None) };
    let (mut notifications, mut bytes) = (Vec::new(), 0);
    sql.each(queue.waiting, params![id.0, queue.longest], |row| {
        if bytes >= LONGEST_BYTES {
            return Ok(ControlFlow::Break(()));
        }
        let body = row.get::<Bytes>(1)?;
        bytes += body.len();
        let is_head = notifications.is_empty();
        let failures = if is_head { row.get(2)? } else { 0 };
        let trace: Option<String> = row.get(6)?;
        notifications.push(Pending {
            id: row.get(0)?,
            body,
            attempt: row.get::<Option<u32>>(4)?.unwrap_or(failures) + 1,
            failures,
            first_failure: row.get::<Option<i64>>(3)?.filter(|_| is_head).map(Timestamp),
            changed: row.get::<Option<i64>>(5)?.map(Timestamp),
            trace: trace.as_deref().and_then(TraceContext::read),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    let lane = Lane {
        id,
        turn: queue.turn,
        destination_id,
        destination: Arc::clone(destination),
        policy: profile.settings.failure_policy,
        probes: profile.settings.probes,
        notifications,
    };
    Ok((!lane.notifications.is_empty()).then_some(lane))
}

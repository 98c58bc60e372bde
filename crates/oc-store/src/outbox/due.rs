//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, DestinationId, Lane, LaneId, Pending};

use crate::StoreError;
use crate::claims::Kind;
use crate::postgres::claims;
use crate::profile::{Profile, Profiles};
use crate::sql::{Sql, params};

/// The most notifications that are sent of a lane before their outcome is recorded: what a crash
/// may repeat.
const LONGEST: usize = 32;
/// The same, in bytes of bodies.
const LONGEST_BYTES: usize = 1 << 20;
/// The most lanes that are looked through for those that may be sent, where each costs its way over
/// the network.
const MOST_LOOKED_AT: usize = 2_000;

/// What this process has claimed and not given back.
pub(super) struct Held {
    pub(super) lanes: HashSet<i64>,
    pub(super) replays: HashSet<i64>,
}

/// A lane whose turn it is.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) id: LaneId,
    pub(super) replay: bool,
    instance: InstanceId,
    destination_id: DestinationId,
    /// The instance as it is configured, with a destination.
    profile: Arc<Profile>,
}

/// One of the two queues of a lane.
struct Queue {
    replay: bool,
    /// When it is due.
    due: &'static str,
    /// What else must be so.
    when: &'static str,
    /// What waits: id, body, failures of the first one, its first failure, attempts before.
    waiting: &'static str,
}

const NEW: Queue = Queue {
    replay: false,
    due: "lane_due",
    when: "destination IS NOT NULL",
    waiting: "SELECT n.id, n.body, r.head_failures, r.head_first_failure, NULL
              FROM resource r JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

/// Their turn comes when nothing new waits: what is new is never behind a replay.
const REPLAYS: Queue = Queue {
    replay: true,
    due: "replay_due",
    when: "destination IS NOT NULL AND lane_due IS NULL",
    waiting: "SELECT n.id, n.body, r.replay_failures, r.replay_first_failure,
                (SELECT count(*) FROM attempt a WHERE a.notification = n.seq)
              FROM replay p JOIN resource r ON r.id = p.resource_id
                JOIN notification n ON n.seq = p.notification
              WHERE p.resource_id = ?1 ORDER BY p.notification LIMIT ?2",
};

/// The lanes whose turn it is.
pub(super) fn choose(
    sql: &Sql,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &Held,
) -> Result<Vec<Chosen>, StoreError> {
    let mut search = Search { sql, profiles, request, used: HashMap::new(), chosen: Vec::new() };
    search.take(&NEW, &held.lanes, HashMap::new(), usize::MAX)?;
    // Replays leave half of a destination to what is new.
    let half = (request.per_destination / 2).max(1);
    search.take(&REPLAYS, &held.replays, destinations(sql, &held.replays)?, half)?;
    Ok(search.chosen)
}

/// When the next lane becomes due.
pub(super) fn next(sql: &Sql, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let next = sql.one(
        "SELECT min(due) FROM (
           SELECT min(lane_due) AS due FROM resource WHERE lane_due > ?1
           UNION ALL
           SELECT min(replay_due) FROM resource WHERE replay_due > ?1 AND lane_due IS NULL
         ) AS either",
        [now.0],
        |row| row.get::<Option<i64>>(0),
    )?;
    Ok(next.map(Timestamp))
}

/// What waits in the lanes; none of those in which nothing does.
pub(super) fn read(sql: &Sql, chosen: Vec<Chosen>) -> Result<Vec<Lane>, StoreError> {
    let mut lanes = Vec::with_capacity(chosen.len());
    for one in chosen {
        let Some(destination) = &one.profile.destination else { continue };
        let notifications = waiting(sql, if one.replay { &REPLAYS } else { &NEW }, one.id)?;
        if !notifications.is_empty() {
            lanes.push(Lane {
                id: one.id,
                replay: one.replay,
                destination_id: one.destination_id,
                destination: Arc::clone(destination),
                policy: one.profile.settings.failure_policy,
                notifications,
            });
        }
    }
    Ok(lanes)
}

/// The same for lanes that were chosen a moment ago, as they are now.
pub(super) fn read_again(
    sql: &Sql,
    profiles: &Profiles,
    chosen: &[Chosen],
    now: Timestamp,
) -> Result<Vec<Lane>, StoreError> {
    let mut still = Vec::with_capacity(chosen.len());
    for one in chosen {
        let Queue { due, when, .. } = if one.replay { REPLAYS } else { NEW };
        let lane =
            format!("SELECT destination FROM resource WHERE id = ?1 AND {due} <= ?2 AND {when}");
        let id = sql.find(&lane, [one.id.0, now.0], |row| row.get(0).map(DestinationId))?;
        let Some(destination_id) = id else { continue };
        if let Some(profile) = sendable(sql, profiles, one.instance)? {
            still.push(Chosen { destination_id, profile, ..one.clone() });
        }
    }
    read(sql, still)
}

/// How many of these lanes go to each destination.
fn destinations(
    sql: &Sql,
    lanes: &HashSet<i64>,
) -> Result<HashMap<DestinationId, usize>, StoreError> {
    let found = sql.find_each(
        "SELECT destination FROM resource WHERE id = ?1",
        lanes.iter().map(|lane| [lane]),
        |row| row.get::<Option<String>>(0),
    )?;
    let mut counts = HashMap::new();
    for destination in found.into_iter().flatten().flatten() {
        *counts.entry(DestinationId(destination)).or_default() += 1;
    }
    Ok(counts)
}

impl Queue {
    /// Those due, the longest due first; in a database that is shared only those that nobody has
    /// claimed, and none of the destinations that `?2` lists.
    fn text(&self, sql: &Sql) -> String {
        let Self { due, when, .. } = self;
        let lanes = "SELECT id, instance_id, destination FROM resource";
        let order = format!("ORDER BY {due} LIMIT ?3");
        if sql.is_postgres() {
            let is_free = claims::is_free(&[Kind::lane(self.replay)], "resource.id");
            format!(
                "{lanes} WHERE {due} <= ?1 AND {when} AND {is_free} AND destination NOT IN
                   (SELECT json_array_elements_text(CAST(?2 AS json))) {order}"
            )
        } else {
            format!("{lanes} WHERE {due} <= ?1 AND {when} AND ?2 IS NOT NULL {order}")
        }
    }
}

struct Search<'a> {
    sql: &'a Sql,
    profiles: &'a Profiles,
    request: &'a ClaimRequest,
    used: HashMap<DestinationId, usize>,
    chosen: Vec<Chosen>,
}

impl Search<'_> {
    /// Takes what is due while there is room; of one destination at most `most`, `taken` included.
    fn take(
        &mut self,
        queue: &Queue,
        held: &HashSet<i64>,
        mut taken: HashMap<DestinationId, usize>,
        most: usize,
    ) -> Result<(), StoreError> {
        let (request, sql) = (self.request, self.sql);
        let full: Vec<&str> =
            request.room.iter().filter(|(_, room)| **room == 0).map(|(id, _)| &*id.0).collect();
        let full =
            serde_json::to_string(&full).map_err(|error| StoreError::stored("room", error))?;
        let limit = if sql.is_postgres() { MOST_LOOKED_AT } else { usize::MAX };
        sql.each(&queue.text(sql), params![request.now.0, full, limit], |row| {
            if self.chosen.len() == request.lanes {
                return Ok(ControlFlow::Break(()));
            }
            let id = LaneId(row.get(0)?);
            let destination_id = DestinationId(row.get(2)?);
            let room = request.room.get(&destination_id).copied();
            let used = self.used.entry(destination_id.clone()).or_default();
            let taken = taken.entry(destination_id.clone()).or_default();
            let is_full = *used >= room.unwrap_or(request.per_destination) || *taken >= most;
            if held.contains(&id.0) || is_full {
                return Ok(ControlFlow::Continue(()));
            }
            let instance = InstanceId(row.get(1)?);
            if let Some(profile) = sendable(sql, self.profiles, instance)? {
                *used += 1;
                *taken += 1;
                let replay = queue.replay;
                self.chosen.push(Chosen { id, replay, instance, destination_id, profile });
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// The instance, when its notifications have where to go.
fn sendable(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
) -> Result<Option<Arc<Profile>>, StoreError> {
    match profiles.of(sql, instance) {
        Ok(profile) => Ok(profile.filter(|profile| profile.destination.is_some())),
        Err(error) if error.is_of_database() => Err(error),
        Err(error) => {
            tracing::error!(%instance, %error, "Notifications wait: the instance cannot be read");
            Ok(None)
        }
    }
}

fn waiting(sql: &Sql, queue: &Queue, id: LaneId) -> Result<Vec<Pending>, StoreError> {
    let (mut notifications, mut bytes) = (Vec::new(), 0);
    sql.each(queue.waiting, params![id.0, LONGEST], |row| {
        if bytes >= LONGEST_BYTES {
            return Ok(ControlFlow::Break(()));
        }
        let body: bytes::Bytes = row.get(1)?;
        bytes += body.len();
        let is_head = notifications.is_empty();
        let failures = if is_head { row.get(2)? } else { 0 };
        notifications.push(Pending {
            id: row.get(0)?,
            body,
            attempt: row.get::<Option<u32>>(4)?.unwrap_or(failures) + 1,
            failures,
            first_failure: row.get::<Option<i64>>(3)?.filter(|_| is_head).map(Timestamp),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(notifications)
}

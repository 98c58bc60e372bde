//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, Claimed, DestinationId, Lane, LaneId, Pending};
use oc_telemetry::TraceContext;

use crate::StoreError;
use crate::profile::Profiles;
use crate::sql::{Row, Sql, params};
use crate::turns::{LOOK, Turns};

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
    /// The next tenant and destination with something in the queue.
    next_place: &'static str,
    /// Those due of a tenant and destination, the longest due first.
    due_there: &'static str,
    /// What waits: id, body, failures of the first one, its first failure, attempts before, its
    /// oldest change, its trace.
    waiting: &'static str,
}

const NEW: Queue = Queue {
    replay: false,
    due: "SELECT id, instance_id, organization_id, destination, lane_due FROM resource
          WHERE lane_due <= ?1 AND destination IS NOT NULL ORDER BY lane_due LIMIT ?2",
    next_place: "SELECT organization_id, destination FROM resource
          WHERE lane_due IS NOT NULL AND destination IS NOT NULL
            AND (organization_id, destination) > (?1, ?2)
          ORDER BY organization_id, destination LIMIT 1",
    due_there: "SELECT id, instance_id, organization_id, destination, lane_due FROM resource
          WHERE organization_id = ?1 AND destination = ?2 AND lane_due <= ?3
          ORDER BY lane_due LIMIT ?4",
    waiting: "SELECT n.id, n.body, r.head_failures, r.head_first_failure, NULL, n.changed, n.trace
              FROM resource r JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

/// Their turn comes when nothing new waits: what is new is never behind a replay.
const REPLAYS: Queue = Queue {
    replay: true,
    due: "SELECT id, instance_id, organization_id, destination, replay_due FROM resource
          WHERE replay_due <= ?1 AND destination IS NOT NULL AND lane_due IS NULL
          ORDER BY replay_due LIMIT ?2",
    next_place: "SELECT organization_id, destination FROM resource
          WHERE replay_due IS NOT NULL AND destination IS NOT NULL
            AND (organization_id, destination) > (?1, ?2)
          ORDER BY organization_id, destination LIMIT 1",
    due_there: "SELECT id, instance_id, organization_id, destination, replay_due FROM resource
          WHERE organization_id = ?1 AND destination = ?2 AND replay_due <= ?3 AND lane_due IS NULL
          ORDER BY replay_due LIMIT ?4",
    waiting: "SELECT n.id, n.body, r.replay_failures, r.replay_first_failure,
                (SELECT max(number) FROM attempt a WHERE a.notification = n.seq), n.changed, n.trace
              FROM replay p JOIN resource r ON r.id = p.resource_id
                JOIN notification n ON n.seq = p.notification
              WHERE p.resource_id = ?1 ORDER BY p.notification LIMIT ?2",
};

/// A lane with something due.
struct DueLane {
    id: LaneId,
    instance: InstanceId,
    tenant: i64,
    destination: DestinationId,
    due: i64,
}

impl DueLane {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: LaneId(row.get(0)?),
            instance: InstanceId(row.get(1)?),
            tenant: row.get(2)?,
            destination: DestinationId(row.get(3)?),
            due: row.get(4)?,
        })
    }
}

pub(super) fn find(
    sql: &Sql,
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
    let next = sql.one("SELECT min(due) FROM (
               SELECT min(lane_due) AS due FROM resource WHERE lane_due > ?1
               UNION ALL SELECT min(replay_due) FROM resource WHERE replay_due > ?1 AND lane_due IS NULL) AS both", [request.now.0], |row| row.get::<Option<i64>>(0))?;
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
    /// Takes what is due while there is room, tenants by turns; of one destination at most `most`,
    /// `taken` included.
    fn take(
        &mut self,
        queue: &Queue,
        held: &HashSet<LaneId>,
        mut taken: HashMap<DestinationId, usize>,
        most: usize,
    ) -> Result<(), StoreError> {
        let mut turns = Turns::default();
        for lane in self.due(queue)? {
            if held.contains(&lane.id) {
                turns.under_way(lane.tenant);
            } else {
                turns.wait(lane.tenant, lane);
            }
        }
        while self.claimed.lanes.len() < self.request.lanes
            && let Some(due) = turns.next()
        {
            let DueLane { id, instance, tenant, destination, .. } = due;
            let room = self.room(&destination);
            let used = self.used.entry(destination.clone()).or_default();
            let taken = taken.entry(destination.clone()).or_default();
            if *used >= room || *taken >= most {
                continue;
            }
            if let Some(lane) = lane(self.sql, self.profiles, queue, id, instance, destination)? {
                *used += 1;
                *taken += 1;
                turns.under_way(tenant);
                self.claimed.lanes.push(lane);
            }
        }
        Ok(())
    }

    fn room(&self, destination: &DestinationId) -> usize {
        self.request.room.get(destination).copied().unwrap_or(self.request.per_destination)
    }

    /// Lanes that are due, the longest due first: all of them; or, where those of a tenant or a
    /// destination may stand in front of all others, the first of each tenant and destination.
    fn due(&self, queue: &Queue) -> Result<Vec<DueLane>, StoreError> {
        let lanes = self.sql.all(queue.due, params![self.request.now.0, LOOK], DueLane::read)?;
        if lanes.len() < LOOK { Ok(lanes) } else { self.due_everywhere(queue) }
    }

    fn due_everywhere(&self, queue: &Queue) -> Result<Vec<DueLane>, StoreError> {
        // Those that are claimed stand among them.
        let (now, most) = (self.request.now.0, 2 * self.request.per_destination);
        let (mut lanes, mut after) = (Vec::new(), (i64::MIN, String::new()));
        while let Some(place) =
            self.sql.find(queue.next_place, params![after.0, after.1], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
        {
            let values = params![place.0, place.1, now, most];
            lanes.extend(self.sql.all(queue.due_there, values, DueLane::read)?);
            after = place;
        }
        lanes.sort_by_key(|lane| lane.due);
        Ok(lanes)
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
    sql.each(queue.waiting, params![id.0, LONGEST], |row| {
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
        replay: queue.replay,
        destination_id,
        destination: Arc::clone(destination),
        policy: profile.settings.failure_policy,
        notifications,
    };
    Ok((!lane.notifications.is_empty()).then_some(lane))
}

#[cfg(test)]
mod tests;

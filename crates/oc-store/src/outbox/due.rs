//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, DestinationId, Lane, LaneId, Turn};
use oc_poll::Fence;

use super::queue::{NEW, PROBES, Queue, REPLAYS};
use crate::StoreError;
use crate::claims::Kind;
use crate::profile::{Profile, Profiles};
use crate::sql::{Sql, params};

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
    id: LaneId,
    turn: Turn,
    instance: InstanceId,
    destination_id: DestinationId,
    /// The instance as it is configured, with a destination.
    profile: Arc<Profile>,
}

impl Chosen {
    /// What has to be claimed for it.
    pub(super) fn claim(&self) -> (Kind, i64) {
        (Kind::of(self.turn), self.id.0)
    }
}

/// The lanes whose turn it is.
pub(super) fn choose(
    sql: &Sql,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &Held,
) -> Result<Vec<Chosen>, StoreError> {
    let mut search = Search { sql, profiles, request, used: HashMap::new(), chosen: Vec::new() };
    search.take(&NEW, &held.lanes, HashMap::new(), usize::MAX)?;
    // Replays and probes leave half of a destination to what is new.
    let half = (request.per_destination / 2).max(1);
    search.take(&REPLAYS, &held.replays, destinations(sql, &held.replays)?, half)?;
    if request.probes {
        search.take(&PROBES, &held.lanes, HashMap::new(), half)?;
    }
    Ok(search.chosen)
}

/// When the next lane becomes due.
pub(super) fn next(sql: &Sql, request: &ClaimRequest) -> Result<Option<Timestamp>, StoreError> {
    let next = sql.one(
        "SELECT min(due) FROM (
           SELECT min(lane_due) AS due FROM resource WHERE lane_due > ?1
           UNION ALL SELECT min(replay_due) FROM resource WHERE replay_due > ?1 AND lane_due IS NULL
           UNION ALL SELECT min(probe_due) FROM instance WHERE probe_due > ?1 AND ?2 = 1) AS all_due",
        params![request.now.0, request.probes],
        |row| row.get::<Option<i64>>(0),
    )?;
    Ok(next.map(Timestamp))
}

/// What waits in the lanes; none of those in which nothing does.
pub(super) fn read(sql: &Sql, chosen: Vec<Chosen>) -> Result<Vec<Lane>, StoreError> {
    let mut lanes = Vec::with_capacity(chosen.len());
    for one in chosen {
        let Some(destination) = &one.profile.destination else { continue };
        let notifications = Queue::of(one.turn).waiting(sql, one.id)?;
        if !notifications.is_empty() {
            lanes.push(Lane {
                id: one.id,
                turn: one.turn,
                fence: Fence::default(),
                destination_id: one.destination_id,
                destination: Arc::clone(destination),
                policy: one.profile.settings.failure_policy,
                probes: one.profile.settings.probes,
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
        let due = Queue::of(one.turn).still_due();
        let found = sql.find(&due, [now.0, one.id.0], |row| row.get(2).map(DestinationId))?;
        let Some(destination_id) = found else { continue };
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
        sql.each(&queue.due(sql), params![request.now.0, full, limit], |row| {
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
                let turn = queue.turn;
                self.chosen.push(Chosen { id, turn, instance, destination_id, profile });
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

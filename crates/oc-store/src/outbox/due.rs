//! Which lanes have something due, and the first of what waits in them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{ClaimRequest, DestinationId, DueLane, Lane, LaneId, Ticket, Turn};
use oc_poll::Fence;

use super::queue::{NEW, PROBES, Queue, REPLAYS};
use crate::StoreError;
use crate::claims::Kind;
use crate::profile::{Profile, Profiles};
use crate::sql::{Row, Sql, params};
use crate::turns::{LOOK, LastTurns, Turns};

/// What this process has claimed and not given back.
pub(super) struct Held {
    pub(super) lanes: HashSet<i64>,
    pub(super) replays: HashSet<i64>,
}

/// A lane with something due.
struct Waiting {
    id: LaneId,
    instance: InstanceId,
    resource: Arc<str>,
    destination_id: DestinationId,
    tenant: i64,
    since: i64,
}

/// A lane whose turn it is.
#[derive(Clone)]
pub(super) struct Chosen {
    id: LaneId,
    turn: Turn,
    resource: Arc<str>,
    destination_id: DestinationId,
    since: i64,
    /// The instance as it is configured, with a destination.
    profile: Arc<Profile>,
}

impl Waiting {
    fn read(row: &Row<'_>, destination_id: DestinationId) -> Result<Self, StoreError> {
        Ok(Self {
            id: LaneId(row.get(0)?),
            instance: InstanceId(row.get(1)?),
            destination_id,
            tenant: row.get(3)?,
            since: row.get(4)?,
            resource: row.get::<String>(5)?.into(),
        })
    }
}

impl Chosen {
    /// What has to be claimed for it.
    pub(super) fn claim(&self) -> (Kind, i64) {
        (Kind::of(self.turn), self.id.0)
    }

    /// As a queue between processes has it.
    pub(super) fn into_due(self) -> DueLane {
        DueLane {
            ticket: Ticket { lane: self.id, turn: self.turn },
            since: Timestamp(self.since),
            destination_id: self.destination_id,
        }
    }
}

/// The lanes whose turn it is.
pub(super) fn choose(
    sql: &Sql,
    profiles: &Profiles,
    request: &ClaimRequest,
    held: &Held,
    last: &mut LastTurns,
) -> Result<Vec<Chosen>, StoreError> {
    let (used, chosen) = (HashMap::new(), Vec::new());
    let mut search = Search { sql, profiles, request, last, used, chosen };
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
                resource: one.resource,
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

/// What waits in lanes that were chosen a moment ago, as they are now; none of those in which
/// nothing is due any more.
pub(super) fn read_again(
    sql: &Sql,
    profiles: &Profiles,
    chosen: &[Ticket],
    now: Timestamp,
) -> Result<Vec<Lane>, StoreError> {
    let mut still = Vec::with_capacity(chosen.len());
    let waiting = |row: &Row<'_>| Waiting::read(row, DestinationId(row.get(2)?));
    for &Ticket { lane, turn } in chosen {
        let due = Queue::of(turn).still_due();
        let Some(found) = sql.find(&due, [now.0, lane.0], waiting)? else { continue };
        let Waiting { id, instance, resource, destination_id, since, .. } = found;
        if let Some(profile) = sendable(sql, profiles, instance)? {
            still.push(Chosen { id, turn, resource, destination_id, since, profile });
        }
    }
    read(sql, still)
}

/// How many of these lanes go to each destination.
pub(super) fn destinations(
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
    last: &'a mut LastTurns,
    used: HashMap<DestinationId, usize>,
    chosen: Vec<Chosen>,
}

impl Search<'_> {
    /// Takes what is due while there is room, tenants by turns; of one destination at most `most`,
    /// `taken` included.
    fn take(
        &mut self,
        queue: &Queue,
        held: &HashSet<i64>,
        mut taken: HashMap<DestinationId, usize>,
        most: usize,
    ) -> Result<(), StoreError> {
        let waiting = self.due(queue, held)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut turns = Turns::new(&mut *self.last);
        tenants(self.sql, held)?.into_iter().for_each(|tenant| turns.under_way(tenant));
        waiting.into_iter().for_each(|lane| turns.wait(lane.tenant, lane));
        while self.chosen.len() < self.request.lanes
            && let Some((tenant, lane)) = turns.next()
        {
            let Waiting { id, instance, resource, destination_id, since, .. } = lane;
            let room = room(self.request, &destination_id);
            let used = self.used.entry(destination_id.clone()).or_default();
            let taken = taken.entry(destination_id.clone()).or_default();
            if *used >= room || *taken >= most {
                continue;
            }
            if let Some(profile) = sendable(self.sql, self.profiles, instance)? {
                *used += 1;
                *taken += 1;
                turns.took(tenant);
                let turn = queue.turn;
                self.chosen.push(Chosen { id, turn, resource, destination_id, since, profile });
            }
        }
        Ok(())
    }

    /// Lanes that are due and not held, the longest due first: all of those whose destination has room;
    /// or, where those of a tenant or a destination may stand in front of all others, the first of each
    /// tenant and destination.
    fn due(&self, queue: &Queue, held: &HashSet<i64>) -> Result<Vec<Waiting>, StoreError> {
        let room = &self.request.room;
        let full: Vec<&str> =
            room.iter().filter(|(_, room)| **room == 0).map(|(id, _)| &*id.0).collect();
        let full =
            serde_json::to_string(&full).map_err(|error| StoreError::stored("room", error))?;
        let values = params![self.request.now.0, full, LOOK];
        let (mut found, mut lanes) = (0, Vec::new());
        self.sql.each(&queue.due(self.sql), values, |row| {
            found += 1;
            lanes.extend(self.wanted(row, held)?);
            Ok(ControlFlow::Continue(()))
        })?;
        match queue.places() {
            Some(places) if found == LOOK => self.due_everywhere(queue, &places, held),
            _ => Ok(lanes),
        }
    }

    /// A lane, unless it is held or its destination has no room: then most of its row is not even read.
    fn wanted(&self, row: &Row<'_>, held: &HashSet<i64>) -> Result<Option<Waiting>, StoreError> {
        if held.contains(&row.get(0)?) {
            return Ok(None);
        }
        let destination = DestinationId(row.get(2)?);
        if room(self.request, &destination) == 0 {
            return Ok(None);
        }
        Waiting::read(row, destination).map(Some)
    }

    fn due_everywhere(
        &self,
        queue: &Queue,
        places: &str,
        held: &HashSet<i64>,
    ) -> Result<Vec<Waiting>, StoreError> {
        // Those that are claimed may stand among them.
        let (now, most) = (self.request.now.0, 2 * self.request.per_destination);
        let place = |row: &Row<'_>| Ok((row.get::<i64>(0)?, DestinationId(row.get(1)?)));
        let mut places = self.sql.all(places, (), place)?;
        places.retain(|(_, destination)| room(self.request, destination) > 0);
        let values = places.iter().map(|(tenant, place)| params![now, *tenant, place.0, most]);
        let wanted = |row: &Row<'_>| self.wanted(row, held);
        let found = self.sql.all_each(&queue.due_there(self.sql), values, wanted)?;
        let mut lanes: Vec<Waiting> = found.into_iter().flatten().collect();
        lanes.sort_by_key(|lane| lane.since);
        Ok(lanes)
    }
}

/// How many lanes of the destination may be claimed.
fn room(request: &ClaimRequest, destination: &DestinationId) -> usize {
    request.room.get(destination).copied().unwrap_or(request.per_destination)
}

/// Whose each of these lanes is.
fn tenants(sql: &Sql, lanes: &HashSet<i64>) -> Result<Vec<i64>, StoreError> {
    let tenant = "SELECT organization_id FROM resource WHERE id = ?1";
    let found = sql.find_each(tenant, lanes.iter().map(|lane| [lane]), |row| row.get(0))?;
    Ok(found.into_iter().flatten().collect())
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

#[cfg(test)]
mod tests;

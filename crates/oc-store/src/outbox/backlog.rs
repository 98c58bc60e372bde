//! What a queue between processes needs: lanes to be put into it, and claims of those it hands out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_dispatch::{
    Backlog, ClaimRequest, DueLanes, DueRequest, LaneId, OutboxError, Taken, Ticket,
};

use super::due::{self, Chosen, Held};
use crate::claims::Kind;
use crate::sql::Sql;
use crate::store::locked;
use crate::{Store, StoreError};

#[async_trait]
impl Backlog for Store {
    async fn due(&self, request: DueRequest) -> Result<DueLanes, OutboxError> {
        let (profiles, shared) = (self.profiles.clone(), Arc::clone(&self.shared));
        let under_way = |kind| &of(&request, kind) | &self.held(kind, request.now);
        let held = Held { lanes: under_way(Kind::Lane), replays: under_way(Kind::Replay) };
        let look = move |sql: &Sql| {
            let request = within_shares(sql, &request, &held)?;
            let lanes =
                due::choose(sql, &profiles, &request, &held, &mut locked(&shared.last_sent))?;
            let lanes = lanes.into_iter().map(Chosen::into_due).collect();
            Ok(DueLanes { lanes, next: due::next(sql, &request)? })
        };
        Ok(self.database.read(look).await?)
    }

    async fn take(
        &self,
        tickets: Vec<Ticket>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Taken, OutboxError> {
        let claims = tickets.iter().map(|one| (Kind::of(one.turn), one.lane.0));
        let taken = self.take_lanes(claims, (now, lease)).await?;
        let is_taken = |one: &Ticket| taken.contains_key(&(Kind::of(one.turn), one.lane.0));
        let (here, elsewhere) = tickets.into_iter().partition(is_taken);
        let lanes = self.lanes_again(here, now).await?;
        Ok(Taken { lanes: self.under_claims(lanes, taken).await, elsewhere })
    }

    fn tell_others(&self, tell: bool) {
        self.shared.wakes.tell_of_outbox(tell);
    }
}

/// The lanes in the queue that need a claim of this kind.
fn of(request: &DueRequest, kind: Kind) -> HashSet<i64> {
    let of_kind = request.queued.iter().filter(|one| Kind::of(one.turn) == kind);
    of_kind.map(|Ticket { lane: LaneId(id), .. }| *id).collect()
}

/// What is asked for, where what is in the queue uses up shares of destinations.
fn within_shares(sql: &Sql, request: &DueRequest, held: &Held) -> Result<ClaimRequest, StoreError> {
    let nodes = "SELECT count(*) FROM node WHERE until > time_now()";
    let nodes: usize = if sql.is_postgres() { sql.one(nodes, (), |row| row.get(0))? } else { 1 };
    let most = request.per_destination.saturating_mul(nodes.max(1));
    let mut room = due::destinations(sql, &held.lanes)?;
    for (destination, replays) in due::destinations(sql, &held.replays)? {
        *room.entry(destination).or_default() += replays;
    }
    room.values_mut().for_each(|used| *used = most.saturating_sub(*used));
    let DueRequest { now, lanes, probes, .. } = *request;
    Ok(ClaimRequest { now, lanes, per_destination: most, room, probes, lease: Duration::ZERO })
}

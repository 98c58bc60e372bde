//! What delivery needs: lanes with something due, and the outcome of what was sent.

mod attempt;
mod backlog;
mod due;
mod probe;
mod queue;
mod settle;
mod subscription;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_dispatch::{ClaimRequest, Claimed, Lane, Outbox, OutboxError, Settlement, Ticket, Turn};
use oc_poll::{Fence, ResourceId};

use crate::claims::{Claim, Kind};
use crate::postgres::{Node, Touches};
use crate::sql::Sql;
use crate::store::locked;
use crate::wakes::Wake;
use crate::{Store, StoreError, replay};
pub(crate) use attempt::{note, seq_of};
use due::{Chosen, Held};
pub(crate) use subscription::activate;

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

#[async_trait]
impl Outbox for Store {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, OutboxError> {
        let (now, lease) = (request.now, request.lease);
        // What was not held before the snapshot had been settled before it.
        let held =
            Held { lanes: self.held(Kind::Lane, now), replays: self.held(Kind::Replay, now) };
        let (profiles, shared) = (self.profiles.clone(), Arc::clone(&self.shared));
        let choose = move |sql: &Sql| {
            let last = &mut locked(&shared.last_sent);
            let chosen = due::choose(sql, &profiles, &request, &held, last)?;
            // In a database that is shared they are read when they are claimed.
            let lanes =
                if sql.is_postgres() { Vec::new() } else { due::read(sql, chosen.clone())? };
            Ok((chosen, lanes, due::next(sql, &request)?))
        };
        let (mut chosen, mut lanes, next) = self.database.read(choose).await?;
        let taken = self.take_lanes(chosen.iter().map(Chosen::claim), (now, lease)).await?;
        if self.node().is_some() {
            chosen.retain(|one| taken.contains_key(&one.claim()));
            let tickets = chosen.into_iter().map(|one| one.into_due().ticket).collect();
            lanes = self.lanes_again(tickets, now).await?;
        }
        Ok(Claimed { lanes: self.under_claims(lanes, taken).await, next })
    }

    async fn settle(&self, settlements: Arc<[Settlement]>) -> Result<(), OutboxError> {
        let claim_of =
            |one: &Settlement| self.claimed((Kind::of(one.turn), one.lane.0), one.fence, true);
        let claims: Vec<Claim> = settlements.iter().map(claim_of).collect();
        let lanes = settlements.iter().map(|one| ResourceId(one.lane.0)).collect();
        let held = claims.clone();
        let settle = move |sql: &Sql| -> Result<(), StoreError> {
            let mut new = Vec::new();
            for (one, counts) in settlements.iter().zip(Claim::counts_each(sql, &held)?) {
                if !counts {
                    tracing::warn!(lane = one.lane.0, "Another node sends what this one has sent");
                    continue;
                }
                if one.delivered.is_empty() && one.failed.is_none() {
                    // Nothing was sent: it is due as it was.
                    continue;
                }
                match one.turn {
                    Turn::New => new.push(one),
                    Turn::Replay => replay::settle(sql, one)?,
                    Turn::Probe => probe::settle(sql, one)?,
                }
            }
            settle::settle(sql, &new)
        };
        self.database.write_to(Touches::Resources(lanes), settle).await?;
        for claim in claims {
            self.given_back(claim, false).await;
        }
        Ok(())
    }

    fn holds(&self, lane: &Lane, now: Timestamp) -> bool {
        let key = (Kind::of(lane.turn), lane.id.0);
        locked(&self.shared.leases).holds(&key, lane.fence, now)
            && self.node().is_none_or(Node::is_alive)
    }

    async fn changed(&self) {
        self.shared.wakes.changed(Wake::Outbox).await;
    }
}

impl Store {
    /// Of the lanes, those that are this process's from now on.
    async fn take_lanes(
        &self,
        lanes: impl Iterator<Item = (Kind, i64)> + Clone,
        lease: (Timestamp, Duration),
    ) -> Result<HashMap<(Kind, i64), Fence>, StoreError> {
        let mut taken = HashMap::new();
        for kind in [Kind::Lane, Kind::Replay] {
            let of = lanes.clone().filter(|claim| claim.0 == kind);
            let keys = self.take(kind, of.map(|(_, key)| key).collect(), lease).await?;
            taken.extend(keys.into_iter().map(|(key, fence)| ((kind, key), fence)));
        }
        Ok(taken)
    }

    /// Lanes as their last owners have left them, read after they were claimed.
    async fn lanes_again(
        &self,
        tickets: Vec<Ticket>,
        now: Timestamp,
    ) -> Result<Vec<Lane>, StoreError> {
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let profiles = self.profiles.clone();
        let read = move |sql: &Sql| due::read_again(sql, &profiles, &tickets, now);
        self.database.read(read).await
    }

    /// The lanes with the claims that they are sent under; claims of lanes in which nothing waits
    /// any more are given back.
    async fn under_claims(
        &self,
        lanes: Vec<Lane>,
        mut taken: HashMap<(Kind, i64), Fence>,
    ) -> Vec<Lane> {
        let of_claim = |lane: Lane| {
            let fence = taken.remove(&(Kind::of(lane.turn), lane.id.0))?;
            Some(Lane { fence, ..lane })
        };
        let lanes = lanes.into_iter().filter_map(of_claim).collect();
        for ((kind, lane), fence) in taken {
            self.let_go(kind, lane, fence).await;
        }
        lanes
    }
}

//! The queues of a lane: what is new, what is sent once more, and probes.

use std::ops::ControlFlow;

use oc_config::Timestamp;
use oc_dispatch::{LaneId, Pending, Turn};
use oc_telemetry::TraceContext;

use crate::StoreError;
use crate::claims::Kind;
use crate::postgres::claims;
use crate::sql::{Sql, params};

/// The most notifications that are sent of a lane before their outcome is recorded: what a crash
/// may repeat.
const LONGEST: usize = 32;
/// The same, in bytes of bodies.
const LONGEST_BYTES: usize = 1 << 20;

/// One of the queues of a lane.
pub(super) struct Queue {
    pub(super) turn: Turn,
    /// At most so many are sent.
    longest: usize,
    /// Lanes `r` that are due by `?1`: number, instance, destination, tenant, since when, resource.
    due: &'static str,
    /// The longest due first.
    order: &'static str,
    /// What waits: id, body, failures of the first one, its first failure, attempts before, its
    /// oldest change, its trace.
    waiting: &'static str,
}

pub(super) const NEW: Queue = Queue {
    turn: Turn::New,
    longest: LONGEST,
    due: "SELECT r.id, r.instance_id, r.destination, r.organization_id, r.lane_due, r.name FROM resource r
          WHERE r.lane_due <= ?1 AND r.destination IS NOT NULL",
    order: "r.lane_due",
    waiting: "SELECT n.id, n.body, r.head_failures, r.head_first_failure, NULL, n.changed, n.trace
              FROM resource r JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

/// Their turn comes when nothing new waits: what is new is never behind a replay.
pub(super) const REPLAYS: Queue = Queue {
    turn: Turn::Replay,
    longest: LONGEST,
    due:
        "SELECT r.id, r.instance_id, r.destination, r.organization_id, r.replay_due, r.name FROM resource r
          WHERE r.replay_due <= ?1 AND r.destination IS NOT NULL AND r.lane_due IS NULL",
    order: "r.replay_due",
    waiting: "SELECT n.id, n.body, r.replay_failures, r.replay_first_failure,
                (SELECT max(number) FROM attempt a WHERE a.notification = n.seq), n.changed, n.trace
              FROM replay p JOIN resource r ON r.id = p.resource_id
                JOIN notification n ON n.seq = p.notification
              WHERE p.resource_id = ?1 ORDER BY p.notification LIMIT ?2",
};

/// The first that waits of an instance whose subscription is deactivated.
pub(super) const PROBES: Queue = Queue {
    turn: Turn::Probe,
    longest: 1,
    due: "SELECT r.id, i.id, r.destination, r.organization_id, i.probe_due, r.name
          FROM instance i JOIN resource r ON r.id =
            (SELECT w.id FROM resource w WHERE w.instance_id = i.id AND w.destination IS NOT NULL
               AND w.delivered_through < w.visible_through
             ORDER BY (SELECT min(n.seq) FROM notification n
               WHERE n.resource_id = w.id AND n.seq > w.delivered_through) LIMIT 1)
          WHERE i.probe_due <= ?1",
    order: "i.probe_due",
    waiting: "SELECT n.id, n.body, i.probes, NULL,
                (SELECT max(number) FROM attempt a WHERE a.notification = n.seq), n.changed, n.trace
              FROM resource r JOIN instance i ON i.id = r.instance_id
                JOIN notification n ON n.resource_id = r.id
                AND n.seq > r.delivered_through AND n.seq <= r.visible_through
              WHERE r.id = ?1 ORDER BY n.seq LIMIT ?2",
};

impl Queue {
    pub(super) fn of(turn: Turn) -> &'static Self {
        match turn {
            Turn::New => &NEW,
            Turn::Replay => &REPLAYS,
            Turn::Probe => &PROBES,
        }
    }

    /// At most `?3` that are due; in a database that is shared only those that nobody has claimed, and
    /// none of the destinations that `?2` lists.
    pub(super) fn due(&self, sql: &Sql) -> String {
        let Self { due, order, .. } = self;
        if sql.is_postgres() {
            let is_free = claims::is_free(&[Kind::of(self.turn)], "r.id");
            format!(
                "{due} AND {is_free} AND r.destination NOT IN
                   (SELECT json_array_elements_text(CAST(?2 AS json))) ORDER BY {order} LIMIT ?3"
            )
        } else {
            format!("{due} AND ?2 IS NOT NULL ORDER BY {order} LIMIT ?3")
        }
    }

    /// The tenants and destinations with something in the queue; none where nobody's can stand in
    /// front of another's for long, as each instance has one probe at a time.
    pub(super) fn places(&self) -> Option<String> {
        let order = self.order;
        (self.turn != Turn::Probe).then(|| {
            format!(
                "SELECT DISTINCT r.organization_id, r.destination FROM resource r
                 WHERE {order} IS NOT NULL AND r.destination IS NOT NULL"
            )
        })
    }

    /// At most `?4` that are due of the tenant `?2` and the destination `?3`; in a database that is
    /// shared only those that nobody has claimed.
    pub(super) fn due_there(&self, sql: &Sql) -> String {
        let Self { due, order, .. } = self;
        let there = "r.organization_id = ?2 AND r.destination = ?3";
        let is_free = if sql.is_postgres() {
            format!(" AND {}", claims::is_free(&[Kind::of(self.turn)], "r.id"))
        } else {
            String::new()
        };
        format!("{due} AND {there}{is_free} ORDER BY {order} LIMIT ?4")
    }

    /// The lane `?2`, while it is due.
    pub(super) fn still_due(&self) -> String {
        format!("{} AND r.id = ?2", self.due)
    }

    /// The first of what waits in a lane.
    pub(super) fn waiting(&self, sql: &Sql, id: LaneId) -> Result<Vec<Pending>, StoreError> {
        let (mut notifications, mut bytes) = (Vec::new(), 0);
        sql.each(self.waiting, params![id.0, self.longest], |row| {
            if bytes >= LONGEST_BYTES {
                return Ok(ControlFlow::Break(()));
            }
            let body: bytes::Bytes = row.get(1)?;
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
        Ok(notifications)
    }
}

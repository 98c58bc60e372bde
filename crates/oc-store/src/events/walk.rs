//! Notifications of many lanes, the newest first.
//!
//! Each lane is read through the index `notification_lane`, one step at a time, and the steps are
//! merged. So a page costs a look-up for each lane and one for each notification, however many there
//! are; a filter by resource leaves lanes out, one by status or time shortens them. A filter by kind
//! reads each set of kinds that may fit as a way of its own, through the index `notification_kinds`.

use std::collections::BinaryHeap;

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::Kinds;
use oc_poll::EventKind;

use super::{EventFilter, EventScope, EventStatus};
use crate::StoreError;
use crate::sql::{Row, Sql, params};

/// A lane, as far as the walk and the status of its notifications need it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: i64,
    pub(crate) instance: InstanceId,
    pub(crate) instance_name: String,
    pub(crate) connector: String,
    pub(crate) resource: String,
    pub(crate) has_callback: bool,
    /// Whether its instance's subscription is deactivated.
    pub(crate) queued: bool,
    /// Those up to this have arrived or were only kept.
    pub(crate) delivered_through: i64,
    /// Those behind this are parts of a poll that is not completed.
    pub(crate) visible_through: i64,
    /// The walk looks only behind this...
    low: i64,
    /// ...and up to this.
    high: i64,
}

/// The way back through the lanes of a scope.
pub(crate) struct Walk<'s> {
    pub(crate) lanes: Vec<Lane>,
    /// The newest that is left of each way, and the way.
    heads: BinaryHeap<(i64, Way)>,
    sql: &'s Sql,
}

/// One of the ways that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// The place of its lane.
    lane: usize,
    /// Only those with this set of kinds.
    kinds: Option<i64>,
}

/// The newest of a lane within a range...
const EARLIER: &str =
    "SELECT max(seq) FROM notification WHERE resource_id = ?1 AND seq > ?2 AND seq <= ?3";
/// ...and of those with a set of kinds.
const EARLIER_OF_KINDS: &str = "SELECT max(seq) FROM notification
  WHERE resource_id = ?1 AND kinds = ?4 AND seq > ?2 AND seq <= ?3";
/// Stands for the kinds of a notification that an older version has written.
const NOT_NOTED: i64 = 0;

impl<'s> Walk<'s> {
    /// A walk over what may fit the filter; the status of each one found is still to be checked, and
    /// the kinds of one of which they are not noted.
    pub(crate) fn new(
        sql: &'s Sql,
        scope: EventScope,
        filter: &EventFilter,
        before: Option<i64>,
    ) -> Result<Self, StoreError> {
        let mut lanes = Lane::all(sql, scope, filter.resource.as_deref())?;
        for lane in &mut lanes {
            lane.narrow_to_status(sql, filter.status)?;
            lane.narrow_to_time(sql, filter.from, filter.to)?;
            lane.high = lane.high.min(before.map_or(i64::MAX, |before| before.saturating_sub(1)));
        }
        lanes.retain(|lane| lane.low < lane.high);
        let mut walk = Self { lanes, heads: BinaryHeap::new(), sql };
        match filter.kind {
            None => walk.begin(None)?,
            Some(kind) => sets(kind).try_for_each(|kinds| walk.begin(Some(kinds)))?,
        }
        Ok(walk)
    }

    /// Begins the ways of all lanes through a set of kinds, or through everything.
    fn begin(&mut self, kinds: Option<i64>) -> Result<(), StoreError> {
        let lanes = self.lanes.iter();
        let newest = |row: &Row<'_>| row.get::<Option<i64>>(0);
        let found = match kinds {
            None => {
                let ranges = lanes.map(|lane| [lane.id, lane.low, lane.high]);
                self.sql.find_each(EARLIER, ranges, newest)?
            }
            Some(kinds) => {
                let ranges = lanes.map(|lane| [lane.id, lane.low, lane.high, kinds]);
                self.sql.find_each(EARLIER_OF_KINDS, ranges, newest)?
            }
        };
        let heads = found.into_iter().enumerate();
        self.heads
            .extend(heads.filter_map(|(lane, seq)| Some((seq.flatten()?, Way { lane, kinds }))));
        Ok(())
    }

    /// The next one and its lane.
    pub(crate) fn next(&mut self) -> Result<Option<(i64, &Lane)>, StoreError> {
        let Some((seq, way)) = self.heads.pop() else { return Ok(None) };
        self.step(way, seq - 1)?;
        Ok(Some((seq, &self.lanes[way.lane])))
    }

    /// Whether there is a next one.
    pub(crate) fn has_more(&self) -> bool {
        !self.heads.is_empty()
    }

    fn step(&mut self, way: Way, through: i64) -> Result<(), StoreError> {
        let Lane { id, low, .. } = self.lanes[way.lane];
        let newest = |row: &Row<'_>| row.get::<Option<i64>>(0);
        let found = match way.kinds {
            None => self.sql.one(EARLIER, [id, low, through], newest)?,
            Some(kinds) => self.sql.one(EARLIER_OF_KINDS, [id, low, through, kinds], newest)?,
        };
        self.heads.extend(found.map(|seq| (seq, way)));
        Ok(())
    }
}

/// The sets of kinds with this one, and what stands for those that are not noted.
fn sets(kind: EventKind) -> impl Iterator<Item = i64> {
    Kinds::with(kind).map(Kinds::number).chain([NOT_NOTED])
}

impl Lane {
    fn all(sql: &Sql, scope: EventScope, resource: Option<&str>) -> Result<Vec<Self>, StoreError> {
        let (first, last) = scope.instances();
        let values = params![scope.organization.0, first, last, resource];
        sql.all(
            &format!(
                "{COLUMNS} WHERE i.organization_id = ?1 AND i.id BETWEEN ?2 AND ?3
               AND (?4 IS NULL OR r.name = ?4)",
            ),
            values,
            Self::read,
        )
    }

    /// The lane of a resource, when it is in the scope.
    pub(super) fn one(sql: &Sql, scope: EventScope, id: i64) -> Result<Option<Self>, StoreError> {
        let (first, last) = scope.instances();
        let values = params![scope.organization.0, first, last, id];
        sql.find(
            &format!(
                "{COLUMNS} WHERE r.id = ?4 AND i.organization_id = ?1 AND i.id BETWEEN ?2 AND ?3",
            ),
            values,
            Self::read,
        )
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            instance: InstanceId(row.get(1)?),
            connector: row.get(2)?,
            resource: row.get(3)?,
            has_callback: row.get(4)?,
            queued: row.get(5)?,
            delivered_through: row.get(6)?,
            visible_through: row.get(7)?,
            instance_name: row.get(8)?,
            low: 0,
            high: row.get(7)?,
        })
    }

    /// Whether one of its notifications is still to be sent, without anybody asking.
    pub(crate) fn is_to_be_sent(&self, seq: i64) -> bool {
        seq > self.delivered_through && !self.queued
    }

    fn narrow_to_status(
        &mut self,
        sql: &Sql,
        status: Option<EventStatus>,
    ) -> Result<(), StoreError> {
        let Some(status) = status else { return Ok(()) };
        let is_possible = match status {
            EventStatus::New | EventStatus::Dispatched => !self.queued,
            EventStatus::Received => self.queued,
            EventStatus::Consumed | EventStatus::Notified => true,
        };
        match status {
            _ if !is_possible => self.high = 0,
            EventStatus::Consumed => self.high = self.delivered_through,
            // One that waits may have arrived by a replay.
            EventStatus::Notified => {}
            EventStatus::New | EventStatus::Received => self.low = self.delivered_through,
            EventStatus::Dispatched => {
                self.low = self.delivered_through;
                self.high = self.first_waiting(sql)?.unwrap_or(0);
            }
        }
        Ok(())
    }

    /// The one that is sent next.
    pub(super) fn first_waiting(&self, sql: &Sql) -> Result<Option<i64>, StoreError> {
        let waiting = params![self.id, self.delivered_through, self.visible_through];
        sql.one(
            "SELECT min(seq) FROM notification WHERE resource_id = ?1 AND seq > ?2 AND seq <= ?3",
            waiting,
            |row| row.get(0),
        )
    }

    /// Within a lane, notifications are made in the order of their numbers, so that a time is a
    /// range of numbers; the index `notification_time` tells it.
    fn narrow_to_time(
        &mut self,
        sql: &Sql,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        if let Some(from) = from {
            let found: Option<i64> = sql.find(
                "SELECT seq FROM notification WHERE resource_id = ?1 AND created >= ?2
                 ORDER BY created, seq LIMIT 1",
                [self.id, from.0],
                |row| row.get(0),
            )?;
            self.low = self.low.max(found.map_or(i64::MAX, |seq| seq - 1));
        }
        if let Some(to) = to {
            let found: Option<i64> = sql.find(
                "SELECT seq FROM notification WHERE resource_id = ?1 AND created <= ?2
                 ORDER BY created DESC, seq DESC LIMIT 1",
                [self.id, to.0],
                |row| row.get(0),
            )?;
            self.high = self.high.min(found.unwrap_or(0));
        }
        Ok(())
    }
}

const COLUMNS: &str = "SELECT r.id, r.instance_id, i.connector, r.name, r.destination IS NOT NULL,
  i.queued_at IS NOT NULL, r.delivered_through, r.visible_through, i.name
  FROM instance i JOIN resource r ON r.instance_id = i.id";

impl EventScope {
    /// The range of the instances' numbers.
    pub(crate) fn instances(self) -> (i64, i64) {
        self.instance.map_or((0, i64::MAX), |instance| (instance.0, instance.0))
    }
}

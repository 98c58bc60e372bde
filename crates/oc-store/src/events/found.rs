//! A notification that was found, and how far it has come.

use std::time::Duration;

use bytes::Bytes;
use oc_config::Timestamp;
use oc_dispatch::Kinds;
use oc_poll::EventKind;
use uuid::Uuid;

use super::walk::Lane;
use super::{AuditedEvent, EventAttempt, EventScope, EventStatus};
use crate::StoreError;
use crate::sql::{Row, Sql, params};

/// The most attempts of a notification that are shown.
const MOST_ATTEMPTS: usize = 100;

/// A notification without its body.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) status: EventStatus,
    /// When it was last tried, when it was.
    pub(crate) last_attempt: Option<Timestamp>,
    replay_waits: bool,
    /// What is noted of its kinds; older versions have noted nothing.
    kinds: Option<Kinds>,
}

impl Found {
    /// One of a lane.
    pub(crate) fn new(sql: &Sql, lane: &Lane, seq: i64) -> Result<Self, StoreError> {
        let (id, created, arrived, last_attempt, replay_waits, kinds) = sql.one(
            "SELECT n.id, n.created,
               EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq AND a.delivered = 1),
               (SELECT at FROM attempt a WHERE a.notification = n.seq ORDER BY number DESC LIMIT 1),
               EXISTS (SELECT 1 FROM replay p WHERE p.resource_id = ?2 AND p.notification = n.seq),
               n.kinds
             FROM notification n WHERE n.seq = ?1",
            params![seq, lane.id],
            |row| {
                let last: Option<i64> = row.get(3)?;
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, last, row.get(4)?, row.get(5)?))
            },
        )?;
        let status = if arrived {
            EventStatus::Notified
        } else if seq <= lane.delivered_through {
            EventStatus::Consumed
        } else if lane.queued {
            EventStatus::Received
        } else if last_attempt.is_some() && lane.first_waiting(sql)? == Some(seq) {
            EventStatus::Dispatched
        } else {
            EventStatus::New
        };
        let (created, last_attempt) = (Timestamp(created), last_attempt.map(Timestamp));
        let kinds = Kinds::from_number(kinds);
        Ok(Self { seq, id, created, status, last_attempt, replay_waits, kinds })
    }

    /// One by its id, with its lane, when it is in the scope and may be seen.
    pub(crate) fn by_id(
        sql: &Sql,
        scope: EventScope,
        id: Uuid,
    ) -> Result<Option<(Self, Lane)>, StoreError> {
        let found =
            sql.find("SELECT seq, resource_id FROM notification WHERE id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
        let Some((seq, resource)) = found? else { return Ok(None) };
        let lane = Lane::one(sql, scope, resource)?;
        let Some(lane) = lane.filter(|lane| seq <= lane.visible_through) else { return Ok(None) };
        Ok(Some((Self::new(sql, &lane, seq)?, lane)))
    }

    /// All of it.
    pub(super) fn event(self, sql: &Sql, lane: &Lane) -> Result<AuditedEvent, StoreError> {
        Ok(AuditedEvent {
            id: self.id,
            instance: lane.instance,
            instance_name: lane.instance_name.clone(),
            connector: lane.connector.clone(),
            resource: lane.resource.clone(),
            created: self.created,
            status: self.status,
            replay_waits: self.replay_waits,
            body: self.body(sql)?,
            attempts: self.attempts(sql)?,
        })
    }

    /// Whether an event of this kind is in it.
    pub(super) fn tells(&self, sql: &Sql, kind: EventKind) -> Result<bool, StoreError> {
        let kinds =
            self.kinds.map_or_else(|| Ok(Kinds::told(&self.body(sql)?)), Ok::<_, StoreError>);
        Ok(kinds?.has(kind))
    }

    /// Its exact body.
    pub(crate) fn body(&self, sql: &Sql) -> Result<Bytes, StoreError> {
        sql.one("SELECT body FROM notification WHERE seq = ?1", [self.seq], |row| row.get(0))
    }

    fn attempts(&self, sql: &Sql) -> Result<Vec<EventAttempt>, StoreError> {
        let read = |row: &Row<'_>| {
            let request: String = row.get(7)?;
            Ok(EventAttempt {
                request: serde_json::from_str(&request).unwrap_or_default(),
                at: Timestamp(row.get(0)?),
                took: Duration::from_micros(row.get(1)?),
                url: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
                answer: row.get(5)?,
                replay: row.get(6)?,
            })
        };
        let mut attempts = sql.all(
            "SELECT at, took, url, status, error, answer, replay, request FROM attempt
             WHERE notification = ?1 ORDER BY number DESC LIMIT ?2",
            params![self.seq, MOST_ATTEMPTS],
            read,
        )?;
        attempts.reverse();
        Ok(attempts)
    }
}

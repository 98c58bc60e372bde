//! A notification that was found, and how far it has come.

use std::time::Duration;

use bytes::Bytes;
use oc_config::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::walk::Lane;
use super::{AuditedEvent, EventAttempt, EventScope, EventStatus};
use crate::StoreError;

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
}

impl Found {
    /// One of a lane.
    pub(crate) fn new(sql: &Connection, lane: &Lane, seq: i64) -> Result<Self, StoreError> {
        let mut statement = sql.prepare_cached(
            "SELECT n.id, n.created,
               EXISTS (SELECT 1 FROM attempt a WHERE a.notification = n.seq AND a.delivered),
               (SELECT at FROM attempt a WHERE a.notification = n.seq ORDER BY number DESC LIMIT 1),
               EXISTS (SELECT 1 FROM replay p WHERE p.resource_id = ?2 AND p.notification = n.seq)
             FROM notification n WHERE n.seq = ?1",
        )?;
        let (id, created, arrived, last_attempt, replay_waits) =
            statement.query_row(params![seq, lane.id], |row| {
                let last: Option<i64> = row.get(3)?;
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, last, row.get(4)?))
            })?;
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
        Ok(Self { seq, id: Uuid::from_bytes(id), created, status, last_attempt, replay_waits })
    }

    /// One by its id, with its lane, when it is in the scope and may be seen.
    pub(crate) fn by_id(
        sql: &Connection,
        scope: EventScope,
        id: Uuid,
    ) -> Result<Option<(Self, Lane)>, StoreError> {
        let mut statement =
            sql.prepare_cached("SELECT seq, resource_id FROM notification WHERE id = ?1")?;
        let found = statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((seq, resource)) = found.optional()? else { return Ok(None) };
        let lane = Lane::one(sql, scope, resource)?;
        let Some(lane) = lane.filter(|lane| seq <= lane.visible_through) else { return Ok(None) };
        Ok(Some((Self::new(sql, &lane, seq)?, lane)))
    }

    /// All of it.
    pub(super) fn event(self, sql: &Connection, lane: &Lane) -> Result<AuditedEvent, StoreError> {
        Ok(AuditedEvent {
            id: self.id,
            instance: lane.instance,
            connector: lane.connector.clone(),
            resource: lane.resource.clone(),
            created: self.created,
            status: self.status,
            replay_waits: self.replay_waits,
            body: self.body(sql)?,
            attempts: self.attempts(sql)?,
        })
    }

    /// Its exact body.
    pub(crate) fn body(&self, sql: &Connection) -> Result<Bytes, StoreError> {
        let mut statement = sql.prepare_cached("SELECT body FROM notification WHERE seq = ?1")?;
        Ok(statement.query_row([self.seq], |row| row.get::<_, Vec<u8>>(0))?.into())
    }

    fn attempts(&self, sql: &Connection) -> Result<Vec<EventAttempt>, StoreError> {
        let mut statement = sql.prepare_cached(
            "SELECT at, took, url, status, error, answer, replay FROM attempt
             WHERE notification = ?1 ORDER BY number DESC LIMIT ?2",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(EventAttempt {
                at: Timestamp(row.get(0)?),
                took: Duration::from_micros(row.get(1)?),
                url: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
                answer: row.get(5)?,
                replay: row.get(6)?,
            })
        };
        let latest = statement.query_map(params![self.seq, MOST_ATTEMPTS], read)?;
        let mut attempts = latest.collect::<Result<Vec<_>, _>>()?;
        attempts.reverse();
        Ok(attempts)
    }
}

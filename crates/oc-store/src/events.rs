//! The audit: what was told, or is to be, and what became of it (notifications.md, "Audit").
//!
//! An event of the audit is one notification. Its lane says whether it still waits, its attempts
//! what came of each try.

mod found;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_poll::EventKind;
use uuid::Uuid;

use crate::sql::Sql;
use crate::{OrganizationId, Store, StoreError};

pub(crate) use found::Found;
pub(crate) use walk::Walk;

/// The most notifications that are looked at for one page: a filter that fits few of them gives
/// short pages, and not slow ones.
pub(crate) const MOST_EXAMINED: usize = 10_000;
/// The most bytes of bodies of a page.
const MOST_BYTES: usize = 8 << 20;

/// Whose notifications: an organization's, or those of one instance of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventScope {
    /// The organization; never another one's.
    pub organization: OrganizationId,
    /// Only this instance's.
    pub instance: Option<InstanceId>,
}

/// How far a notification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// It waits for its turn.
    New,
    /// It is queued: its instance's subscription is deactivated.
    Received,
    /// It has failed, and is sent again.
    Dispatched,
    /// It is only kept: there was no callback when it was made.
    Consumed,
    /// It has arrived.
    Notified,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::New, Self::Received, Self::Dispatched, Self::Consumed, Self::Notified];

    /// As clients know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Received => "RECEIVED",
            Self::Dispatched => "DISPATCHED",
            Self::Consumed => "CONSUMED",
            Self::Notified => "NOTIFIED",
        }
    }
}

/// Which notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those that have come so far.
    pub status: Option<EventStatus>,
    /// Those that tell an event of this kind.
    pub kind: Option<EventKind>,
    /// Those of a resource.
    pub resource: Option<String>,
    /// Those made at or after.
    pub from: Option<Timestamp>,
    /// Those made at or before.
    pub to: Option<Timestamp>,
}

/// A notification as the audit shows it.
#[derive(Clone, Debug)]
pub struct AuditedEvent {
    /// `message.eventId`.
    pub id: Uuid,
    /// Its instance.
    pub instance: InstanceId,
    /// The instance's present name.
    pub instance_name: String,
    /// The instance's connector.
    pub connector: String,
    /// Its resource.
    pub resource: String,
    /// When its poll began.
    pub created: Timestamp,
    /// How far it has come.
    pub status: EventStatus,
    /// Whether it waits to be sent once more.
    pub replay_waits: bool,
    /// Its exact body.
    pub body: Bytes,
    /// What became of each attempt, the earliest first; at most the latest hundred.
    pub attempts: Vec<EventAttempt>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The headers that were sent, by name; secrets are masked.
    pub request: BTreeMap<String, String>,
    /// How long it took.
    pub took: Duration,
    /// Where it went.
    pub url: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// How the answer began.
    pub answer: String,
    /// Whether somebody had asked for it once more.
    pub replay: bool,
}

/// Notifications, the newest first.
#[derive(Clone, Debug, Default)]
pub struct EventPage {
    /// They, perhaps fewer than asked for, or none, though there are more.
    pub events: Vec<AuditedEvent>,
    /// From where to look further.
    pub next: Option<i64>,
}

impl Store {
    /// At most `limit` notifications that may be sent or were, the newest first, from `before` on.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn events(
        &self,
        scope: EventScope,
        filter: EventFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        self.database.read(move |sql| page(sql, scope, &filter, before, limit)).await
    }

    /// One notification.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn event(
        &self,
        scope: EventScope,
        id: Uuid,
    ) -> Result<Option<AuditedEvent>, StoreError> {
        self.database
            .read(move |sql| {
                let found = Found::by_id(sql, scope, id)?;
                found.map(|(found, lane)| found.event(sql, &lane)).transpose()
            })
            .await
    }
}

fn page(
    sql: &Sql,
    scope: EventScope,
    filter: &EventFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<EventPage, StoreError> {
    let mut walk = Walk::new(sql, scope, filter, before)?;
    let (mut page, mut examined, mut bytes) = (EventPage::default(), 0, 0);
    let mut last = None;
    while page.events.len() < limit && examined < MOST_EXAMINED && bytes < MOST_BYTES {
        let Some((seq, lane)) = walk.next()? else { break };
        (last, examined) = (Some(seq), examined + 1);
        let found = Found::new(sql, lane, seq)?;
        if filter.fits(sql, &found)? {
            let event = found.event(sql, lane)?;
            bytes += event.body.len();
            page.events.push(event);
        }
    }
    page.next = last.filter(|_| walk.has_more());
    Ok(page)
}

impl EventFilter {
    /// What of it the way there has not seen to.
    fn fits(&self, sql: &Sql, found: &Found) -> Result<bool, StoreError> {
        if self.status.is_some_and(|status| status != found.status) {
            return Ok(false);
        }
        self.kind.map_or(Ok(true), |kind| found.tells(sql, kind))
    }
}

#[cfg(test)]
mod tests;

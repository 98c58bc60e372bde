//! A notification as the audit shows it.

use std::collections::{BTreeMap, HashMap};

use oc_config::Timestamp;
use oc_store::{AuditedEvent, EventAttempt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::calls::Record;

/// A notification and what became of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventRecord {
    /// `message.eventId` of the notification.
    id: String,
    /// The date of its first event.
    event_date: String,
    /// When its poll began.
    created_date: String,
    /// NEW, RECEIVED, DISPATCHED, CONSUMED or NOTIFIED.
    status: &'static str,
    /// The resource.
    object_type: String,
    /// The connector.
    element_key: String,
    /// The instance.
    instance_id: i64,
    /// Its present name.
    instance_name: String,
    /// Whether it waits to be sent once more.
    replay_waits: bool,
    /// The events, as the notification tells them.
    #[schema(value_type = Vec<Record>)]
    events: Vec<Box<RawValue>>,
    /// The provider's records: JSON as text.
    provider_data: String,
    /// One entry for each attempt, the earliest first; at most the latest hundred.
    notified_data: Vec<AttemptRecord>,
}

/// One attempt to deliver a notification.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptRecord {
    /// When it began.
    date: String,
    /// Where it went, without the query.
    url: String,
    /// The headers that were sent, by name; what may be a secret is masked. Empty for attempts of
    /// older versions.
    request_headers: BTreeMap<String, String>,
    /// The answer's status.
    status: Option<u16>,
    /// How long it took.
    milliseconds: u64,
    /// Why there was no answer, or where a redirect pointed.
    error: Option<String>,
    /// The first 4 KB of the answer.
    answer: String,
    /// Whether somebody had asked for it once more.
    replay: bool,
}

/// What of a notification's body the audit shows.
#[derive(Deserialize)]
struct Body<'b> {
    /// The `data` of a CloudEvent.
    #[serde(borrow, alias = "data")]
    message: Message<'b>,
}

#[derive(Deserialize)]
struct Message<'b> {
    #[serde(borrow)]
    events: Vec<&'b RawValue>,
    #[serde(borrow)]
    raw: HashMap<String, &'b RawValue>,
}

#[derive(Deserialize)]
struct Dated {
    date: String,
}

impl From<AuditedEvent> for EventRecord {
    fn from(event: AuditedEvent) -> Self {
        let created_date = event.created.to_seconds_text();
        let shown = Shown::of(&event);
        Self {
            id: event.id.to_string(),
            event_date: shown.date.unwrap_or_else(|| created_date.clone()),
            created_date,
            status: event.status.as_str(),
            object_type: event.resource,
            element_key: event.connector,
            instance_id: event.instance.0,
            instance_name: event.instance_name,
            replay_waits: event.replay_waits,
            events: shown.events,
            provider_data: shown.records,
            notified_data: event.attempts.into_iter().map(AttemptRecord::from).collect(),
        }
    }
}

impl From<EventAttempt> for AttemptRecord {
    fn from(attempt: EventAttempt) -> Self {
        Self {
            date: precise(attempt.at),
            url: attempt.url,
            request_headers: attempt.request,
            status: attempt.status,
            milliseconds: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            error: attempt.error,
            answer: attempt.answer,
            replay: attempt.replay,
        }
    }
}

/// Attempts may be less than a second apart.
fn precise(at: Timestamp) -> String {
    at.to_string()
}

/// What is taken out of a body.
struct Shown {
    date: Option<String>,
    events: Vec<Box<RawValue>>,
    records: String,
}

impl Shown {
    /// A body of another form is shown whole.
    fn of(event: &AuditedEvent) -> Self {
        let Ok(Body { message }) = serde_json::from_slice::<Body<'_>>(&event.body) else {
            let records = String::from_utf8_lossy(&event.body).into_owned();
            return Self { date: None, events: Vec::new(), records };
        };
        let first = message.events.first().map(|first| first.get());
        let dated = first.and_then(|first| serde_json::from_str::<Dated>(first).ok());
        let records = message.raw.get(&event.resource).map(|records| records.get());
        Self {
            date: dated.map(|dated| dated.date),
            events: message.events.into_iter().map(ToOwned::to_owned).collect(),
            records: records.unwrap_or("[]").to_owned(),
        }
    }
}

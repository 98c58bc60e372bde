//! The body of a notification (notifications.md, "Body").

mod changes;
pub(crate) mod envelope;
mod kinds;

use bytes::Bytes;
use oc_config::{InstanceId, NotificationFormat, Timestamp};
use oc_poll::Event;
use oc_telemetry::TraceContext;
use uuid::Uuid;

pub use kinds::Kinds;

/// The most events of a notification about polled records.
pub const MOST_EVENTS: usize = 10;
/// The most events of a notification about records that the provider has pushed.
pub const MOST_PUSHED_EVENTS: usize = 20;
/// The most records that `event.raw.full` repeats in each part of a batch; a larger batch counts as
/// several.
const LARGEST_BATCH: usize = 100;

/// Where events come from: what every notification of an instance says.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The connector's key.
    pub element_key: String,
    /// The hub's key.
    pub hub_key: String,
    /// The account.
    pub account_id: i64,
    /// The organization.
    pub company_id: i64,
    /// The user.
    pub user_id: i64,
    /// The instance.
    pub instance: InstanceId,
    /// Its name.
    pub instance_name: String,
    /// Its tags.
    pub instance_tags: Vec<String>,
    /// `event.raw.full`: each part repeats the records of the whole batch.
    pub raw_full: bool,
    /// What stands around the message.
    pub format: NotificationFormat,
}

/// A notification, ready to be stored and sent; its bytes never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The body's `id`, and its message's `eventId`: the same over every retry and replay.
    pub id: Uuid,
    /// The exact body.
    pub body: Bytes,
    /// How many events it tells.
    pub events: usize,
    /// Of which kinds they are.
    pub kinds: Kinds,
    /// The oldest of them.
    pub changed: Option<Timestamp>,
    /// The span that found them, when it is traced.
    pub trace: Option<TraceContext>,
}

/// The notifications of a batch of events, at most `most` events each, in the order of the events.
/// `poll_date` is when the poll began. Deliveries continue the trace in which this is called.
pub fn compose(
    origin: &Origin,
    object_type: &str,
    events: &[Event],
    poll_date: Timestamp,
    most: usize,
    mut new_id: impl FnMut() -> Uuid,
) -> Vec<Notification> {
    let (poll_date, trace) = (poll_date.to_seconds_text(), TraceContext::current());
    let composer = Composer { origin, object_type, poll_date: &poll_date };
    let batches = events.chunks(LARGEST_BATCH);
    let parts = batches.flat_map(|batch| batch.chunks(most).map(move |part| (batch, part)));
    parts
        .map(|(batch, part)| {
            let id = new_id();
            let records = if origin.raw_full { batch } else { part };
            let changed = part.iter().map(|event| event.date).min();
            let body = composer.body(id, part, records);
            let kinds = Kinds::of(part);
            Notification { id, body, events: part.len(), kinds, changed, trace: trace.clone() }
        })
        .collect()
}

struct Composer<'a> {
    origin: &'a Origin,
    object_type: &'a str,
    poll_date: &'a str,
}

impl Composer<'_> {
    fn body(&self, id: Uuid, events: &[Event], records: &[Event]) -> Bytes {
        let id = id.hyphenated().to_string();
        let told = self.events(events);
        let room = records.iter().map(|event| event.record.len() + 1).sum::<usize>();
        let mut body = Text(Vec::with_capacity(room + 2 * told.len() + 1_024));
        self.open(&mut body, &id);
        self.message(&mut body, &id, &told, records);
        body.raw("}");
        body.0.into()
    }

    /// What a notification says, whatever its form.
    fn message(&self, body: &mut Text, id: &str, told: &[u8], records: &[Event]) {
        let Origin { account_id, company_id, user_id, instance, .. } = self.origin;
        body.raw(r#"{"elementKey":"#).text(&self.origin.element_key);
        let ids = format!(
            r#","accountId":{account_id},"companyId":{company_id},"userId":{user_id},"eventId":"#
        );
        body.raw(&ids).text(id);
        body.raw(&format!(r#","instanceId":{instance},"instance_id":{instance},"instanceName":"#));
        body.text(&self.origin.instance_name).raw(r#","instanceTags":["#);
        for (at, tag) in self.origin.instance_tags.iter().enumerate() {
            body.raw(if at == 0 { "" } else { "," }).text(tag);
        }
        body.raw(r#"],"events":"#)
            .bytes(told)
            .raw(r#","raw":{"objectType":"#)
            .text(self.object_type);
        body.raw(r#","eventId":"#).text(id);
        body.raw(&format!(r#","instance_id":"{instance}","events":"#)).bytes(told);
        body.raw(",").text(self.object_type).raw(":[");
        for (at, event) in records.iter().enumerate() {
            body.raw(if at == 0 { "" } else { "," }).bytes(&event.record);
        }
        body.raw("]}}");
    }

    fn events(&self, events: &[Event]) -> Vec<u8> {
        let mut told = Text(Vec::with_capacity(events.len() * 220 + 2));
        for (at, event) in events.iter().enumerate() {
            told.raw(if at == 0 { r#"[{"objectType":"# } else { r#",{"objectType":"# });
            told.text(self.object_type).raw(r#","objectId":"#).text(&event.object_id);
            told.raw(r#","eventType":""#).raw(event.kind.as_str()).raw(r#"","date":""#);
            told.raw(&event.date.to_seconds_text()).raw(r#"","pollDate":""#).raw(self.poll_date);
            told.raw(r#"","elementKey":"#).text(&self.origin.element_key);
            told.raw(r#","hubKey":"#).text(&self.origin.hub_key);
            if let Some(changes) = &event.changes {
                told.changes(changes);
            }
            told.raw("}");
        }
        told.raw("]");
        told.0
    }
}

/// JSON as it is written, front to back.
struct Text(Vec<u8>);

impl Text {
    fn raw(&mut self, json: &str) -> &mut Self {
        self.bytes(json.as_bytes())
    }

    fn bytes(&mut self, json: &[u8]) -> &mut Self {
        self.0.extend_from_slice(json);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        serde_json::to_writer(&mut self.0, text).expect("text is written to memory");
        self
    }
}

#[cfg(test)]
mod tests;

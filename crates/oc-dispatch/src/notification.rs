//! The body of a notification, as old clients know it (notifications.md, "Body").

mod changes;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use oc_poll::Event;
use uuid::Uuid;

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
}

/// A notification, ready to be stored and sent; its bytes never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `id` and `message.eventId`: the same over every retry and replay.
    pub id: Uuid,
    /// The exact body.
    pub body: Bytes,
    /// How many events it tells.
    pub events: usize,
}

/// The notifications of a batch of events, at most `most` events each, in the order of the events.
/// `poll_date` is when the poll began.
pub fn compose(
    origin: &Origin,
    object_type: &str,
    events: &[Event],
    poll_date: Timestamp,
    most: usize,
    mut new_id: impl FnMut() -> Uuid,
) -> Vec<Notification> {
    let poll_date = poll_date.to_seconds_text();
    let composer = Composer { origin, object_type, poll_date: &poll_date };
    let batches = events.chunks(LARGEST_BATCH);
    let parts = batches.flat_map(|batch| batch.chunks(most).map(move |part| (batch, part)));
    parts
        .map(|(batch, part)| {
            let id = new_id();
            let records = if origin.raw_full { batch } else { part };
            Notification { id, body: composer.body(id, part, records), events: part.len() }
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
        let Origin { account_id, company_id, user_id, instance, .. } = self.origin;
        let id = id.hyphenated().to_string();
        let told = self.events(events);
        let room = records.iter().map(|event| event.record.len() + 1).sum::<usize>();
        let mut body = Text(Vec::with_capacity(room + 2 * told.len() + 1_024));
        body.raw(r#"{"id":"#).text(&id);
        body.raw(r#","topic":"elements","severity":"low","action":"event","createdDate":"#);
        body.text(self.poll_date).raw(r#","user":"system","message":{"elementKey":"#);
        body.text(&self.origin.element_key);
        let ids = format!(
            r#","accountId":{account_id},"companyId":{company_id},"userId":{user_id},"eventId":"#
        );
        body.raw(&ids).text(&id);
        body.raw(&format!(r#","instanceId":{instance},"instance_id":{instance},"instanceName":"#));
        body.text(&self.origin.instance_name).raw(r#","instanceTags":["#);
        for (at, tag) in self.origin.instance_tags.iter().enumerate() {
            body.raw(if at == 0 { "" } else { "," }).text(tag);
        }
        body.raw(r#"],"events":"#)
            .bytes(&told)
            .raw(r#","raw":{"objectType":"#)
            .text(self.object_type);
        body.raw(r#","eventId":"#).text(&id);
        body.raw(&format!(r#","instance_id":"{instance}","events":"#)).bytes(&told);
        body.raw(",").text(self.object_type).raw(":[");
        for (at, event) in records.iter().enumerate() {
            body.raw(if at == 0 { "" } else { "," }).bytes(&event.record);
        }
        body.raw("]}}}");
        body.0.into()
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
mod tests {
    use oc_poll::EventKind;
    use serde_json::{Value, json};

    use super::*;

    fn origin() -> Origin {
        Origin {
            element_key: "salesloft".to_owned(),
            hub_key: "crm".to_owned(),
            account_id: 1,
            company_id: 1,
            user_id: 1,
            instance: InstanceId(12_345),
            instance_name: "API \"Instance\" é".to_owned(),
            instance_tags: vec!["Docs".to_owned()],
            raw_full: false,
        }
    }

    fn events(count: i64) -> Vec<Event> {
        let event = |id: i64| Event {
            object_id: id.to_string(),
            kind: EventKind::Updated,
            date: Timestamp(1_795_549_186_999_999),
            record: Bytes::from(format!(r#"{{"id":{id}}}"#)),
            changes: None,
        };
        (0..count).map(event).collect()
    }

    fn composed(origin: &Origin, count: i64) -> Vec<(Uuid, Value)> {
        let mut next = 0;
        let new_id = || {
            next += 1;
            Uuid::from_u128(next)
        };
        let at = Timestamp(1_795_549_236_500_000);
        let all = compose(origin, "contacts", &events(count), at, MOST_EVENTS, new_id);
        all.into_iter().map(|one| (one.id, serde_json::from_slice(&one.body).unwrap())).collect()
    }

    #[test]
    fn the_body_is_the_documented_one_member_by_member() {
        let (id, body) = composed(&origin(), 1).remove(0);
        let event = json!([{"objectType": "contacts", "objectId": "0", "eventType": "UPDATED", "date": "2026-11-24T19:39:46Z",
            "pollDate": "2026-11-24T19:40:36Z", "elementKey": "salesloft", "hubKey": "crm"}]);
        let id = id.to_string();
        let expected = json!({"id": id, "topic": "elements", "severity": "low", "action": "event",
            "createdDate": "2026-11-24T19:40:36Z", "user": "system", "message": {"elementKey": "salesloft", "accountId": 1,
            "companyId": 1, "userId": 1, "eventId": id, "instanceId": 12345, "instance_id": 12345,
            "instanceName": "API \"Instance\" é", "instanceTags": ["Docs"], "events": event,
            "raw": {"objectType": "contacts", "eventId": id, "instance_id": "12345", "events": event, "contacts": [{"id": 0}]}}});
        assert_eq!(body.to_string(), expected.to_string());
    }

    #[test]
    fn a_batch_is_split_by_ten_and_each_part_holds_its_own_records() {
        let parts = composed(&origin(), 21);
        let records = |body: &Value| body["message"]["raw"]["contacts"].as_array().unwrap().len();
        assert_eq!(parts.iter().map(|(_, body)| records(body)).collect::<Vec<_>>(), [10, 10, 1]);
        assert_eq!(parts[2].1["message"]["events"][0]["objectId"], "20");
        assert!(parts[0].0 != parts[1].0);
    }

    #[test]
    fn the_old_behaviour_repeats_the_whole_batch_in_each_part() {
        let origin = Origin { raw_full: true, ..origin() };
        let records = |count| {
            let parts = composed(&origin, count).into_iter();
            let length =
                |body: &Value| body["message"]["raw"]["contacts"].as_array().unwrap().len();
            parts.map(|(_, body)| length(&body)).collect::<Vec<_>>()
        };
        assert_eq!(records(11), [11, 11]);
        assert_eq!(records(105), [vec![100; 10], vec![5]].concat());
    }

    #[test]
    fn without_events_there_is_nothing_to_tell() {
        assert!(composed(&origin(), 0).is_empty());
    }
}

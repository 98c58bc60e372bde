//! Bodies, member by member.

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
        format: NotificationFormat::Elements,
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
        let length = |body: &Value| body["message"]["raw"]["contacts"].as_array().unwrap().len();
        parts.map(|(_, body)| length(&body)).collect::<Vec<_>>()
    };
    assert_eq!(records(11), [11, 11]);
    assert_eq!(records(105), [vec![100; 10], vec![5]].concat());
}

#[test]
fn without_events_there_is_nothing_to_tell() {
    assert!(composed(&origin(), 0).is_empty());
}

#[test]
fn a_cloud_event_holds_the_same_message() {
    let elements = composed(&origin(), 1).remove(0).1;
    let origin = Origin { format: NotificationFormat::CloudEvents, ..origin() };
    let (id, event) = composed(&origin, 1).remove(0);
    let expected = json!({"specversion": "1.0", "id": id.to_string(), "source": "/elements/api-v2/instances/12345",
        "type": "org.open-connectors.records.changed", "subject": "contacts", "time": "2026-11-24T19:40:36Z",
        "datacontenttype": "application/json", "data": elements["message"]});
    assert_eq!(event.to_string(), expected.to_string());
}

#[test]
fn a_cloud_event_repeats_the_whole_batch_where_that_is_asked_for() {
    let format = NotificationFormat::CloudEvents;
    let parts = composed(&Origin { raw_full: true, format, ..origin() }, 11);
    for (_, part) in &parts {
        assert_eq!(part["data"]["raw"]["contacts"].as_array().unwrap().len(), 11);
    }
    assert_eq!(parts.len(), 2);
}

/// The rules of the CloudEvents 1.0 JSON schema and of the context attributes' types.
#[test]
fn a_cloud_event_keeps_the_rules_of_its_specification() {
    let name = "with \"quotes\" and \u{1}".to_owned();
    let format = NotificationFormat::CloudEvents;
    for (id, event) in composed(&Origin { instance_name: name.clone(), format, ..origin() }, 12) {
        let attributes = event.as_object().unwrap();
        for required in ["id", "source", "specversion", "type"] {
            assert!(
                attributes[required].as_str().is_some_and(|text| !text.is_empty()),
                "{required}"
            );
        }
        for (attribute, value) in attributes.iter().filter(|(name, _)| *name != "data") {
            let is_named = attribute.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            assert!(is_named && attribute.len() <= 20, "{attribute}");
            let is_shown = value.as_str().unwrap().chars().all(|c| !c.is_control());
            assert!(is_shown, "{attribute}");
        }
        assert_eq!(event["specversion"], "1.0");
        let time = event["time"].as_str().unwrap();
        let rfc3339 = &time::format_description::well_known::Rfc3339;
        assert!(time::OffsetDateTime::parse(time, rfc3339).is_ok(), "{time}");
        // A URI reference: it can be resolved, and nothing in it has to be escaped.
        let base = url::Url::parse("https://host.example/").unwrap();
        let source = event["source"].as_str().unwrap();
        assert!(base.join(source).unwrap().as_str().ends_with(source));
        assert_eq!(event["datacontenttype"], "application/json");
        assert_eq!(event["data"]["eventId"], id.to_string());
        assert_eq!(event["data"]["instanceName"], name);
    }
}

#[test]
fn a_body_tells_its_content_type() {
    let at = Timestamp(1_795_549_236_500_000);
    let body = |format| {
        let origin = Origin { format, ..origin() };
        compose(&origin, "contacts", &events(1), at, MOST_EVENTS, Uuid::now_v7).remove(0).body
    };
    let elements = body(NotificationFormat::Elements);
    assert_eq!(envelope::content_type(&elements), "application/json");
    let event = body(NotificationFormat::CloudEvents);
    assert_eq!(envelope::content_type(&event), "application/cloudevents+json; charset=UTF-8");
}

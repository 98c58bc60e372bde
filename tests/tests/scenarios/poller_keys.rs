//! Each key of the poller configuration has the effect that is documented.

use jiff::Timestamp;
use oc_tests::salesloft::World;
use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::{Map, Value, json};

use crate::story::{check_story, until_told};

const SECOND: i64 = 1_000_000;

/// Contacts as shipped, with some keys changed; null takes one away.
fn contacts(changes: &Value) -> Value {
    let mut contacts = json!({
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    });
    for (key, value) in changes.as_object().into_iter().flatten() {
        contacts[key] = value.clone();
    }
    json!({"event.poller.configuration": json!({"contacts": contacts}).to_string()})
}

async fn house(changes: &Value) -> anyhow::Result<(Salesloft, Receiver, Server)> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    server.create(&salesloft, &receiver.url("hook"), &contacts(changes)).await?;
    Ok((salesloft, receiver, server))
}

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn kinds(receiver: &Receiver) -> Vec<String> {
    receiver.told().into_iter().map(|told| told.kind).collect()
}

async fn until_kinds(receiver: &Receiver, expected: &[&str]) -> anyhow::Result<()> {
    receiver.until(&format!("{expected:?}"), |receiver| kinds(receiver) == expected).await
}

/// A person that was created some seconds before it changed, both at once for whoever looks.
fn changed_after(salesloft: &Salesloft, seconds: i64) {
    salesloft.change(|world, now| {
        let id = world.add_person(now - seconds * SECOND);
        world.touch_person(id, now);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn created_check_tolerance_tells_a_new_record_from_a_changed_one() -> anyhow::Result<()> {
    let (salesloft, receiver, _usual) = house(&json!({})).await?;
    changed_after(&salesloft, 5);
    until_kinds(&receiver, &["CREATED"]).await?;
    let (salesloft, receiver, _strict) = house(&json!({"createdCheckTolerance": 2})).await?;
    changed_after(&salesloft, 5);
    until_kinds(&receiver, &["UPDATED"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn filter_by_current_date_leaves_what_is_dated_later_than_the_poll_to_a_later_one()
-> anyhow::Result<()> {
    for (leaves, is_early) in [(true, false), (false, true)] {
        let (salesloft, receiver, _server) = house(&json!({"filterByCurrentDate": leaves})).await?;
        salesloft.change(|world, now| {
            // It shows at once, with a date that is yet to come.
            world.lateness = -10 * SECOND;
            world.add_person(now + 3 * SECOND);
        });
        until_kinds(&receiver, &["CREATED"]).await?;
        let event = &receiver.deliveries()[0].body["message"]["events"][0];
        let date = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(date("date") > date("pollDate"), is_early, "{event}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn page_size_is_what_each_request_asks_for() -> anyhow::Result<()> {
    let (salesloft, receiver, _server) = house(&json!({"pageSize": "7"})).await?;
    salesloft.change(|world, now| {
        for back in 0..30 {
            world.add_person(now - back);
        }
    });
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    salesloft.with(|provider| {
        assert!(provider.asked.len() >= 5);
        assert!(provider.asked.iter().all(|asked| asked.contains("per_page=7&")));
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn poll_delay_finds_what_shows_late_without_any_overlap() -> anyhow::Result<()> {
    let keys = json!({"overlap": 0, "pollDelay": "10"});
    let (salesloft, receiver, _server) = house(&keys).await?;
    for _ in 0..3 {
        salesloft.change(|world, now| {
            world.lateness = 2 * SECOND;
            world.add_person(now);
            world.lateness = 0;
            world.add_person(now + 1);
        });
        until_told(&receiver, &salesloft, 0).await?;
    }
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_updated_date_only_nothing_tells_that_a_record_is_new() -> anyhow::Result<()> {
    let dates = json!({"datesConfiguration": {"updatedDateField": "updated_at"}});
    let (salesloft, receiver, _server) = house(&dates).await?;
    salesloft.change(World::add_person);
    until_kinds(&receiver, &["UPDATED"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_created_date_only_changes_are_told_by_content() -> anyhow::Result<()> {
    let keys = json!({
        "url": "/hubs/crm/contacts?where=created_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "datesConfiguration": {"createdDateField": "created_at"}, "filterByUpdatedDate": "false",
        "overlap": 600,
    });
    let (salesloft, receiver, _server) = house(&keys).await?;
    let id = salesloft.change(World::add_person);
    until_kinds(&receiver, &["CREATED"]).await?;
    salesloft.change(|world, now| world.touch_person(id, now));
    until_kinds(&receiver, &["CREATED", "UPDATED"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn epoch_dates_are_read_as_numbers_and_as_text_in_each_unit() -> anyhow::Result<()> {
    let forms = [("seconds", SECOND), ("milliseconds", 1_000), ("", 1)];
    for (form, unit) in forms {
        let dates = json!({"datesConfiguration": {
            "updatedDateField": "changed", "updatedDateFormat": form,
            "createdDateField": "made", "createdDateFormat": form}});
        let (salesloft, receiver, _server) = house(&dates).await?;
        salesloft.change(|world, now| {
            let (at, before) = ((now + SECOND) / unit, (now - 60 * SECOND) / unit);
            world.add("people", now, &fields(&json!({"changed": at, "made": before})));
            let text = json!({"changed": at.to_string(), "made": at.to_string()});
            world.add("people", now + 1, &fields(&text));
            let old = json!({"changed": before - 86_400 * SECOND / unit, "made": 1});
            world.add("people", now + 2, &fields(&old));
        });
        receiver.until("both", |receiver| receiver.told().len() == 2).await?;
        let mut told = kinds(&receiver);
        told.sort();
        assert_eq!(told, ["CREATED", "UPDATED"], "{form}");
        let event = &receiver.deliveries()[0].body["message"]["events"][0];
        assert!(event["date"].as_str().is_some_and(|date| date.starts_with("20")), "{event}");
    }
    Ok(())
}

/// From the last poll of an instance's only resource to the next, in milliseconds, and how many
/// polls there have been.
async fn gap(server: &Server, id: i64) -> anyhow::Result<(i64, i64)> {
    let path = format!("/instances/{id}/event-poller-records");
    let row = server.api.get(&path).await?.body[0].clone();
    let at = |name: &str| row[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let (last, next) = (at("lastPoll").unwrap_or_default(), at("nextDue").unwrap_or_default());
    Ok((next.as_millisecond() - last.as_millisecond(), row["polls"].as_i64().unwrap_or(0)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adaptive_interval_grows_while_nothing_changes_and_is_back_with_a_change()
-> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    // An interval is 204 ms long; eight are 1,632.
    let adaptive = json!({"event.poller.adaptive": "true"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &adaptive).await?;
    let longest = loop {
        let (gap, polls) = gap(&server, instance.id).await?;
        if polls >= 10 {
            break gap;
        }
    };
    assert!((1_500..=1_632).contains(&longest), "{longest}");
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let (shorter, _) = gap(&server, instance.id).await?;
    assert!(shorter < 800, "{shorter}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_the_url_stand_for_the_instances_own_values() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let url = "/hubs/crm/contacts?where=updated_at>='${dateTimeZone:{TimeZone}:yyyy-MM-dd'T'HH:mm:ssXXX}' and first_name='{wanted.name}'";
    let mut changes = contacts(&json!({"url": url}));
    for (name, value) in [("TimeZone", "+05:30"), ("wanted.name", "Ann O''Neill & Co")] {
        let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &changes);
        let refused = server.api.post("/instances", &body).await?;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains(&format!("`{name}`")), "{}", refused.text);
        changes[name] = json!(value);
    }
    server.create(&salesloft, &receiver.url("hook"), &changes).await?;
    salesloft.change(|world, now| {
        world.add_person(now);
        world.add("people", now, &fields(&json!({"first_name": "Ann O'Neill & Co"})));
    });
    until_kinds(&receiver, &["CREATED"]).await?;
    assert_eq!(receiver.told()[0].object, "2");
    Ok(())
}

//! Every change arrives once and in order, whatever the provider's lists do.

use oc_tests::salesloft::World;
use oc_tests::{Options, Server};
use serde_json::{Value, json};

use crate::story::{check_story, house, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_people_changed_at_random_over_many_polls() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    let ids: Vec<u64> =
        salesloft.change(|world, now| (0..10_000).map(|_| world.add_person(now)).collect());
    for round in 0..12 {
        salesloft.change(|world, now| {
            for _ in 0..250 {
                world.touch_person(ids[rand::random_range(0..ids.len())], now);
            }
        });
        // A poll somewhere in between: the rounds must not fall into one.
        let polled = receiver.deliveries().len();
        let more = |receiver: &oc_tests::Receiver| receiver.deliveries().len() > polled;
        receiver.until(&format!("round {round}"), more).await?;
    }
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let created = receiver.told().iter().filter(|told| told.kind == "CREATED").count();
    assert!(created >= 9_000, "{created}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_instant_over_page_borders_are_all_told() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.change(|world, now| {
        for at in [0, 0, 1, 1, 2] {
            for _ in 0..70 {
                world.add_person(now + at);
            }
        }
        for _ in 0..250 {
            world.add_person(now + 3);
        }
    });
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_change_while_they_are_paged_are_neither_lost_nor_told_twice()
-> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    let ids: Vec<u64> =
        salesloft.change(|world, now| (0..1_500).map(|_| world.add_person(now)).collect());
    salesloft.with(|provider| {
        let (mut at, mut left) = (provider.now(), 300);
        provider.meanwhile = Some(Box::new(move |world| {
            if left > 0 {
                left -= 1;
                at += 1_000;
                for _ in 0..5 {
                    world.touch_person(ids[rand::random_range(0..ids.len())], at);
                }
            }
        }));
    });
    let calm = |_: &oc_tests::Receiver| salesloft.with(|provider| provider.asked.len() > 320);
    receiver.until("320 requests", calm).await?;
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_become_visible_late_are_told() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.change(|world, now| {
        world.lateness = 2_000_000;
        world.add_person(now);
        world.lateness = 0;
        world.add_person(now + 1);
    });
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_in_which_the_clocks_go_back_loses_and_repeats_nothing() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    // Two seconds before 2026-11-01T06:00Z, when 1:59:59-04:00 is followed by 1:00:00-05:00.
    let night = 1_793_512_798_000_000;
    salesloft.with(|provider| provider.clock_offset += night - provider.now());
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    for _ in 0..40 {
        let ids = salesloft.change(|world, now| (world.add_person(now), world.ids("people")));
        salesloft.change(|world, now| world.touch_person(ids.1[0], now));
        let (from, before) = (0, receiver.deliveries().len());
        receiver.until("the next poll", |receiver| receiver.deliveries().len() > before).await?;
        assert_eq!(from, 0);
    }
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let told = receiver.told();
    assert!(told.iter().any(|one| one.updated.ends_with("-04:00")));
    assert!(told.iter().any(|one| one.updated.ends_with("-05:00")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_there_before_the_instance_is_told() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    salesloft.change(|world, now| {
        for back in 1..150 {
            world.add_person(now - back * 100_000);
        }
    });
    let before = salesloft.with(|provider| provider.world.changes.len());
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, before).await?;
    assert_eq!(receiver.told().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_resources_are_polled_beside_and_a_list_without_dates_is_compared_by_content()
-> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let fields = |name: &str| json!({"name": name}).as_object().cloned().unwrap_or_default();
    let old = salesloft.change(|world, now| world.add("users", now - 9_000_000, &fields("Old")));
    let configuration = json!({
        "users": {"url": "/hubs/crm/users", "idField": "id"},
        "accounts": {"url": "/accounts?where=updated_at>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'}'",
            "idField": "id", "datesConfiguration": {"updatedDateField": "updated_at",
            "createdDateField": "created_at"}},
    });
    let changes = json!({"event.poller.configuration": configuration.to_string()});
    let instance = server.create(&salesloft, &receiver.url("hook"), &changes).await?;
    let path = format!("/instances/{}/event-poller-records", instance.id);
    loop {
        let rows = server.api.get(&path).await?.body;
        if rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["polls"] != 0)) {
            break;
        }
    }
    salesloft.change(|world, now| {
        world.update("users", old, now, &fields("New"));
        world.add("accounts", now, &fields("Account"));
    });
    receiver.until("two events", |receiver| receiver.told().len() == 2).await?;
    let kinds = receiver.deliveries().into_iter().map(|one| {
        let event = &one.body["message"]["events"][0];
        format!(
            "{} {}",
            event["objectType"].as_str().unwrap(),
            event["eventType"].as_str().unwrap()
        )
    });
    let mut kinds: Vec<String> = kinds.collect();
    kinds.sort();
    // Without dates nobody can tell whether what was never reported is new.
    assert_eq!(kinds, ["accounts CREATED", "users UPDATED"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_tells_which_fields_changed_when_it_is_asked_to() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let configuration = json!({"contacts": {
        "url": "/hubs/crm/contacts?where=updated_at>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'}'",
        "idField": "id", "changes": "true", "datesConfiguration": {
            "updatedDateField": "updated_at", "createdDateField": "created_at"}}});
    let changes = json!({"event.poller.configuration": configuration.to_string()});
    server.create(&salesloft, &receiver.url("hook"), &changes).await?;

    let fields = |title: &str, tier: &str, offset: i64| {
        let fields = json!({"title": title, "locale_utc_offset": offset,
            "custom_fields": {"tier": tier, "team": 7}});
        fields.as_object().cloned().unwrap_or_default()
    };
    let id = salesloft.change(|world, now| world.add("people", now, &fields("A", "free", -300)));
    let mut told = 1;
    receiver.until("the person", |receiver| receiver.told().len() == told).await?;
    for (title, tier, offset) in [("B", "free", -240), ("B", "gold", -240), ("C", "gold", -300)] {
        let changed = fields(title, tier, offset);
        salesloft.change(|world, now| world.update("people", id, now, &changed));
        told += 1;
        receiver.until("the change", |receiver| receiver.told().len() == told).await?;
    }
    let events = receiver.deliveries().into_iter().map(|one| {
        let message = &one.body["message"];
        assert_eq!(message["events"], message["raw"]["events"]);
        message["events"][0].clone()
    });
    let changes: Vec<Value> = events.map(|event| event["changes"].clone()).collect();
    let expected = [
        Value::Null,
        json!([{"field": "title", "old": "A", "new": "B"}]),
        json!([{"field": "/custom_fields/tier", "old": "free", "new": "gold"}]),
        json!([{"field": "title", "old": "B", "new": "C"}]),
    ];
    assert_eq!(changes, expected);
    assert!(receiver.faults().is_empty());
    Ok(())
}

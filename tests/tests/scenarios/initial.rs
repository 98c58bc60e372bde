//! What was there when events were asked for (polling.md, `initial`).

use std::collections::HashSet;

use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};

/// The default configuration with other keys.
pub(crate) fn contacts(keys: &Value) -> Value {
    let mut contacts = json!({
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    });
    for (key, value) in keys.as_object().into_iter().flatten() {
        contacts[key] = value.clone();
    }
    json!({"event.poller.configuration": json!({"contacts": contacts}).to_string()})
}

async fn asking(
    keys: &Value,
    options: Options,
    people: i64,
) -> anyhow::Result<(Salesloft, Receiver, Server, Instance)> {
    let (salesloft, receiver, server) = Server::house(options).await?;
    salesloft.change(|world, now| {
        for number in 0..people {
            let id = world.add_person(now - 86_400_000_000 + number);
            if number % 3 == 0 {
                world.touch_person(id, now - 3_600_000_000 + number);
            }
        }
    });
    let instance = server.create(&salesloft, &receiver.url("hook"), &contacts(keys)).await?;
    Ok((salesloft, receiver, server, instance))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_there_is_told_once_as_created_and_then_what_changes()
-> anyhow::Result<()> {
    let keys = json!({"initial": "all"});
    let (salesloft, receiver, server, instance) = asking(&keys, Options::default(), 700).await?;
    receiver.until("700 people", |receiver| receiver.told().len() >= 700).await?;
    let told = receiver.told();
    assert!(told.iter().all(|one| one.kind == "CREATED"), "{told:?}");
    let shown = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
    assert_eq!(shown["tasks"][0]["kind"], "initial", "{shown}");
    assert_eq!(shown["tasks"][0]["total"], 700, "{shown}");
    let person = salesloft.change(|world, now| {
        let person = world.ids("people")[0];
        world.touch_person(person, now);
        person.to_string()
    });
    receiver.until("one more", |receiver| receiver.told().len() > 700).await?;
    let last = receiver.told().pop().map(|one| (one.object, one.kind));
    assert_eq!(last, Some((person, "UPDATED".to_owned())));
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn since_a_date_only_what_has_changed_is_told_as_what_it_is() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    // The first of 2026, and the day before.
    let date = 1_767_225_600_000_000;
    let ids = salesloft.change(|world, _| {
        let old = world.add_person(date - 86_400_000_000);
        let changed = world.add_person(date - 86_400_000_000);
        world.touch_person(changed, date + 5_000_000);
        [old, changed, world.add_person(date + 9_000_000)]
    });
    let keys = contacts(&json!({"initial": "2026-01-01"}));
    server.create(&salesloft, &receiver.url("hook"), &keys).await?;
    receiver.until("two people", |receiver| receiver.told().len() >= 2).await?;
    salesloft.change(|world, now| world.touch_person(ids[0], now));
    receiver.until("the third", |receiver| receiver.told().len() >= 3).await?;
    let told: Vec<_> = receiver.told().into_iter().map(|one| (one.object, one.kind)).collect();
    let expected = [(ids[1], "UPDATED"), (ids[2], "CREATED"), (ids[0], "UPDATED")];
    assert_eq!(told, expected.map(|(id, kind)| (id.to_string(), kind.to_owned())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_killed_goes_on_where_it_was() -> anyhow::Result<()> {
    let keys = json!({"initial": "all", "pageSize": 10});
    let (salesloft, receiver, mut server, _) = asking(&keys, Options::default(), 3_000).await?;
    for part in 1..5 {
        let enough = |receiver: &Receiver| receiver.told().len() >= part * 500;
        receiver.until(&format!("part {part}"), enough).await?;
        server.kill().await?;
        server.start_again().await?;
    }
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let told: Vec<String> = receiver.told().into_iter().map(|one| one.object).collect();
    assert_eq!((told.len(), told.iter().collect::<HashSet<_>>().len()), (3_000, 3_000));
    // Each start reads at most what was not stored again; the first page is not among it.
    let from_the_beginning = salesloft.with(|provider| {
        let since_epoch = |asked: &&String| asked.contains("1970-01-01");
        provider.asked.iter().filter(since_epoch).count()
    });
    assert_eq!(from_the_beginning, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_finished_by_hand_with_its_progress() -> anyhow::Result<()> {
    let (keys, options) = (json!({"initial": "all"}), Options::default().role("api"));
    let (salesloft, receiver, mut server, instance) = asking(&keys, options, 250).await?;
    server.terminate().await?;
    let polled = server.run(&["poll", &instance.id.to_string()]).await?;
    assert_eq!(polled.code, Some(0), "{polled:?}");
    assert!(
        polled.err.contains("contacts: the initial load is complete, 250 records"),
        "{polled:?}"
    );
    server.set_role("api,dispatch");
    server.start_again().await?;
    until_told(&receiver, &salesloft, 0).await?;
    Ok(())
}

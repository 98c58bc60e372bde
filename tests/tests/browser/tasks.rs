//! What is done besides polling: how far it is, and what it asks.

use std::sync::Arc;
use std::time::Duration;

use oc_tests::Instance;
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use crate::house::House;

/// An instance whose contacts are polled with these keys, too.
async fn instance(house: &House, keys: &Json) -> anyhow::Result<Instance> {
    let mut contacts = json!({
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    });
    for (key, value) in keys.as_object().into_iter().flatten() {
        contacts[key] = value.clone();
    }
    let poller = json!({"contacts": contacts}).to_string();
    let changes = json!({"event.poller.configuration": poller});
    house.instance_with("Sales", &json!([]), &changes).await
}

/// People who were there before anything was asked for.
fn people(house: &House, count: i64) -> Vec<u64> {
    house.salesloft.change(|world, now| {
        (0..count).map(|number| world.add_person(now - 86_400_000_000 + number)).collect()
    })
}

/// Waits until the provider was asked so often.
async fn until_asked(house: &House, times: usize) {
    let asked = async {
        while house.salesloft.with(|provider| provider.asked.len()) < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.expect("a request");
}

#[tokio::test]
async fn a_first_load_shows_how_far_it_is_until_it_is_done() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    people(&house, 700);
    // One request after the other is answered, until something is loaded; others wait.
    let gate = Arc::new(Semaphore::new(0));
    house.salesloft.with(|provider| provider.gate = Some(Arc::clone(&gate)));
    let loaded = instance(&house, &json!({"initial": "all", "pageSize": 50})).await.unwrap();
    let path = format!("/instances/{}/event-poller-records", loaded.id);
    for turn in 1.. {
        until_asked(&house, turn).await;
        let shown = house.server.api.get(&path).await.unwrap();
        if shown.body[0]["task"]["records"].as_u64() > Some(0) {
            break;
        }
        gate.add_permits(1);
    }
    browser.go(&format!("/ui/instances/{}", loaded.id)).await.unwrap();
    browser.see("of 700").await.unwrap();
    let part = browser.run("return document.querySelector('progress').value").await.unwrap();
    assert!(part.as_f64().is_some_and(|part| part < 1.0), "{part}");
    browser.is_sound_everywhere().await.unwrap();
    house.salesloft.with(|provider| provider.gate = None);
    gate.add_permits(Semaphore::MAX_PERMITS / 2);
    house.receiver.until("all", |receiver| receiver.told().len() == 700).await.unwrap();
    // The page that is open says so by itself.
    browser.see("What was there is read: 700 of 700.").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_sweep_that_finds_too_much_gone_is_answered_on_the_page() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let ids = people(&house, 10);
    let keys = json!({"detectDeletes": {"every": 0.03, "most": 0.2}});
    let swept = instance(&house, &keys).await.unwrap();
    browser.go(&format!("/ui/instances/{}", swept.id)).await.unwrap();
    browser.see("will be looked for").await.unwrap();
    house.salesloft.change(|world, _| ids[..3].iter().for_each(|id| world.delete_person(*id)));
    browser.see("3 of 10 contacts seem to have gone").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Tell none, look again").await.unwrap();
    browser.see("Nothing of it is told").await.unwrap();
    browser.see("3 of 10 contacts seem to have gone").await.unwrap();
    assert_eq!(house.receiver.told().len(), 0);
    browser.press("Tell 3 as deleted").await.unwrap();
    browser.see("told as deleted now").await.unwrap();
    house.receiver.until("deletions", |receiver| receiver.told().len() == 3).await.unwrap();
    assert!(house.receiver.told().iter().all(|one| one.kind == "DELETED"));
    browser.go("/ui/activity?type=DELETED").await.unwrap();
    browser.see("3 deleted").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.browser.close().await.unwrap();
}

//! Pictures for the documentation: `cargo xtask screenshots` says where they go.

use std::path::PathBuf;

use oc_tests::{Answer, Options};
use serde_json::json;

use crate::house::{House, telling};

/// The most bytes of a picture.
const LARGEST: usize = 150_000;

#[tokio::test]
async fn the_pictures_of_the_documentation_are_small_enough_for_it() {
    // As many points as the provider really gives.
    let options = Options { points: 600, ..Options::default() }.with("OC_RETRY_SCHEDULE", "1s");
    let house = House::with(options).await.unwrap();
    house.browser.sign_in().await.unwrap();
    let unasked = tempfile::TempDir::new().unwrap();
    let asked = std::env::var_os("OC_PICTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| unasked.path().to_owned());
    let event = happenings(&house).await.unwrap();
    house.instance("Support", &json!([])).await.unwrap();
    let resting = house.instance("Marketing", &json!(["Trial"])).await.unwrap();
    let path = format!("/instances/{}/enabled", resting.id);
    house.server.api.delete(&path).await.unwrap();
    let event = format!("/ui/events/{event}");
    let pages = [
        ("connectors", "/ui/connectors", "sales engagement", 1280, "light"),
        ("create", "/ui/connectors/salesloft/new", "GET http", 1280, "light"),
        ("polling", "/ui/connectors/salesloft/new#polling", "GET http", 1280, "light"),
        ("instances", "/ui/instances", "Marketing", 1280, "light"),
        ("instance", "/ui/instances/1", "Polled resources", 1280, "dark"),
        ("activity", "/ui/activity", "attempts", 1280, "light"),
        ("event", &event, "What it tells", 1280, "light"),
        ("receivers", "/ui/receivers", "The last hour", 1280, "light"),
        ("phone", "/ui/instances", "Marketing", 360, "dark"),
    ];
    for (name, page, shown, width, scheme) in pages {
        house.browser.width(width).await.unwrap();
        house.browser.colours(scheme).await.unwrap();
        house.browser.go(page).await.unwrap();
        house.browser.see(shown).await.unwrap();
        let picture = house.browser.picture().await.unwrap();
        assert!(picture.len() <= LARGEST, "{name} has {} bytes", picture.len());
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
    house.browser.close().await.unwrap();
}

/// An account in which something happens; tells the notification of a change that arrived late.
async fn happenings(house: &House) -> anyhow::Result<String> {
    let mut changes = telling();
    changes["event.poller.refresh_interval"] = json!("15");
    let tags = json!(["Docs", "Sales"]);
    let instance = house.instance_with("Sales of Example", &tags, &changes).await?;
    let poll = format!("/instances/{}/poll", instance.id);
    let people: Vec<u64> =
        house.salesloft.change(|world, now| (0..24).map(|_| world.add_person(now)).collect());
    house.server.api.post(&poll, &json!({})).await?;
    house.until_arrived(3).await?;
    house.receiver.answer_next([Answer::Text(503, "The queue is full.".to_owned())]);
    let change =
        json!({"title": "Head of Engineering", "city": "Seattle", "phone": "+1 206 555 0101"});
    let change = change.as_object().cloned().unwrap_or_default();
    house.salesloft.change(|world, now| world.update("people", people[7], now, &change));
    house.server.api.post(&poll, &json!({})).await?;
    house.until_arrived(4).await?;
    let found = house.server.api.get("/instances/events?pageSize=1").await?;
    Ok(found.body[0]["id"].as_str().unwrap_or_default().to_owned())
}

//! What was found and what became of it: listed, filtered, looked at, and sent again.

use oc_tests::{Answer, Options};
use serde_json::{Map, Value as Json, json};

use crate::house::House;

const MARKUP: &str = "<img src=x onerror=document.title='owned'>\"'><b>bold";

fn fields(members: &Json) -> Map<String, Json> {
    members.as_object().cloned().unwrap_or_default()
}

/// Adds somebody, and waits for the news to arrive.
async fn news(house: &House, members: &Json) -> anyhow::Result<u64> {
    let told = house.receiver.told().len();
    let id = house.salesloft.change(|world, now| world.add("people", now, &fields(members)));
    house.receiver.until("the news", |receiver| receiver.told().len() > told).await?;
    Ok(id)
}

#[tokio::test]
async fn a_notification_shows_its_record_what_changed_and_each_attempt() {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "1s");
    let house = House::with(options).await.unwrap();
    let browser = &house.browser;
    browser.sign_in().await.unwrap();
    browser.press("Activity").await.unwrap();
    browser.see("Nothing was found yet.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.telling("Sales").await.unwrap();
    let id = news(&house, &json!({"title": "Before"})).await.unwrap();
    house.receiver.answer_next([Answer::Text(503, "not <b>now</b>".to_owned())]);
    let change = fields(&json!({"title": "After", "custom_fields": {"tier": 1.5}}));
    house.salesloft.change(|world, now| world.update("people", id, now, &change));
    house.until_arrived(2).await.unwrap();
    browser.go("/ui/activity?status=NOTIFIED").await.unwrap();
    browser.see("2 attempts").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press(&format!("Updated {id}")).await.unwrap();
    for shown in ["Arrived", "After", "/custom_fields/tier", "\"Of Many\""] {
        browser.see(shown).await.unwrap();
    }
    browser.press_where("summary", "503").await.unwrap();
    browser.see("not <b>now</b>").await.unwrap();
    browser.see("elements-delivery-attempt: 1").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Send again").await.unwrap();
    browser.see("It is sent again").await.unwrap();
    house.receiver.until("the replay", |receiver| receiver.deliveries().len() == 4).await.unwrap();
    // The page gets on by itself.
    browser.see("· sent again").await.unwrap();
    assert_eq!(house.receiver.faults(), Vec::<String>::new());
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn notifications_are_filtered_and_listed_page_by_page() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let (one, two) = (house.telling("One").await.unwrap(), house.telling("Two").await.unwrap());
    house.salesloft.change(|world, now| {
        for _ in 0..600 {
            world.add_person(now);
        }
    });
    house.until_arrived(120).await.unwrap();
    browser.go("/ui/activity").await.unwrap();
    browser.see("10 created").await.unwrap();
    let rows = "return document.querySelectorAll('main tbody tr').length";
    assert_eq!(browser.run(rows).await.unwrap(), 50);
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Older").await.unwrap();
    browser.press("Older").await.unwrap();
    browser.see("Newest").await.unwrap();
    assert_eq!(browser.run(rows).await.unwrap(), 20);
    browser.press("Newest").await.unwrap();
    browser.fill("Instance", &one.id.to_string()).await.unwrap();
    browser.fill("Resource", "contacts").await.unwrap();
    browser.choose("State", "Arrived").await.unwrap();
    browser.press("Filter").await.unwrap();
    let others = format!(
        "return document.querySelectorAll('td a[href=\"/ui/instances/{}\"]').length",
        two.id
    );
    browser.see("One").await.unwrap();
    assert_eq!(browser.run(&others).await.unwrap(), 0);
    assert_eq!(browser.value("State").await.unwrap(), "NOTIFIED");
    browser.choose("Type", "Deleted").await.unwrap();
    browser.press("Filter").await.unwrap();
    browser.see("No notification matches.").await.unwrap();
    browser.choose("Type", "Created").await.unwrap();
    browser.press("Filter").await.unwrap();
    browser.see("10 created").await.unwrap();
    assert_eq!(browser.run(rows).await.unwrap(), 50);
    browser.choose("State", "Queued").await.unwrap();
    browser.press("Filter").await.unwrap();
    browser.see("No notification matches.").await.unwrap();
    browser.is_sound().await.unwrap();
    for (query, words) in [
        ("from=2026-01-01T00:00&to=2026-01-02T00:00", "No notification matches."),
        ("from=soon", "From: an instant as 2026-11-24T12:00:00Z was expected"),
        ("type=LOST", "EventType: `LOST` was found; one of CREATED, UPDATED, DELETED was expected"),
        ("instance=x", "The number of an instance was expected"),
        ("instance=4711", "There is no instance `4711`"),
    ] {
        browser.go(&format!("/ui/activity?{query}")).await.unwrap();
        browser.see(words).await.unwrap();
        browser.is_sound().await.unwrap();
    }
    browser.go("/ui/events/018f0000-0000-7000-8000-000000000000").await.unwrap();
    browser.see("It is not there").await.unwrap();
    browser.go("/ui/events/none").await.unwrap();
    browser.see("There is no such page").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn what_is_new_shows_by_itself_unless_the_list_is_to_stand_still() {
    let mut house = House::signed_in().await.unwrap();
    house.telling("Sales").await.unwrap();
    let browser = &house.browser;
    browser.go("/ui/activity").await.unwrap();
    browser.see("Nothing was found yet.").await.unwrap();
    let first = news(&house, &json!({})).await.unwrap();
    browser.see(&format!("Created {first}")).await.unwrap();
    browser.see("200 in").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    // Whoever stands on a line stays there.
    browser.run("document.querySelector('td a').focus()").await.unwrap();
    let second = news(&house, &json!({})).await.unwrap();
    browser.see(&format!("Created {second}")).await.unwrap();
    assert_eq!(browser.focused().await.unwrap(), format!("Created {first}"));
    browser.press("Pause").await.unwrap();
    browser.see("Go on").await.unwrap();
    assert_eq!(
        browser.run("return document.querySelectorAll('[data-follows]').length").await.unwrap(),
        0
    );
    browser.is_sound().await.unwrap();
    browser.press("Go on").await.unwrap();
    browser.see("Pause").await.unwrap();
    // A list that is followed does not keep the server from ending.
    assert_eq!(house.server.terminate().await.unwrap(), Some(0));
    assert!(!house.server.log().contains("Not everything under way has ended"));
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn records_and_answers_are_text_and_megabytes_of_them_make_no_heavy_page() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    house.telling(MARKUP).await.unwrap();
    house.receiver.answer_next([Answer::Text(200, MARKUP.repeat(100))]);
    let hostile = json!({MARKUP: MARKUP, "title": MARKUP});
    let id = news(&house, &hostile).await.unwrap();
    let change = fields(&json!({"title": null, "big": "\"<&>".repeat(100_000)}));
    house.salesloft.change(|world, now| world.update("people", id, now, &change));
    house.until_arrived(2).await.unwrap();
    for (event, words) in [("Created", "200 in"), ("Updated", "Cut here; the API's")] {
        browser.go("/ui/activity").await.unwrap();
        browser.press(&format!("{event} {id}")).await.unwrap();
        browser.see("What it tells").await.unwrap();
        browser.see(words).await.unwrap();
        browser.see("<b>bold").await.unwrap();
        browser.is_sound_everywhere().await.unwrap();
        let foreign = browser.run("return document.querySelectorAll('main b, [onerror]').length");
        assert_eq!(foreign.await.unwrap(), 0);
        assert!(!browser.driver.title().await.unwrap().contains("owned"));
    }
    house.browser.close().await.unwrap();
}

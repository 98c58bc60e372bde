//! Receivers at a glance, and what is sent again.

use oc_tests::salesloft::World;
use oc_tests::{Answer, Options};
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn what_was_found_in_a_time_is_counted_before_it_is_sent_again() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.telling("Sales").await.unwrap();
    house.salesloft.change(|world, now| {
        for _ in 0..25 {
            world.add_person(now);
        }
    });
    house.receiver.until("all", |receiver| receiver.told().len() == 25).await.unwrap();
    house.until_arrived(3).await.unwrap();
    let page = format!("/ui/instances/{}/replay", instance.id);
    browser.go(&page).await.unwrap();
    browser.see("How many are these?").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.go(&format!("{page}?from=2000-01-01T00:00&failed=on")).await.unwrap();
    browser.see("There is nothing that could be sent again in this time.").await.unwrap();
    browser.go(&format!("{page}?from=2000-01-02T00:00&to=2000-01-01T00:00")).await.unwrap();
    browser.see("From is later than to.").await.unwrap();
    browser.is_sound().await.unwrap();
    browser.go(&format!("{page}?from=2000-01-01T00:00")).await.unwrap();
    browser.see("3 notifications would be sent again.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    assert_eq!(house.receiver.deliveries().len(), 3, "only counted");
    browser.press("Send 3 again").await.unwrap();
    browser.see("It is sent again").await.unwrap();
    house.receiver.until("all again", |receiver| receiver.deliveries().len() == 6).await.unwrap();
    assert_eq!(house.receiver.faults(), Vec::<String>::new());
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn receivers_are_listed_by_how_they_fare_and_all_that_has_queued_goes_on() {
    let house = House::with(Options::default().with("OC_RETRY_SCHEDULE", "1ms")).await.unwrap();
    let browser = &house.browser;
    browser.sign_in().await.unwrap();
    browser.press("Receivers").await.unwrap();
    browser.see("No instance has a callback yet.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.receiver.answer_always(Some(Answer::Status(500)));
    for name in ["One", "Two"] {
        house.instance(name, &json!([])).await.unwrap();
    }
    house.salesloft.change(World::add_person);
    let queued = "/instances/events?status=RECEIVED";
    let mut kept = 0;
    for _ in 0..600 {
        kept = house.server.api.get(queued).await.unwrap().body.as_array().map_or(0, Vec::len);
        if kept == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(kept, 2);
    browser.go("/ui/receivers?order=backlog").await.unwrap();
    browser.see("Deliveries of 2 instances have queued").await.unwrap();
    browser.see("4 of 4").await.unwrap();
    browser.see("2 queued").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.receiver.answer_always(None);
    browser.press("Reactivate all").await.unwrap();
    browser.see("Deliveries go on").await.unwrap();
    house.until_arrived(2).await.unwrap();
    house.browser.close().await.unwrap();
}

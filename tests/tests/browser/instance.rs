//! How an instance stands, and what of it goes on by itself.

use oc_tests::salesloft::World;
use oc_tests::{Answer, Fault, Options};

use crate::house::House;

const MARKUP: &str = "<img src=x onerror=document.title='owned'>\"'><b>bold";

#[tokio::test]
async fn an_instance_shows_its_last_hour_and_what_is_left_of_its_rate_limit() {
    let house = House::with(Options { points: 1_000, ..Options::default() }).await.unwrap();
    let browser = &house.browser;
    browser.sign_in().await.unwrap();
    let instance = house.telling("Sales").await.unwrap();
    let page = format!("/ui/instances/{}", instance.id);
    house.salesloft.change(|world, now| {
        for _ in 0..25 {
            world.add_person(now);
        }
    });
    house.receiver.until("all", |receiver| receiver.told().len() == 25).await.unwrap();
    house.until_arrived(3).await.unwrap();
    browser.go(&page).await.unwrap();
    browser.see("at most 25 events").await.unwrap();
    browser.see("How long receivers take").await.unwrap();
    browser.see("of 750").await.unwrap();
    let bars = "return document.querySelectorAll('.chart rect.good').length";
    assert!(browser.run(bars).await.unwrap().as_u64() > Some(0));
    browser.press("As a table").await.unwrap();
    browser.see("not sent yet").await.unwrap();
    let token = "return document.getElementById('token').checkVisibility()";
    assert_eq!(browser.run(token).await.unwrap(), false);
    browser.press("Show the instance token").await.unwrap();
    browser.see(&instance.token).await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("All activity of this instance").await.unwrap();
    browser.see("5 created").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_page_that_is_open_tells_when_deliveries_queue_and_lets_them_go_on() {
    let house = House::with(Options::default().with("OC_RETRY_SCHEDULE", "1ms")).await.unwrap();
    let browser = &house.browser;
    browser.sign_in().await.unwrap();
    let instance = house.telling("Sales").await.unwrap();
    browser.go(&format!("/ui/instances/{}", instance.id)).await.unwrap();
    browser.see("Active").await.unwrap();
    house.receiver.answer_always(Some(Answer::Text(500, "<b>down</b>".to_owned())));
    house.salesloft.change(World::add_person);
    browser.see("Deliveries queued").await.unwrap();
    browser.see("1 notification").await.unwrap();
    browser.see("500").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Instances").await.unwrap();
    browser.see("Deliveries queued").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Sales").await.unwrap();
    browser.see("Queued since").await.unwrap();
    house.receiver.answer_always(None);
    browser.press("Reactivate").await.unwrap();
    browser.see("Deliveries go on").await.unwrap();
    browser.see("Active").await.unwrap();
    house.until_arrived(1).await.unwrap();
    assert_eq!(house.receiver.told().len(), 1);
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn polls_that_fail_are_told_with_the_providers_words_as_text() {
    // They go on failing for as long as somebody looks.
    let options = Options::default().with("OC_POLL_FAILURE_THRESHOLD", "100000");
    let house = House::with(options).await.unwrap();
    let browser = &house.browser;
    browser.sign_in().await.unwrap();
    let instance = house.telling("Sales").await.unwrap();
    house
        .salesloft
        .with(|provider| provider.faults = vec![Fault::Says(400, MARKUP); 100_000].into());
    browser.go(&format!("/ui/instances/{}", instance.id)).await.unwrap();
    browser.see("Polls fail").await.unwrap();
    browser.see("<b>bold").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    let foreign = browser.run("return document.querySelectorAll('main b, [onerror]').length");
    assert_eq!(foreign.await.unwrap(), 0);
    house.salesloft.with(|provider| provider.faults.clear());
    browser.press("Poll now").await.unwrap();
    browser.see("Active").await.unwrap();
    house.browser.close().await.unwrap();
}

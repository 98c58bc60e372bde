//! Every page there is, with something on it: sound for everybody, and light.

use serde_json::json;

use crate::house::House;

/// A page: its name, where it is, and words that stand on it.
pub(crate) type Page = (&'static str, String, &'static str);

/// All of them, for a house with an instance of this number and a notification of this id.
pub(crate) fn pages(instance: i64, event: &str) -> [Page; 13] {
    let of = |place: &str| format!("/ui/instances/{instance}{place}");
    let form = "/ui/connectors/salesloft/new".to_owned();
    [
        ("sign in", "/ui/sign-in".to_owned(), "User secret"),
        ("connectors", "/ui/connectors".to_owned(), "sales engagement"),
        ("new instance", form, "Create Instance"),
        ("instances", "/ui/instances".to_owned(), "in all"),
        ("no instance found", "/ui/instances?search=nothing".to_owned(), "No instance matches."),
        ("an instance", of(""), "Polled resources"),
        ("its form", of("/edit"), "Re-Authenticate"),
        ("deleting it", of("/delete"), "to confirm"),
        ("sending again", of("/replay"), "How many are these?"),
        ("activity", "/ui/activity".to_owned(), "Last attempt"),
        ("a notification", format!("/ui/events/{event}"), "What it tells"),
        ("receivers", "/ui/receivers".to_owned(), "The last hour"),
        ("a page that is not there", "/ui/nowhere".to_owned(), "There is no such page"),
    ]
}

/// The id of the newest notification.
pub(crate) async fn newest(house: &House) -> anyhow::Result<String> {
    let found = house.server.api.get("/instances/events?pageSize=1").await?;
    Ok(found.body[0]["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_page_is_sound_in_both_widths_and_colours_and_nothing_moves() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let instance = house.instance("Sales", &json!(["Docs"])).await.unwrap();
    house.salesloft.change(oc_tests::salesloft::World::add_person);
    house.until_arrived(1).await.unwrap();
    let event = newest(&house).await.unwrap();
    for (name, path, shown) in pages(instance.id, &event) {
        browser.go(&path).await.unwrap();
        browser.see(shown).await.unwrap();
        browser.is_sound_everywhere().await.unwrap();
        // Whoever asks for less motion gets none, and so does everybody else.
        let moving = browser.run("return document.getAnimations().length").await.unwrap();
        assert_eq!(moving, 0, "{name}");
        let motion = "return [...document.querySelectorAll('*')].filter(one => { const style = getComputedStyle(one); return style.animationName !== 'none' || style.transitionDuration !== '0s' || style.scrollBehavior !== 'auto'; }).length";
        assert_eq!(browser.run(motion).await.unwrap(), 0, "{name}");
    }
    house.browser.close().await.unwrap();
}

//! Pictures for the documentation: `cargo xtask screenshots` says where they go.

use std::path::PathBuf;

use serde_json::json;

use crate::house::House;

/// The most bytes of a picture.
const LARGEST: usize = 150_000;

#[tokio::test]
async fn the_pictures_of_the_documentation_are_small_enough_for_it() {
    let house = House::signed_in().await.unwrap();
    let unasked = tempfile::TempDir::new().unwrap();
    let asked = std::env::var_os("OC_PICTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| unasked.path().to_owned());
    for (name, tags) in [("Sales of Example", json!(["Docs", "Sales"])), ("Support", json!([]))] {
        house.instance(name, &tags).await.unwrap();
    }
    let resting = house.instance("Marketing", &json!(["Trial"])).await.unwrap();
    let path = format!("/instances/{}/enabled", resting.id);
    house.server.api.delete(&path).await.unwrap();
    let pages = [
        ("connectors", "/ui/connectors", "sales engagement", 1280, "light"),
        ("create", "/ui/connectors/salesloft/new", "GET http", 1280, "light"),
        ("polling", "/ui/connectors/salesloft/new#polling", "GET http", 1280, "light"),
        ("instances", "/ui/instances", "Marketing", 1280, "light"),
        ("instance", "/ui/instances/1", "Polled resources", 1280, "dark"),
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

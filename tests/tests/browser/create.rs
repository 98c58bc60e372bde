//! The whole way to an instance with events, and the ways on which it does not come to one.

use anyhow::Context as _;
use oc_tests::Fault;
use oc_tests::salesloft::World;
use oc_tests::server::SIGNATURE_KEY;

use crate::house::House;

/// No name that could be resolved.
const CALLBACK: &str = "https://receiver.invalid/hook";

/// Opens the form and fills in what is always needed.
async fn begun(house: &House) -> anyhow::Result<()> {
    let browser = &house.browser;
    browser.go("/ui/connectors").await?;
    browser.press("Authenticate SalesLoft").await?;
    browser.fill("Name", "Sales of Example").await?;
    browser.fill("API Key", "api-key").await?;
    browser.fill("API Secret", "api-s3cret").await?;
    browser.fill("Event Notification Callback URL", CALLBACK).await?;
    browser.fill("Tags, one a line", "Docs\nSales").await?;
    Ok(())
}

/// Goes on to the provider's consent page; tells the state that it was asked with, for a query.
async fn asked_with(house: &House) -> anyhow::Result<String> {
    begun(house).await?;
    house.browser.press("Create Instance").await?;
    house.browser.see("Let the application in?").await?;
    let asked = house.browser.driver.current_url().await?;
    let state = asked.query_pairs().find(|(name, _)| name == "state").context("a state")?.1;
    Ok(url::form_urlencoded::byte_serialize(state.as_bytes()).collect())
}

/// The form came back with all that was filled in, and with these words.
async fn came_back(house: &House, words: &[&str]) -> anyhow::Result<()> {
    let browser = &house.browser;
    browser.see("Nothing was saved.").await?;
    for word in words {
        browser.see(word).await?;
    }
    assert_eq!(browser.value("Name").await?, "Sales of Example");
    assert_eq!(browser.value("API Key").await?, "api-key");
    assert_eq!(browser.value("API Secret").await?, "api-s3cret");
    assert_eq!(browser.value("Event Notification Callback URL").await?, CALLBACK);
    assert_eq!(browser.value("Tags, one a line").await?, "Docs\nSales");
    browser.is_sound_everywhere().await?;
    let count = house.server.api.get("/instances/count").await?;
    assert_eq!(count.body["count"], 0);
    Ok(())
}

#[tokio::test]
async fn the_documented_way_leads_to_an_instance_whose_events_arrive() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    begun(&house).await.unwrap();
    browser.press("Show optional fields").await.unwrap();
    browser.fill("Callback Notification Signature Key", SIGNATURE_KEY).await.unwrap();
    browser.tick("Events Enabled").await.unwrap();
    browser.fill("Event Notification Callback URL", &house.receiver.url("/hook")).await.unwrap();
    browser.press("Send a test").await.unwrap();
    browser.see("The receiver answered 200").await.unwrap();
    assert_eq!(house.receiver.deliveries().len(), 1);
    browser.press("Edit contacts").await.unwrap();
    browser.press("Advanced Filtering").await.unwrap();
    assert_eq!(browser.value("Updated Date Field").await.unwrap(), "updated_at");
    browser.see("/people?").await.unwrap();
    browser.fill("Tags, one a line", "Docs\nSales").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    browser.press("Create Instance").await.unwrap();
    browser.see("Let the application in?").await.unwrap();
    browser.press("Allow").await.unwrap();
    browser.see("The instance is created.").await.unwrap();
    browser.see("Active").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.receiver.clear();
    house.salesloft.change(World::add_person);
    browser.press("Poll now").await.unwrap();
    browser.see("It is polled now").await.unwrap();
    house.receiver.until("the event", |receiver| receiver.told().len() == 1).await.unwrap();
    assert_eq!(house.receiver.faults(), Vec::<String>::new());
    let shown = house.server.api.get("/instances").await.unwrap();
    assert_eq!(shown.body[0]["tags"], serde_json::json!(["Docs", "Sales"]));
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_denied_consent_leads_back_to_the_form_with_the_providers_words_as_text() {
    let house = House::signed_in().await.unwrap();
    let words = "<b>No</b> & \"never\" <script>document.title='owned'</script>";
    house.salesloft.with(|provider| provider.accounts.denial = words.to_owned());
    begun(&house).await.unwrap();
    house.browser.press("Create Instance").await.unwrap();
    house.browser.see("Let the application in?").await.unwrap();
    house.browser.press("Deny").await.unwrap();
    came_back(&house, &["The provider says:", words]).await.unwrap();
    assert!(!house.browser.driver.title().await.unwrap().contains("owned"));
    house.browser.press("Create Instance").await.unwrap();
    house.browser.see("Let the application in?").await.unwrap();
    house.browser.press("Allow").await.unwrap();
    house.browser.see("The instance is created.").await.unwrap();
    house.browser.close().await.unwrap();
}

/// Shows what the server answers there, without going on from it by itself.
const STAY: &str = "
const [path, done] = arguments;
fetch(path).then(answer => answer.text()).then(text => {
  const page = new DOMParser().parseFromString(text, 'text/html');
  document.title = page.title;
  document.body.replaceWith(document.adoptNode(page.body));
  done(true);
}, error => done(String(error)));";

#[tokio::test]
async fn the_page_on_the_way_to_the_consent_is_sound_too() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let state = asked_with(&house).await.unwrap();
    browser.go("/ui/connectors").await.unwrap();
    let path = serde_json::json!(format!("/ui/consent?state={state}"));
    let shown = browser.driver.execute_async(STAY, vec![path]).await.unwrap();
    assert_eq!(shown.json(), &serde_json::json!(true));
    browser.see("On to SalesLoft").await.unwrap();
    browser.see("Back to the form").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_leads_back_to_the_form() {
    let house = House::signed_in().await.unwrap();
    house.salesloft.with(|provider| provider.accounts.secret = Some("another".to_owned()));
    begun(&house).await.unwrap();
    house.browser.press("Create Instance").await.unwrap();
    house.browser.see("Let the application in?").await.unwrap();
    house.browser.press("Allow").await.unwrap();
    came_back(&house, &["Client authentication failed due to unknown client"]).await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leads_back_to_the_form() {
    let house = House::signed_in().await.unwrap();
    house.salesloft.with(|provider| provider.token_faults = vec![Fault::Status(503); 10].into());
    begun(&house).await.unwrap();
    house.browser.press("Create Instance").await.unwrap();
    house.browser.see("Let the application in?").await.unwrap();
    house.browser.press("Allow").await.unwrap();
    came_back(&house, &["503"]).await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn a_consent_is_good_once_and_in_its_session_only() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    let state = asked_with(&house).await.unwrap();
    let arrival = format!("/oauth/callback?code={}&state={state}", house.salesloft.code());
    // Somebody else's browser, as one that was sent such a link, has another session.
    browser.driver.delete_all_cookies().await.unwrap();
    browser.sign_in().await.unwrap();
    browser.go(&arrival).await.unwrap();
    browser.see("This authorization is over").await.unwrap();
    browser.is_sound().await.unwrap();
    begun(&house).await.unwrap();
    browser.press("Create Instance").await.unwrap();
    browser.see("Let the application in?").await.unwrap();
    browser.press("Allow").await.unwrap();
    browser.see("The instance is created.").await.unwrap();
    browser.driver.back().await.unwrap();
    browser.go(&arrival).await.unwrap();
    browser.see("This authorization is over").await.unwrap();
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn fields_and_code_become_each_other_and_mistakes_are_marked_at_their_place() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    begun(&house).await.unwrap();
    browser.press("Edit contacts").await.unwrap();
    browser.fill("ID Field", "customer.id").await.unwrap();
    browser.press("</> Edit as JSON").await.unwrap();
    browser.see("Configuration as JSON").await.unwrap();
    let code = browser.value("Configuration as JSON").await.unwrap();
    assert!(code.contains("\"idField\": \"customer.id\""), "{code}");
    browser.is_sound_everywhere().await.unwrap();
    browser.fill("Configuration as JSON", "{\"contacts\": ").await.unwrap();
    browser.see("column").await.unwrap();
    browser.press("Show as fields").await.unwrap();
    browser.press("Create Instance").await.unwrap();
    browser.see("Nothing was saved.").await.unwrap();
    browser.is_sound_everywhere().await.unwrap();
    let wrong = "{\"contacts\":{\"url\":\"/contacts?where=updated_at>='${518862600}'\",\"idField\":\"id\",\"changes\":true}}";
    browser.fill("Configuration as JSON", wrong).await.unwrap();
    browser.see("event.poller.configuration.contacts.url, column 30").await.unwrap();
    let right = wrong.replace("${518862600}", "${epoch}");
    browser.fill("Configuration as JSON", &right).await.unwrap();
    browser.see("GET http").await.unwrap();
    browser.press("Show as fields").await.unwrap();
    browser.press("Edit contacts").await.unwrap();
    assert_eq!(browser.value("ID Field").await.unwrap(), "id");
    browser.press("</> Edit as JSON").await.unwrap();
    browser.see("Configuration as JSON").await.unwrap();
    let code = browser.value("Configuration as JSON").await.unwrap();
    assert!(code.contains("\"changes\": true"), "{code}");
    house.browser.close().await.unwrap();
}

#[tokio::test]
async fn the_slider_follows_the_number_and_a_signature_key_is_made() {
    let house = House::signed_in().await.unwrap();
    let browser = &house.browser;
    begun(&house).await.unwrap();
    assert_eq!(browser.value("Event poller refresh interval (mins)").await.unwrap(), "15");
    browser.fill("Event poller refresh interval (mins)", "42").await.unwrap();
    let slider = "return document.getElementById('interval-slider').value";
    assert_eq!(browser.run(slider).await.unwrap(), "42");
    browser.press("Show optional fields").await.unwrap();
    browser.press("Make a signature key").await.unwrap();
    browser.see("Give it to your receiver now").await.unwrap();
    let key = browser.value("Callback Notification Signature Key").await.unwrap();
    assert_eq!(key.len(), 44, "32 bytes as base64");
    browser.is_sound_everywhere().await.unwrap();
    house.browser.close().await.unwrap();
}

//! A client that knows only the published documentation of Open Connectors, and has changed
//! nothing but its base url.

mod client;
mod documented;

use anyhow::Context as _;
use oc_tests::salesloft::World;
use oc_tests::{Instance, Receiver};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};
use client::{OldClient, header, ids};
use documented::{assert_is_documented, assert_tells_of};

const MASK: &str = "********";

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_gets_from_consent_to_an_instance_and_finds_it_again() -> anyhow::Result<()> {
    let client = OldClient::start().await?;
    let none = client.platform("GET", "/instances", None, 200).await?;
    assert_eq!(none.body, json!([]));
    let code = client.consent().await?;
    let path = "/elements/salesloft/instances";
    let made = client.platform("POST", path, Some(&client.body(&code)), 200).await?;
    assert_is_documented(&made.body);
    assert_eq!(made.body["warnings"], json!([]), "the sample body is good");
    assert!(!made.text.contains(&code) && !made.text.contains("s3cret"), "{}", made.text);
    let instance = Instance::read(&made.body)?;

    let by_id = client.platform("GET", &format!("/instances/{}", instance.id), None, 200).await?;
    assert_is_documented(&by_id.body);
    assert_eq!(by_id.body["token"], instance.token, "clients read it again");
    for query in ["", "?tags[]=Docs", "?tags%5B%5D=Docs", "?searchText=with%20Polling"] {
        let found = client.platform("GET", &format!("/instances{query}"), None, 200).await?;
        assert_eq!(ids(&found), [instance.id.unsigned_abs()], "{query}");
        assert_is_documented(&found.body[0]);
    }
    for query in ["tags[]=Other", "searchText=Other"] {
        client.platform("GET", &format!("/instances?{query}"), None, 404).await?;
    }
    let count = client.platform("GET", "/instances/count", None, 200).await?;
    assert_eq!(count.body, json!({"count": 1}));
    let own = client.server.api.element(&instance.token);
    let read = client.call("GET", "/instances", &own, None, 200).await?;
    assert_is_documented(&read.body);
    assert_eq!(read.body["id"], instance.id);

    let used = client.platform("POST", path, Some(&client.body(&code)), 400).await?;
    assert!(used.body["providerMessage"].as_str().is_some_and(|it| it.contains("invalid_grant")));
    client.call("GET", "/instances", "User nobody, Organization nothing", None, 401).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_updates_switches_off_and_authenticates_its_instance_anew()
-> anyhow::Result<()> {
    let (client, instance) = OldClient::with_instance().await?;
    let path = format!("/instances/{}", instance.id);
    let (hub, enabled) = ("/hubs/crm/contacts", format!("{path}/enabled"));
    // Read, changed and sent back, masks and all.
    let mut whole = client.platform("GET", &path, None, 200).await?.body;
    whole["name"] = json!("Put");
    let put = client.platform("PUT", &path, Some(&whole), 200).await?;
    assert_is_documented(&put.body);
    assert_eq!((&put.body["name"], &put.body["token"]), (&json!("Put"), &json!(instance.token)));
    let part = json!({"name": "Patched", "configuration": {
        "oauth.api.secret": MASK, "event.notification.signature.key": MASK}});
    let patched = client.platform("PATCH", &path, Some(&part), 200).await?;
    assert_is_documented(&patched.body);
    assert_eq!(patched.body["name"], "Patched");
    // The stored secrets are those of before: notifications are signed with the same key, and the
    // provider refreshes the token.
    client.salesloft.with(|provider| provider.accounts.expire_all());
    client.hears_of_a_new_person().await?;
    client.salesloft.with(|provider| assert_eq!(provider.accounts.refreshes, 1));
    assert_eq!(client.receiver.deliveries()[0].body["message"]["instanceName"], "Patched");

    // Another instance tells when the switched off one would long have been polled.
    let witness = Receiver::start().await?;
    client.server.create(&client.salesloft, &witness.url("hook"), &json!({})).await?;
    let off = client.platform("DELETE", &enabled, None, 200).await?;
    assert_eq!(off.body["disabled"], true, "{}", off.text);
    client.hub(&instance, "GET", hub, None, 403).await?;
    let before = client.salesloft.with(|provider| provider.world.changes.len());
    for _ in 0..3 {
        client.salesloft.change(World::add_person);
        until_told(&witness, &client.salesloft, before).await?;
    }
    let read = client.platform("GET", &path, None, 200).await?;
    assert_eq!((&read.body["disabled"], &read.body["name"]), (&json!(true), &json!("Patched")));
    assert_eq!(client.receiver.told().len(), 1, "nothing is polled");
    let on = client.platform("PUT", &enabled, None, 200).await?;
    assert_is_documented(&on.body);
    client.hub(&instance, "GET", hub, None, 200).await?;
    client.hears_of_a_new_person().await?;

    client.salesloft.with(|provider| provider.accounts.revoke_all());
    client.hub(&instance, "GET", hub, None, 401).await?;
    let dead = client.platform("GET", &path, None, 200).await?;
    assert_eq!(dead.body["valid"], false, "{}", dead.text);
    client.salesloft.change(World::add_person);
    let again = client.body(&client.consent().await?);
    let mended = client.platform("PUT", &path, Some(&again), 200).await?;
    assert_is_documented(&mended.body);
    for member in ["id", "token"] {
        assert_eq!(mended.body[member], instance.answer[member], "{member}");
    }
    client.hub(&instance, "GET", hub, None, 200).await?;
    // The cursor is that of before as well: nothing made meanwhile is lost, nothing comes twice.
    client.hears_of_a_new_person().await?;
    assert_eq!(client.receiver.told().len(), 7);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_reads_and_writes_records_through_the_hub() -> anyhow::Result<()> {
    let (client, instance) = OldClient::with_instance().await?;
    client.salesloft.change(|world, now| {
        for at in 0..5 {
            world.add_person(now + at);
        }
    });
    let query = "where=updated_at%3E%3D'2020-01-01T00:00:00Z'&fields=id,first_name&orderBy=updated_at%20asc";
    let list = format!("/hubs/crm/contacts?{query}&pageSize=2");
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("{list}{next}");
        let page = client.hub(&instance, "GET", &path, None, 200).await?;
        pages.push(page.body.clone());
        let token = header(&page, "elements-next-page-token");
        if token.is_empty() {
            break;
        }
        next = format!("&nextPage={token}");
    }
    let person = |id: u64| json!({"id": id, "first_name": format!("First{id}")});
    let expected = [json!([person(1), person(2)]), json!([person(3), person(4)])];
    assert_eq!(pages[..2], expected);
    assert_eq!(pages[2..], [json!([person(5)])]);
    let by_name = "/hubs/crm/contacts?where=first_name%20=%20'First4'%20AND%20city='Portland'";
    let found = client.hub(&instance, "GET", by_name, None, 200).await?;
    assert_eq!(ids(&found), [4]);
    let single = client.hub(&instance, "GET", "/hubs/crm/contacts/4", None, 200).await?;
    assert_eq!(single.body, found.body[0], "no envelope");
    assert!(single.body.get("person_stage").is_none(), "filter.response.nulls");

    let new = json!({"email_address": "ann@example.com", "last_name": "Doe"});
    let made = client.hub(&instance, "POST", "/hubs/crm/contacts", Some(&new), 200).await?;
    assert_eq!(made.body["email_address"], "ann@example.com", "{}", made.text);
    let path = format!("/hubs/crm/contacts/{}", made.body["id"]);
    let title = json!({"title": "Patched"});
    let changed = client.hub(&instance, "PATCH", &path, Some(&title), 200).await?;
    assert_eq!(
        (&changed.body["title"], &changed.body["last_name"]),
        (&json!("Patched"), &json!("Doe"))
    );
    assert_eq!(client.hub(&instance, "GET", &path, None, 200).await?.body, changed.body);
    client.hub(&instance, "DELETE", &path, None, 200).await?;
    let gone = client.hub(&instance, "GET", &path, None, 404).await?;
    assert!(gone.body["providerMessage"].as_str().is_some_and(|it| it.contains("not found")));

    let refused = json!({"email_address": "nobody"});
    client.hub(&instance, "POST", "/hubs/crm/contacts", Some(&refused), 400).await?;
    client.hub(&instance, "GET", "/hubs/crm/contacts?where=city%3D", None, 400).await?;
    client.hub(&instance, "GET", "/hubs/crm/nothing", None, 404).await?;
    client.hub(&instance, "DELETE", "/hubs/crm/users/1", None, 405).await?;
    client.platform("GET", "/hubs/crm/contacts", None, 401).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_that_sends_masks_back_keeps_the_secret_of_its_application()
-> anyhow::Result<()> {
    let (client, instance) = OldClient::with_instance().await?;
    let path = format!("/instances/{}", instance.id);
    let mut whole = client.platform("GET", &path, None, 200).await?.body;
    whole["tags"] = json!(["Docs", "More"]);
    let put = client.platform("PUT", &path, Some(&whole), 200).await?;
    assert_eq!(put.body["tags"], json!(["Docs", "More"]));
    client.salesloft.with(|provider| provider.accounts.client = Default::default());
    let failing = json!({"providerData": {"code": "used"}, "configuration": {
        "oauth.api.key": MASK, "oauth.api.secret": MASK}});
    client.platform("PATCH", &path, Some(&failing), 400).await?;
    let stored = ("api-key".to_owned(), "api-s3cret".to_owned());
    client.salesloft.with(|provider| assert_eq!(provider.accounts.client, stored));
    // The failed authentication has changed nothing.
    let read = client.platform("GET", &path, None, 200).await?;
    assert_eq!(read.body["configuration"], put.body["configuration"], "{}", read.text);
    client.hub(&instance, "GET", "/hubs/crm/contacts", None, 200).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_hears_of_events_replays_one_and_deletes_its_instance() -> anyhow::Result<()>
{
    let (client, instance) = OldClient::with_instance().await?;
    let person = client.hears_of_a_new_person().await?;
    let first = client.receiver.deliveries()[0].clone();
    assert_tells_of(&first, &instance, &person);

    let path = format!("/instances/{}", instance.id);
    let events = format!("{path}/events");
    let list = client.until_event(&events, |event| event["status"] == "NOTIFIED").await?;
    let event = &list[0];
    assert_eq!((&event["id"], list.as_array().map(Vec::len)), (&json!(first.id), Some(1)));
    assert_eq!(
        (&event["elementKey"], &event["instanceId"]),
        (&json!("salesloft"), &json!(instance.id))
    );
    assert_eq!(event["eventDate"], first.body["message"]["events"][0]["date"]);
    let records: Value = serde_json::from_str(event["providerData"].as_str().context("a text")?)?;
    assert_eq!(records, first.body["message"]["raw"]["contacts"]);
    let attempts = event["notifiedData"].as_array().context("attempts")?;
    assert_eq!((attempts.len(), &attempts[0]["status"]), (1, &json!(200)), "{event}");
    assert_eq!(attempts[0]["url"], client.receiver.url("hook"));
    let one = client.platform("GET", &format!("{events}/{}", first.id), None, 200).await?;
    assert_eq!(one.body, *event);
    let own = client.server.api.element(&instance.token);
    let twin = client.call("GET", "/instances/events?status=NOTIFIED", &own, None, 200).await?;
    assert_eq!(twin.body, list);
    let none = client.platform("GET", &format!("{events}?status=NEW"), None, 200).await?;
    assert_eq!(none.body, json!([]));
    client.platform("GET", &format!("{events}/nobody"), None, 404).await?;

    let replay = format!("{events}/{}/replay", first.id);
    let asked = client.platform("POST", &replay, Some(&json!({})), 200).await?;
    assert_eq!(asked.body, json!({"count": 1}));
    client.receiver.until("the replay", |receiver| receiver.deliveries().len() == 2).await?;
    let again = client.receiver.deliveries()[1].clone();
    assert_eq!((&again.id, &again.bytes), (&first.id, &first.bytes));
    check_story(&client.receiver, &client.salesloft)?;
    let twice = |event: &Value| event["notifiedData"].as_array().is_some_and(|all| all.len() == 2);
    let list = client.until_event(&events, twice).await?;
    assert_eq!(list[0]["status"], "NOTIFIED");

    let deleted = client.platform("DELETE", &path, None, 200).await?;
    assert_eq!(deleted.text, "");
    assert_eq!(header(&deleted, "elements-dropped-deliveries"), "0");
    for gone in [&path, &events] {
        client.platform("GET", gone, None, 404).await?;
    }
    client.platform("DELETE", &path, None, 404).await?;
    client.call("GET", "/instances", &own, None, 401).await?;
    client.hub(&instance, "GET", "/hubs/crm/contacts", None, 401).await?;
    let left = client.platform("GET", "/instances", None, 200).await?;
    assert_eq!(left.body, json!([]));
    Ok(())
}

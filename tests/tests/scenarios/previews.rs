//! What can be asked before an instance is made or authorized again, and polling on request.

use std::collections::HashMap;

use oc_tests::salesloft::World;
use oc_tests::server::SIGNATURE_KEY;
use oc_tests::{Answer, Options, Server};
use serde_json::json;

use crate::story::house;

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_the_request_of_the_next_poll_and_asks_nobody() -> anyhow::Result<()> {
    let (salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let asked = json!({"configuration": {"event.notification.enabled": true}});
    let reply = server.api.post("/elements/salesloft/preview", &asked).await?;
    assert_eq!((reply.status, &reply.body["remarks"]), (200, &json!([])), "{}", reply.text);
    let poll = &reply.body["polls"][0];
    assert_eq!(poll["resource"], "contacts");
    let url = poll["url"].as_str().unwrap_or_default();
    assert!(url.starts_with("/hubs/crm/contacts?where=updated_at>='20"), "{url}");
    let request = poll["request"].as_str().unwrap_or_default();
    let expected = format!("{}/people?", salesloft.api());
    assert!(request.starts_with(&expected) && request.contains("updated_at"), "{request}");
    assert!(salesloft.with(|provider| provider.asked.is_empty()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_names_every_fault_with_its_place() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let polled = json!({
        "contacts": {"url": "/contacts?where=updated_at>='${518862600}'", "idField": "id"},
        "users": {"url": "/users"},
    });
    let asked = json!({"configuration":
        {"event.notification.enabled": true, "event.poller.configuration": polled}});
    let reply = server.api.post("/elements/salesloft/preview", &asked).await?;
    assert_eq!((reply.status, &reply.body["polls"]), (200, &json!([])), "{}", reply.text);
    let remarks = reply.body["remarks"].as_array().cloned().unwrap_or_default();
    let places: Vec<_> = remarks.iter().map(|one| (&one["path"], &one["column"])).collect();
    let below = "configuration.event.poller.configuration";
    assert!(places.contains(&(&json!(format!("{below}.contacts.url")), &json!(30))), "{places:?}");
    assert!(
        remarks.iter().any(|one| one["path"] == format!("{below}.users.idField")),
        "{places:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_callback_is_signed_and_shows_the_answer() -> anyhow::Result<()> {
    let (_salesloft, receiver, server) = Server::house(Options::default()).await?;
    let asked = |url: &str| {
        json!({"configuration": {"event.notification.callback.url": url,
            "event.notification.signature.key": SIGNATURE_KEY}})
    };
    let path = "/elements/salesloft/callback-test";
    let reply = server.api.post(path, &asked(&receiver.url("hook"))).await?;
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!(200)), "{}", reply.text);
    assert_eq!((&reply.body["signed"], &reply.body["error"]), (&json!(true), &json!(null)));
    assert_eq!((receiver.faults(), receiver.told().len()), (Vec::new(), 0));
    assert_eq!(receiver.deliveries().len(), 1);
    receiver.answer_next([Answer::Status(503)]);
    let reply = server.api.post(path, &asked(&receiver.url("hook"))).await?;
    assert_eq!(reply.body["status"], 503);
    let reply = server.api.post(path, &asked("http://169.254.169.254/latest")).await?;
    assert!(reply.body["status"].is_null() && reply.body["error"].is_string(), "{}", reply.text);
    let reply = server.api.post(path, &json!({"configuration": {}})).await?;
    assert_eq!(reply.status, 400, "{}", reply.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_polled_much_later_is_polled_on_request() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let rarely = json!({"event.poller.refresh_interval": "600"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &rarely).await?;
    salesloft.change(World::add_person);
    let path = format!("/instances/{}", instance.id);
    let reply = server.api.post(&format!("{path}/poll"), &json!({})).await?;
    assert_eq!((reply.status, &reply.body["resources"]), (200, &json!(1)), "{}", reply.text);
    receiver.until("the event", |receiver| receiver.told().len() == 1).await?;
    server.api.delete(&format!("{path}/enabled")).await?;
    let reply = server.api.post(&format!("{path}/poll"), &json!({})).await?;
    assert_eq!(reply.status, 409, "{}", reply.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_tells_where_it_is_authorized_again() -> anyhow::Result<()> {
    let (salesloft, _receiver, server, instance) = house(Options::default()).await?;
    let path =
        format!("/instances/{}/oauth/url?state=s&callbackUrl=https://x.example/cb", instance.id);
    let reply = server.api.get(&path).await?;
    let url = url::Url::parse(reply.body["oauthUrl"].as_str().unwrap_or_default())?;
    assert!(url.as_str().starts_with(&salesloft.authorize_url()), "{url}");
    let said: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let said = |name: &str| said.get(name).map(String::as_str);
    assert_eq!((said("client_id"), said("state")), (Some("api-key"), Some("s")));
    assert_eq!(said("redirect_uri"), Some("https://x.example/cb"));
    Ok(())
}

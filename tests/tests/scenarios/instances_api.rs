//! Instances through the whole of their API.

use oc_tests::salesloft::{Salesloft, World};
use oc_tests::{Fault, Instance, Options, Receiver, Server};
use serde_json::{Value, json};

use crate::story::{check_story, house, until_told};

/// Instances of an API key, by name and tags.
async fn named(server: &Server, names: &[(&str, &[&str])]) -> anyhow::Result<Vec<Instance>> {
    let mut made = Vec::new();
    for (name, tags) in names {
        let body = json!({"element": {"key": "salesloft"}, "name": name, "tags": tags,
            "configuration": {"salesloft.api.key": "v2_ak_any"}});
        made.push(Instance::read(&server.api.post("/instances", &body).await?.body)?);
    }
    Ok(made)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_counted_and_paged() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let empty = server.api.get("/instances?searchText=anything").await?;
    assert_eq!((empty.status, empty.body), (200, json!([])), "there are none at all");
    named(&server, &[("One", &["a", "b"]), ("Two", &["b"]), ("Onerous", &[])]).await?;
    let table = [
        ("", vec!["One", "Two", "Onerous"]),
        ("searchText=oNE", vec!["One", "Onerous"]),
        ("tags%5B%5D=b", vec!["One", "Two"]),
        ("tags[]=b&tags[]=a", vec!["One"]),
        ("tags=a", vec!["One"]),
        ("pageSize=1&page=2", vec!["Two"]),
    ];
    for (query, expected) in table {
        let listed = server.api.get(&format!("/instances?{query}")).await?;
        assert_eq!(names(&listed.body), expected, "{query}: {}", listed.text);
        let of = server.api.get(&format!("/elements/5127/instances?{query}")).await?;
        assert_eq!(of.body, listed.body, "{query}");
    }
    for (query, status) in [
        ("searchText=nothing", 404),
        ("tags[]=c", 404),
        ("pageSize=many", 400),
        ("hydrate=perhaps", 400),
        ("nextPage=x", 400),
    ] {
        assert_eq!(server.api.get(&format!("/instances?{query}")).await?.status, status, "{query}");
    }
    let first = server.api.get("/instances?pageSize=2&hydrate=false").await?;
    assert_eq!(first.headers["elements-returned-count"], "2");
    assert_eq!(first.headers["elements-total-count"], "3");
    assert!(first.body[0].get("element").is_none() && first.body[0].get("configuration").is_none());
    let next = first.headers["elements-next-page-token"].to_str()?;
    let rest = server.api.get(&format!("/instances?pageSize=2&nextPage={next}")).await?;
    assert_eq!(names(&rest.body), ["Onerous"]);
    assert!(!rest.headers.contains_key("elements-next-page-token"));
    assert_eq!(server.api.get("/instances/count").await?.body, json!({"count": 3}));
    assert_eq!(server.api.get("/instances/count?tags=b").await?.body, json!({"count": 2}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instances_token_does_what_its_number_does() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let made = named(&server, &[("One", &[]), ("Two", &[])]).await?;
    let own = server.api.element(&made[0].token);
    let call = |method: &'static str, path: &'static str, body: Option<Value>| {
        let (api, own) = (server.api.clone(), own.clone());
        async move { api.call(method, path, &own, body.map(|body| body.to_string())).await }
    };
    assert_eq!(call("GET", "/instances", None).await?.body["name"], "One");
    let put = call("PUT", "/instances", Some(json!({"name": "Put", "tags": ["x"]}))).await?;
    assert_eq!((&put.body["name"], &put.body["id"]), (&json!("Put"), &json!(made[0].id)));
    let patched = call("PATCH", "/instances", Some(json!({"name": "Patched"}))).await?;
    assert_eq!(patched.body["tags"], json!(["x"]), "{}", patched.text);
    assert_eq!(call("GET", "/instances/count", None).await?.status, 401);
    let both = format!("{}, Element {}", server.api.platform(), made[0].token);
    let listed = server.api.call("GET", "/instances", &both, None).await?;
    assert_eq!(names(&listed.body), ["Patched", "Two"], "with Organization it is the list");
    let path = format!("/elements/salesloft/instances/{}", made[1].id);
    assert_eq!(server.api.get(&path).await?.body["name"], "Two");
    let other = server.api.call("GET", &path, &own, None).await?;
    assert_eq!(other.status, 401, "another instance's number needs Organization");
    assert_eq!(call("DELETE", "/instances", None).await?.status, 200);
    assert_eq!(call("GET", "/instances", None).await?.status, 401);
    assert_eq!(names(&server.api.get("/instances").await?.body), ["Two"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_switched_off_goes_on_later_without_a_gap() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let path = format!("/instances/{}", instance.id);
    let off = server.api.delete(&format!("{path}/enabled")).await?;
    assert_eq!((off.status, &off.body["disabled"]), (200, &json!(true)), "{}", off.text);
    let hub = server.api.hub(&instance.token, "/hubs/crm/contacts").await?;
    assert_eq!(hub.status, 403);
    assert!(hub.text.contains("/enabled"), "{}", hub.text);
    let records = server.api.get(&format!("{path}/event-poller-records")).await?.body;
    assert_eq!(records[0]["nextDue"], Value::Null);
    salesloft.change(World::add_person);
    let renamed = server.api.send("PATCH", &path, &json!({"name": "Off"})).await?;
    assert_eq!(renamed.body["disabled"], true, "a change does not switch it on");
    let refused = server.api.send("PUT", &format!("{path}/polling-enabled"), &json!({})).await?;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(receiver.told().len(), 1);
    let own = server.api.element(&instance.token);
    let on = server.api.call("PUT", "/instances/enabled", &own, None).await?;
    assert_eq!(on.body["disabled"], false, "{}", on.text);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    assert_eq!(server.api.hub(&instance.token, "/hubs/crm/contacts").await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_read_and_changed_value_by_value() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    let path = format!("/instances/{}/configuration", instance.id);
    let values = server.api.get(&path).await?.body;
    let id_of = |key: &str| {
        let found = values.as_array().into_iter().flatten().find(|one| one["key"] == key);
        found.and_then(|one| one["id"].as_u64()).unwrap_or_default()
    };
    let at = |key: &str| format!("{path}/{}", id_of(key));
    let key = "event.notification.signature.key";
    let masked = server.api.get(&at(key)).await?.body;
    assert_eq!((&masked["key"], &masked["propertyValue"]), (&json!(key), &json!("********")));
    let kept = server.api.send("PATCH", &at(key), &json!({"propertyValue": "********"})).await?;
    assert_eq!(kept.body, masked, "{}", kept.text);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let interval = "event.poller.refresh_interval";
    let changed = server.api.send("PATCH", &at(interval), &json!({"propertyValue": 30})).await?;
    assert_eq!(changed.body["propertyValue"], "30");
    let wrong = server.api.send("PATCH", &at(interval), &json!({"propertyValue": "soon"})).await?;
    assert_eq!(wrong.status, 400);
    let new = json!({"propertyValue": "x"});
    let token = server.api.send("PATCH", &at("oauth.user.token"), &new).await?;
    assert_eq!(token.status, 400);
    let own = server.api.element(&instance.token);
    let twin = format!("/instances/configuration/{interval}");
    let by_key = server.api.call("GET", &twin, &own, None).await?;
    assert_eq!(by_key.body, changed.body, "{}", by_key.text);
    let entries = server.api.get("/elements/salesloft/configuration").await?.body;
    let entry = entries.as_array().into_iter().flatten().find(|one| one["key"] == interval);
    assert_eq!(entry.map(|one| &one["id"]), Some(&by_key.body["id"]));
    assert_eq!(server.api.get(&format!("{path}/1")).await?.status, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_that_has_stopped_is_told_and_taken_up_again() -> anyhow::Result<()> {
    let options = Options::default().with("OC_POLL_FAILURE_THRESHOLD", "2");
    let (salesloft, receiver, server, instance) = house(options).await?;
    assert_eq!(server.api.get("/instances/polling-disabled").await?.body, json!([]));
    salesloft.with(|provider| {
        provider.faults.extend(std::iter::repeat_n(Fault::Status(404), 100));
    });
    let stopped = loop {
        let found = server.api.get("/instances/polling-disabled").await?.body;
        if found != json!([]) {
            break found;
        }
    };
    assert_eq!(stopped[0]["instanceId"], instance.id);
    assert_eq!(stopped[0]["resource"], "contacts");
    assert!(stopped[0]["reason"].as_str().is_some_and(|reason| reason.contains("404")));
    salesloft.with(|provider| provider.faults.clear());
    salesloft.change(World::add_person);
    let own = server.api.element(&instance.token);
    let resumed = server.api.call("PUT", "/instances/polling-enabled", &own, None).await?;
    assert_eq!(resumed.status, 200, "{}", resumed.text);
    assert!(resumed.body.get("pollingStopped").is_none());
    until_told(&receiver, &salesloft, 0).await?;
    assert_eq!(server.api.get("/instances/polling-disabled").await?.body, json!([]));
    let records = server.api.get("/instances/event-poller-records").await?;
    assert_eq!(records.headers["elements-returned-count"], "1");
    let twin = server.api.call("GET", "/instances/event-poller-records", &own, None).await?;
    assert_eq!(twin.body[0]["instanceId"], records.body[0]["instanceId"]);
    Ok(())
}

/// A refresh token that the caller got by itself.
async fn refresh_token(server: &Server, salesloft: &Salesloft) -> anyhow::Result<String> {
    let body = json!({"apiKey": "api-key", "apiSecret": "api-s3cret", "code": salesloft.code()});
    let path = "/elements/salesloft/oauth/token";
    let granted = server.api.call("POST", path, "", Some(body.to_string())).await?.body;
    Ok(granted["refresh_token"].as_str().unwrap_or_default().to_owned())
}

fn handing_over(salesloft: &Salesloft, receiver: &Receiver, token: &str) -> Value {
    let changes = json!({"oauth.user.refresh_token": token});
    let mut body = oc_tests::server::body(salesloft, &receiver.url("hook"), &changes);
    body["providerData"] = Value::Null;
    body["externalAuthentication"] = json!("initial");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_handed_over_is_refreshed_first() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let token = refresh_token(&server, &salesloft).await?;
    let body = handing_over(&salesloft, &receiver, &token);
    let made = server.api.post("/instances", &body).await?;
    assert_eq!((made.status, &made.body["valid"]), (200, &json!(true)), "{}", made.text);
    assert_eq!(made.body["configuration"]["oauth.user.refresh_token"], "********");
    salesloft.with(|provider| assert_eq!(provider.accounts.refreshes, 1));
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    // Sent back as it was read, nothing is handed over again.
    let instance = Instance::read(&made.body)?;
    let mut same = made.body.clone();
    same["externalAuthentication"] = json!("initial");
    let put = server.api.send("PUT", &format!("/instances/{}", instance.id), &same).await?;
    assert_eq!((put.status, &put.body["token"]), (200, &json!(instance.token)), "{}", put.text);
    salesloft.with(|provider| assert_eq!(provider.accounts.reused, 0));
    let used = server.api.post("/instances", &body).await?;
    assert_eq!(used.status, 400, "{}", used.text);
    assert!(used.body["providerMessage"].as_str().is_some_and(|it| it.contains("invalid_grant")));
    let none = server.api.post("/instances", &handing_over(&salesloft, &receiver, "")).await?;
    assert!(none.status == 400 && none.text.contains("oauth.user.refresh_token"), "{}", none.text);
    assert_eq!(server.api.get("/instances/count").await?.body, json!({"count": 1}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authentication_is_recorded_without_its_secrets() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let mut body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &json!({}));
    body["providerData"]["debug"] = json!(true);
    body["retrieveObjectsAfterInstantiation"] = json!(true);
    let good = server.api.post("/instances", &body).await?;
    assert_eq!(good.status, 200, "{}", good.text);
    let objects = good.body["objects"].as_array().cloned().unwrap_or_default();
    assert!(objects.contains(&json!("contacts")), "{}", good.text);
    // The code is used up now.
    let bad = server.api.post("/instances", &body).await?;
    assert_eq!(bad.status, 400);
    for (reply, status) in [(good, 200), (bad, 400)] {
        let id = reply.headers["elements-trace-id"].to_str()?;
        let trace = server.api.get(&format!("/elements/salesloft/trace/{id}")).await?;
        let exchange = &trace.body["exchanges"][0];
        assert_eq!(exchange["response"]["status"], status, "{}", trace.text);
        assert_eq!(exchange["request"]["parameters"]["grant_type"], "authorization_code");
        assert_eq!(exchange["request"]["parameters"]["code"], "********");
        assert_eq!(trace.body["error"].is_null(), status == 200);
        for secret in ["s3cret", "api-key", "access-", "refresh-", "code-"] {
            assert!(!trace.text.contains(secret), "{secret} is in {}", trace.text);
        }
        let other = format!("/elements/salesloft/trace/{}", id.replace(&id[..1], "f"));
        assert_eq!(server.api.get(&other).await?.status, 404);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_repeated_with_its_key_creates_one_instance() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &json!({}));
    let create = |key: &'static str, body: Value| {
        let api = server.api.clone();
        async move { api.send_with("POST", "/instances", ("Idempotency-Key", key), &body).await }
    };
    let both = [create("one", body.clone()), create("one", body.clone())];
    for reply in futures_util::future::join_all(both).await {
        let reply = reply?;
        assert_eq!((reply.status, &reply.body["id"]), (200, &json!(1)), "{}", reply.text);
    }
    let mut other = body.clone();
    other["name"] = json!("Other");
    assert_eq!(create("one", other).await?.status, 409);
    assert_eq!(create("", body.clone()).await?.status, 400);
    assert_eq!(server.api.get("/instances/count").await?.body, json!({"count": 1}));
    server.api.delete("/instances/1").await?;
    let gone = create("one", body).await?;
    assert!(gone.status == 409 && gone.text.contains("deleted"), "{}", gone.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connector_requires_is_named_all_at_once() -> anyhow::Result<()> {
    let (_salesloft, _receiver, mut server) = Server::house(Options::default()).await?;
    let file = server.folder().join("connectors/salesloft.toml");
    let text = std::fs::read_to_string(&file)?;
    let text = text.replace("name = \"API Key\"", "name = \"API Key\"\nrequired = true");
    let text = text.replace("name = \"API Secret\"", "name = \"API Secret\"\nrequired = true");
    std::fs::write(&file, text)?;
    server.kill().await?;
    server.start_again().await?;
    let body = json!({"element": {"key": "salesloft"}, "configuration":
        {"oauth.api.secret": "********", "event.poller.refresh_interval": "soon"}});
    let refused = server.api.post("/instances", &body).await?;
    assert_eq!(refused.status, 400);
    for key in ["oauth.api.key", "oauth.api.secret", "refresh_interval"] {
        assert!(refused.text.contains(key), "{key} is not in {}", refused.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_stands_for_nothing_is_told_of() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let body = json!({"element": {"key": "salesloft"}, "configuration": {
        "salesloft.api.key": "v2_ak_any", "event.notification.signature.key": "********"}});
    let made = server.api.post("/instances", &body).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let warnings = made.body["warnings"].to_string();
    assert!(warnings.contains("event.notification.signature.key"), "{warnings}");
    Ok(())
}

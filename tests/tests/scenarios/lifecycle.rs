//! Instances through the API, and the program's start and stop.

use oc_tests::salesloft::World;
use oc_tests::{Instance, Options, Server};
use serde_json::{Value, json};

use crate::story::{check_story, house, until_told};

fn published(name: &str) -> anyhow::Result<Value> {
    let folder =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/oc-config/tests/vectors/salesloft_bodies");
    Ok(serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}"))?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_body_creates_an_instance_word_for_word() -> anyhow::Result<()> {
    let (salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let body = published("published_curl.json")?;
    let code = body["providerData"]["code"].as_str().unwrap_or_default().to_owned();
    salesloft.with(|provider| provider.accounts.accept(&code));
    let reply = server.api.post("/instances", &body).await?;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.body;
    for member in ["id", "elementId"] {
        assert!(answer[member].is_number(), "{member}");
    }
    assert_eq!((&answer["valid"], &answer["eventsEnabled"]), (&json!(true), &json!(true)));
    assert_eq!(answer["element"]["key"], "salesloft");
    assert_eq!(answer["configuration"]["oauth.api.secret"], "********");
    assert!(answer["user"]["emailAddress"].is_string() && answer["providerData"].is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_body_with_misplaced_braces_creates_an_instance_with_warnings()
-> anyhow::Result<()> {
    let (salesloft, _receiver, server) = Server::house(Options::default()).await?;
    salesloft.with(|provider| provider.accounts.accept("XXXXXXXXXXXXXXXXXX"));
    let reply = server.api.post("/instances", &published("published_json.json")?).await?;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let warnings = reply.body["warnings"].to_string();
    for path in ["event.poller.configuration.name", "providerData", "contacts.url"] {
        assert!(warnings.contains(path), "{path} is not in {warnings}");
    }
    assert!(!reply.text.contains("XXXXXXXXXXXXXXXXXX"), "the code is in the answer");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_read_changed_and_deleted() -> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    let path = format!("/instances/{}", instance.id);
    assert_eq!(server.api.get(&path).await?.body["token"], instance.answer["token"]);
    let listed = server.api.get("/instances").await?;
    assert_eq!(listed.body.as_array().map(Vec::len), Some(1));
    assert_eq!(listed.headers["elements-returned-count"], "1");
    let masked = json!({"name": "<b>New</b> name", "tags": [],
        "configuration": {"oauth.api.secret": "********", "event.notification.signature.key": "********"}});
    let patched = server.api.send("PATCH", &path, &masked).await?;
    assert_eq!((&patched.body["name"], &patched.body["tags"]), (&json!("New name"), &json!([])));
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    assert_eq!(receiver.deliveries()[0].body["message"]["instanceName"], "New name");
    let deleted = server.api.delete(&path).await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    assert!(deleted.headers.contains_key("elements-dropped-deliveries"));
    assert_eq!(server.api.get(&path).await?.status, 404);
    assert_eq!(server.api.hub(&instance.token, "/hubs/crm/contacts").await?.status, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_the_documented_status_and_say_what_to_do() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let poller = json!({"event.poller.configuration": null});
    let good = oc_tests::server::body(&salesloft, &receiver.url("hook"), &poller);
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a member") = value;
        body
    };
    let table = [
        (with("/element/key", json!("nobody")), 404, "no connector `nobody`"),
        (with("/providerData", json!({})), 400, "providerData.code"),
        (with("/providerData/code", json!("used")), 400, "refused the code"),
        (
            with("/configuration/event.notification.callback.url", json!("http://10.0.0.1/")),
            400,
            "10.0.0.1",
        ),
        (with("/configuration/event.vendor.type", json!("pigeon")), 400, "event.vendor.type"),
        (
            with("/configuration/event.poller.refresh_interval", json!("soon")),
            400,
            "refresh_interval",
        ),
        (with("/tags", json!("Docs")), 400, "tags"),
        (
            with(
                "/configuration/event.poller.configuration",
                json!({"people": {"url": "/hubs/crm/people", "idField": "id"}}),
            ),
            400,
            "event.poller.configuration.people.url: unknown resource `people`",
        ),
        (
            with(
                "/configuration/event.poller.configuration",
                json!({"contacts": {"url": "/contacts?where=colour='red'", "idField": "id"}}),
            ),
            400,
            "cannot be filtered by",
        ),
    ];
    for (body, status, word) in table {
        let reply = server.api.post("/instances", &body).await?;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert!(
            reply.body["message"].as_str().unwrap_or_default().contains(word),
            "{}",
            reply.text
        );
    }
    assert_eq!(server.api.get("/instances").await?.body, json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_without_the_right_secrets_or_to_nowhere_are_refused() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let api = &server.api;
    for (authorization, path, status) in [
        ("", "/instances", 401),
        ("User wrong, Organization wrong", "/instances", 401),
        ("User user-s3cret", "/instances", 401),
        ("User user-s3cret, Organization organization-s3cret", "/instances/99", 404),
        ("User user-s3cret, Organization organization-s3cret", "/nothing/here/at/all", 404),
    ] {
        assert_eq!(api.call("GET", path, authorization, None).await?.status, status, "{path}");
    }
    let broken = api
        .call(
            "POST",
            "/instances",
            "User user-s3cret, Organization organization-s3cret",
            Some("{\n  broken".to_owned()),
        )
        .await?;
    assert_eq!(broken.status, 400);
    assert!(broken.text.contains("line 2"), "{}", broken.text);
    assert_eq!(api.delete("/instances").await?.status, 401);
    assert_eq!(api.delete("/instances/count").await?.status, 405);
    let query = api.get("/instances?pageSize=many").await?;
    assert_eq!(query.status, 400);
    assert!(
        query.body["message"].as_str().is_some_and(|told| told.contains("pageSize")),
        "{}",
        query.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_url_starts_a_resource_anew_with_a_warning() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server, instance) = house(Options::default()).await?;
    let path = format!("/instances/{}", instance.id);
    let poller = |url: &str| {
        let dates = json!({"updatedDateField": "updated_at", "createdDateField": "created_at"});
        let contacts = json!({"url": url, "idField": "id", "datesConfiguration": dates});
        json!({"configuration": {"event.poller.configuration": {"contacts": contacts}}})
    };
    let url = "/contacts?where=updated_at>'${date:yyyy-MM-dd}'";
    let changed = server.api.send("PATCH", &path, &poller(url)).await?;
    let warnings = changed.body["warnings"].to_string();
    assert!(warnings.contains("event.poller.configuration.contacts"), "{}", changed.text);
    let same = server.api.send("PATCH", &path, &poller(url)).await?;
    assert_eq!(same.body["warnings"], json!([]), "{}", same.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_connector_has_gone_is_still_listed() -> anyhow::Result<()> {
    let (_salesloft, _receiver, mut server, instance) = house(Options::default()).await?;
    let text = std::fs::read_to_string(server.folder().join("connectors/salesloft.toml"))?;
    let other = text.replacen("\"salesloft\"", "\"ours\"", 1).replacen("= 5127", "= 1", 1);
    std::fs::write(server.folder().join("connectors/ours.toml"), other)?;
    server.kill().await?;
    server.start_again().await?;
    let path = format!("/instances/{}", instance.id);
    let moved = json!({"element": {"key": "ours"}, "name": "Ours"});
    assert_eq!(server.api.send("PATCH", &path, &moved).await?.status, 200);
    let ours = server.api.post("/elements/ours/instances", &with_api_key()).await?;
    assert_eq!(ours.status, 200, "{}", ours.text);
    std::fs::remove_file(server.folder().join("connectors/ours.toml"))?;
    server.kill().await?;
    server.start_again().await?;
    let listed = server.api.get("/instances").await?;
    let valid: Vec<_> =
        listed.body.as_array().into_iter().flatten().map(|one| &one["valid"]).collect();
    assert_eq!((listed.status, valid), (200, vec![&json!(true), &json!(false)]), "{}", listed.text);
    Ok(())
}

fn with_api_key() -> Value {
    json!({"configuration": {"salesloft.api.key": "v2_ak_any"}, "name": "By key"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_while_its_code_is_exchanged_finds_the_instance_later()
-> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    salesloft.with(|provider| provider.token_pause = std::time::Duration::from_millis(200));
    let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &json!({}));
    {
        let create = server.api.post("/instances", &body);
        let asked = async {
            while salesloft.with(|provider| provider.token_requests == 0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = create => anyhow::bail!("the answer came before the client could go"),
            () = asked => {}
        }
    }
    while server.api.get("/instances").await?.body.as_array().is_none_or(Vec::is_empty) {}
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_shows_what_is_polled() -> anyhow::Result<()> {
    let (salesloft, _receiver, server, instance) = house(Options::default()).await?;
    salesloft.change(|world, now| {
        for at in 0..5 {
            world.add_person(now + at);
        }
    });
    let query = "/hubs/crm/contacts?where=updated_at%3E%3D'2020-01-01T00:00:00Z'&pageSize=2&fields=id,first_name";
    let first = server.api.hub(&instance.token, query).await?;
    assert_eq!(
        first.body,
        json!([{"id": 1, "first_name": "First1"}, {"id": 2, "first_name": "First2"}])
    );
    let next = first.headers["elements-next-page-token"].to_str()?;
    let second = server.api.hub(&instance.token, &format!("{query}&nextPage={next}")).await?;
    assert_eq!(second.body[0]["id"], 3);
    let same = server.api.hub(&instance.token, "/contacts?where=first_name%3D'First4'").await?;
    assert_eq!(same.body[0]["id"], 4, "{}", same.text);
    let wrong = server.api.hub(&instance.token, "/hubs/crm/contacts?where=city%3D").await?;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let unknown = server.api.hub(&instance.token, "/hubs/crm/nothing").await?;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text.contains("contacts"), "{}", unknown.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_well_and_goes_on_later() -> anyhow::Result<()> {
    let (salesloft, receiver, mut server, _) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    assert_eq!(server.terminate().await?, Some(0), "{}", server.log());
    salesloft.change(World::add_person);
    server.start_again().await?;
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_log_nor_metrics_nor_database_hold_a_secret() -> anyhow::Result<()> {
    let options = Options::default().with("OC_LOG", "trace,hyper_util=info,hyper=info");
    let (salesloft, receiver, server, instance) = house(options).await?;
    salesloft.with(|provider| provider.accounts.expire_all());
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let metrics = server.api.get("//metrics").await?.text;
    let mut places = vec![server.log(), metrics];
    for name in ["oc.db", "oc.db-wal"] {
        let bytes = std::fs::read(server.folder().join(name))?;
        places.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let token = instance.token.clone();
    for (at, place) in places.iter().enumerate() {
        for secret in ["s3cret", "api-key", "access-", "refresh-", "code-", token.as_str()] {
            assert!(!place.contains(secret), "`{secret}` is in place {at}");
        }
    }
    let read = Instance::read(&server.api.get(&format!("/instances/{}", instance.id)).await?.body)?;
    assert_eq!(read.token, token);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_alive_and_ready() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    for path in ["//health/live", "//health/ready", "//metrics"] {
        assert_eq!(server.api.call("GET", path, "", None).await?.status, 200, "{path}");
    }
    Ok(())
}

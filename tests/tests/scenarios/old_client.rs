//! A client that knows only the published documentation of Open Connectors, and has changed
//! nothing but its base url.

use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oc_tests::receiver::Delivery;
use oc_tests::salesloft::World;
use oc_tests::server::{Reply, SIGNATURE_KEY};
use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};

const CALLBACK: &str = "https://app.example/callback";
const MASK: &str = "********";
/// What the documentation masks, and the client has given.
const SECRETS: [&str; 5] = [
    "oauth.api.key",
    "oauth.api.secret",
    "oauth.user.token",
    "oauth.user.refresh_token",
    "event.notification.signature.key",
];

/// The client, and the world around it.
struct OldClient {
    salesloft: Salesloft,
    receiver: Receiver,
    server: Server,
}

impl OldClient {
    async fn start() -> anyhow::Result<Self> {
        let (salesloft, receiver, server) = Server::house(Options::default()).await?;
        Ok(Self { salesloft, receiver, server })
    }

    async fn with_instance() -> anyhow::Result<(Self, Instance)> {
        let client = Self::start().await?;
        let body = client.body(&client.consent().await?);
        let path = "/elements/salesloft/instances";
        let made = client.platform("POST", path, Some(&body), 200).await?;
        Ok((client, Instance::read(&made.body)?))
    }

    /// A call with User and Organization.
    async fn platform(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        self.call(method, path, &self.server.api.platform(), body, status).await
    }

    /// A call with User, Organization and Element, as the documentation's hub samples have them.
    async fn hub(
        &self,
        instance: &Instance,
        method: &str,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        let authorization = format!("{}, Element {}", self.server.api.platform(), instance.token);
        let reply = self.call(method, path, &authorization, body, status).await?;
        if status == 200 {
            let told = header(&reply, "elements-element-instance-id");
            assert_eq!(told, instance.id.to_string(), "{method} {path}");
        }
        Ok(reply)
    }

    /// Any call: every answer has its request's id, every list its length, every error its words.
    async fn call(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        let body = body.map(Value::to_string);
        let reply = self.server.api.call(method, path, authorization, body).await?;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        let request = header(&reply, "elements-request-id");
        assert!(!request.is_empty(), "{method} {path} has no Elements-Request-Id");
        if let Some(list) = reply.body.as_array() {
            let returned = header(&reply, "elements-returned-count");
            assert_eq!(returned, list.len().to_string(), "{method} {path}");
        }
        if status >= 400 {
            assert_eq!(reply.body["requestId"], request, "{method} {path}: {}", reply.text);
            assert!(reply.body["message"].as_str().is_some_and(|words| !words.is_empty()));
        }
        Ok(reply)
    }

    /// Asks for the provider's page, consents there, and tells the code that comes back.
    async fn consent(&self) -> anyhow::Result<String> {
        let query = "apiKey=api-key&apiSecret=api-s3cret&callbackUrl=https://app.example/callback";
        let path = format!("/elements/salesloft/oauth/url?{query}");
        let asked = self.call("GET", &path, "", None, 200).await?;
        assert_eq!(asked.body["element"], "salesloft", "{}", asked.text);
        let url = asked.body["oauthUrl"].as_str().context("an oauthUrl")?;
        assert!(url.starts_with(&self.salesloft.authorize_url()) && !url.contains("s3cret"));
        let query = |name: &str, url: &url::Url| {
            let mut pairs = url.query_pairs();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let page = url::Url::parse(url)?;
        for (name, value) in [
            ("client_id", "api-key"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "salesloft"),
        ] {
            assert_eq!(query(name, &page).as_deref(), Some(value), "{name} in {url}");
        }
        let browser =
            Client::builder(TokioExecutor::new()).build_http::<Empty<axum::body::Bytes>>();
        let consented = browser.get(url.parse()?).await?;
        let back = consented.headers().get("location").context("a way back")?.to_str()?;
        let back = url::Url::parse(back)?;
        assert!(back.as_str().starts_with(CALLBACK), "{back}");
        assert_eq!(query("state", &back).as_deref(), Some("salesloft"));
        query("code", &back).context("a code")
    }

    /// The documentation's sample body, filled in. Polled every 0.2 s, as a test cannot wait for 15
    /// minutes.
    fn body(&self, code: &str) -> Value {
        let format = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX";
        let dates = json!({
            "updatedDateField": "updated_at", "updatedDateFormat": format,
            "updatedDateTimezone": "GMT", "createdDateField": "created_at",
            "createdDateFormat": format, "createdDateTimezone": "GMT"});
        let url = "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'";
        json!({
            "element": {"key": "salesloft"},
            "providerData": {"code": code},
            "configuration": {
                "oauth.callback.url": CALLBACK,
                "oauth.api.key": "api-key",
                "oauth.api.secret": "api-s3cret",
                "filter.response.nulls": "true",
                "event.vendor.type": "polling",
                "event.poller.refresh_interval": "0.0034",
                "event.notification.enabled": true,
                "event.notification.callback.url": self.receiver.url("hook"),
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.configuration":
                    {"contacts": {"url": url, "idField": "id", "datesConfiguration": dates}},
            },
            "tags": ["Docs"],
            "name": "API Instance with Polling",
        })
    }

    /// Changes a person, and waits for the signed notifications of all changes.
    async fn hears_of_a_new_person(&self) -> anyhow::Result<String> {
        let person = self.salesloft.change(World::add_person).to_string();
        until_told(&self.receiver, &self.salesloft, 0).await?;
        check_story(&self.receiver, &self.salesloft)?;
        Ok(person)
    }

    /// Reads events until the first is as expected.
    async fn until_event(
        &self,
        path: &str,
        enough: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let waiting = async {
            loop {
                let list = self.platform("GET", path, None, 200).await?.body;
                if enough(&list[0]) {
                    return Ok(list);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.context(path.to_owned())?
    }
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn ids(reply: &Reply) -> Vec<u64> {
    let list = reply.body.as_array().into_iter().flatten();
    list.filter_map(|record| record["id"].as_u64()).collect()
}

/// Everything that the documentation says of the connector within an instance.
fn assert_element_is_documented(element: &Value) {
    let fixed = [
        ("id", json!(5127)),
        ("name", json!("SalesLoft")),
        ("key", json!("salesloft")),
        ("hookName", json!("Salesloft")),
        ("active", json!(true)),
        ("deleted", json!(false)),
        ("typeOauth", json!(false)),
        ("trialAccount", json!(false)),
        ("transformationsEnabled", json!(true)),
        ("bulkDownloadEnabled", json!(false)),
        ("bulkUploadEnabled", json!(false)),
        ("cloneable", json!(false)),
        ("extendable", json!(false)),
        ("beta", json!(false)),
        ("extended", json!(false)),
        ("hub", json!("crm")),
        ("protocolType", json!("http")),
        ("private", json!(false)),
    ];
    for (member, value) in fixed {
        assert_eq!(element[member], value, "element.{member} of {element}");
    }
    for member in ["resources", "defaultTransformations", "objectMetadata", "parameters"] {
        assert!(element[member].is_array(), "element.{member} of {element}");
    }
    assert!(element["description"].is_string(), "{element}");
    // The documentation shows a text; the shipped connector has no image, and says so with null.
    let image = element.get("image");
    assert!(image.is_some_and(|image| image.is_null() || image.is_string()), "{element}");
    assert_eq!(element["authentication"]["type"], "oauth2", "{element}");
}

/// Everything that the documentation says of an instance that was made of the sample body.
fn assert_is_documented(answer: &Value) {
    for member in ["id", "elementId"] {
        assert!(answer[member].is_u64(), "{member} of {answer}");
    }
    for member in ["token", "createdDate", "name"] {
        assert!(answer[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    let fixed = [
        ("elementId", json!(5127)),
        ("tags", json!(["Docs"])),
        ("provisionInteractions", json!([])),
        ("valid", json!(true)),
        ("disabled", json!(false)),
        ("maxCacheSize", json!(0)),
        ("cacheTimeToLive", json!(0)),
        ("eventsEnabled", json!(true)),
        ("traceLoggingEnabled", json!(false)),
        ("cachingEnabled", json!(false)),
        ("externalAuthentication", json!("none")),
    ];
    for (member, value) in fixed {
        assert_eq!(answer[member], value, "{member} of {answer}");
    }
    assert!(answer.get("providerData").is_none(), "{answer}");
    assert!(answer["user"]["id"].is_u64(), "{answer}");
    for member in ["emailAddress", "firstName", "lastName"] {
        assert!(answer["user"][member].is_string(), "user.{member} of {answer}");
    }
    assert_element_is_documented(&answer["element"]);
    let configuration = &answer["configuration"];
    let mut values = configuration.as_object().into_iter().flat_map(|all| all.values());
    assert!(values.all(|value| value.is_string() || value.is_null()), "{answer}");
    for secret in SECRETS {
        assert_eq!(configuration[secret], MASK, "{secret}");
    }
    assert!(configuration["base.url"].is_string());
    assert_eq!(configuration["oauth.user.refresh_interval"], "7200");
    assert_eq!(configuration["event.notification.enabled"], "true");
}

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

    let off = client.platform("DELETE", &enabled, None, 200).await?;
    assert_eq!(off.body["disabled"], true, "{}", off.text);
    client.hub(&instance, "GET", hub, None, 403).await?;
    client.salesloft.change(World::add_person);
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
    assert_eq!(client.receiver.told().len(), 5);
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
    // The simulator takes any secret, so another token endpoint looks at the one that is sent.
    let endpoint = Receiver::start().await?;
    let look = json!({"providerData": {"code": "any"}, "configuration": {
        "oauth.token.url": endpoint.url("token"), "oauth.api.key": MASK, "oauth.api.secret": MASK}});
    let refused = client.server.api.send("PATCH", &path, &look).await?;
    assert!([400, 502].contains(&refused.status), "{}", refused.text);
    let asked = endpoint.deliveries();
    let form: Vec<_> = url::form_urlencoded::parse(&asked[0].bytes).collect();
    for (name, value) in [("client_id", "api-key"), ("client_secret", "api-s3cret")] {
        assert!(form.contains(&(name.into(), value.into())), "{name} in {form:?}");
    }
    // The failed authentication has changed nothing.
    let read = client.platform("GET", &path, None, 200).await?;
    assert_eq!(read.body["configuration"], put.body["configuration"], "{}", read.text);
    client.hub(&instance, "GET", "/hubs/crm/contacts", None, 200).await?;
    Ok(())
}

/// Everything that the documentation says of the notification of one new person.
fn assert_tells_of(delivery: &Delivery, instance: &Instance, person: &str) {
    let (body, message) = (&delivery.body, &delivery.body["message"]);
    for (member, value) in
        [("topic", "elements"), ("severity", "low"), ("action", "event"), ("user", "system")]
    {
        assert_eq!(body[member], value, "{member} of {body}");
    }
    for (member, value) in [
        ("elementKey", json!("salesloft")),
        ("instanceId", json!(instance.id)),
        ("instance_id", json!(instance.id)),
        ("instanceName", json!("API Instance with Polling")),
        ("instanceTags", json!(["Docs"])),
    ] {
        assert_eq!(message[member], value, "message.{member} of {body}");
    }
    for member in ["accountId", "companyId", "userId"] {
        assert!(message[member].is_u64(), "message.{member} of {body}");
    }
    assert!(body["id"].is_string() && body["createdDate"].is_string(), "{body}");
    let event = &message["events"][0];
    for (member, value) in [
        ("objectType", "contacts"),
        ("objectId", person),
        ("eventType", "CREATED"),
        ("elementKey", "salesloft"),
        ("hubKey", "crm"),
    ] {
        assert_eq!(event[member], value, "{member} of {event}");
    }
    assert!(event["date"].is_string() && event["pollDate"].is_string(), "{event}");
    let raw = &message["raw"];
    assert_eq!((&raw["objectType"], &raw["events"]), (&json!("contacts"), &message["events"]));
    assert_eq!(raw["eventId"], message["eventId"]);
    assert_eq!(raw["instance_id"], instance.id.to_string());
    assert_eq!(raw["contacts"][0]["id"].to_string(), person);
    // The receiver has checked the signature itself.
    let told = |name: &str| delivery.headers.get(name).map_or("", |it| it.to_str().unwrap_or(""));
    assert_eq!(told("elements-webhook-id"), message["eventId"]);
    assert!(told("elements-webhook-signature").starts_with("sha256="));
    assert!(told("content-type").starts_with("application/json"));
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

//! The hub as an old client uses it: lists and single records of the provider.

use oc_tests::server::Reply;
use oc_tests::{Fault, Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

/// A server whose instance does not poll, so that only the hub asks the provider.
struct Quiet {
    salesloft: Salesloft,
    _receiver: Receiver,
    server: Server,
    instance: Instance,
}

impl Quiet {
    async fn start(configuration: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (salesloft, receiver, server) = Server::house(Options::default()).await?;
        let mut changes = json!({"event.poller.refresh_interval": "999999999"});
        for (key, value) in configuration {
            changes[key] = json!(value);
        }
        let instance = server.create(&salesloft, &receiver.url("hook"), &changes).await?;
        Ok(Self { salesloft, _receiver: receiver, server, instance })
    }

    async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.server.api.hub(&self.instance.token, path).await
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Reply> {
        hub(&self.server, &self.instance, method, path, body).await
    }

    /// How often such a request has come to the provider.
    fn wrote(&self, request: &str) -> usize {
        self.salesloft.with(|provider| provider.wrote.iter().filter(|one| *one == request).count())
    }
}

async fn hub(
    server: &Server,
    instance: &Instance,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<Reply> {
    let authorization = format!("{}, Element {}", server.api.platform(), instance.token);
    server.api.call(method, path, &authorization, body.map(|body| body.to_string())).await
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn single_records_are_made_read_changed_and_removed() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    let table = [
        ("/hubs/crm/contacts", json!({"email_address": "ann@example.com", "title": "One"})),
        (
            "/hubs/anything/accounts",
            json!({"name": "Ann & Co", "domain": "x.example", "title": "One"}),
        ),
        ("/contacts", json!({"phone": "1", "last_name": "Doe", "title": "One"})),
    ];
    for (list, body) in table {
        let made = quiet.call("POST", list, Some(body)).await?;
        assert_eq!(made.status, 200, "{}", made.text);
        assert_eq!(header(&made, "elements-element-instance-id"), quiet.instance.id.to_string());
        let id = made.body["id"].as_u64().unwrap();
        // No envelope, and no nulls.
        assert!(made.body.get("data").is_none() && made.body.get("person_stage").is_none());
        let path = format!("{list}/{id}");
        assert_eq!(quiet.get(&path).await?.body, made.body);
        for method in ["PUT", "PATCH"] {
            let changed = quiet.call(method, &path, Some(json!({"title": method}))).await?;
            assert_eq!((changed.status, &changed.body["title"]), (200, &json!(method)));
        }
        let some = quiet.get(&format!("{path}?fields=id,owner.id,title")).await?;
        assert_eq!(some.body, json!({"id": id, "title": "PATCH", "owner": {"id": 3}}));
        let gone = quiet.call("DELETE", &path, None).await?;
        assert_eq!((gone.status, gone.text.as_str()), (200, ""));
        for method in ["GET", "DELETE"] {
            let missing = quiet.call(method, &path, None).await?;
            assert_eq!(missing.status, 404, "{}", missing.text);
            assert_eq!(missing.body["providerMessage"], "{\"error\":\"Resource not found\"}");
        }
    }
    let paths = quiet.salesloft.with(|provider| provider.wrote.clone());
    assert!(paths.iter().all(|path| !path.starts_with("PATCH")), "{paths:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_through_the_hub_is_told_as_an_event() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    let body = json!({"email_address": "ann@example.com"});
    let made = hub(&server, &instance, "POST", "/hubs/crm/contacts", Some(body)).await?;
    let id = made.body["id"].to_string();
    let told =
        |receiver: &Receiver| receiver.told().iter().map(|told| told.object.clone()).collect();
    let count = |receiver: &Receiver| -> usize { Vec::<String>::len(&told(receiver)) };
    receiver.until("the creation", |receiver| count(receiver) == 1).await?;
    let path = format!("/hubs/crm/contacts/{id}");
    hub(&server, &instance, "PATCH", &path, Some(json!({"title": "New"}))).await?;
    receiver.until("the change", |receiver| count(receiver) == 2).await?;
    assert_eq!(told(&receiver), [id.clone(), id]);
    let deliveries = receiver.deliveries();
    let kinds: Vec<&Value> =
        deliveries.iter().map(|one| &one.body["message"]["events"][0]["eventType"]).collect();
    assert_eq!(kinds, ["CREATED", "UPDATED"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_and_says_what_can() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    let good = || Some(json!({"email_address": "a@b"}));
    let bad = quiet.call("POST", "/contacts", Some(json!({"email_address": "nobody"}))).await?;
    assert_eq!(bad.status, 400);
    assert_eq!(bad.body["providerMessage"], "{\"errors\":{\"email_address\":[\"is invalid\"]}}");
    let empty = quiet.call("POST", "/accounts", Some(json!({"name": "x"}))).await?;
    assert_eq!(empty.status, 400, "{}", empty.text);
    let unknown = quiet.call("POST", "/hubs/crm/nothing", good()).await?;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body["message"].as_str().unwrap().contains("contacts"));
    let other = quiet.call("POST", "/hubs/crm/users", good()).await?;
    assert_eq!((other.status, header(&other, "allow")), (405, "GET, HEAD"));
    assert!(other.body["message"].as_str().unwrap().contains("GET /users/{id}"));
    for method in ["PUT", "PATCH", "DELETE"] {
        let other = quiet.call(method, "/hubs/crm/users/1", good()).await?;
        assert_eq!((other.status, header(&other, "allow")), (405, "GET, HEAD"), "{method}");
    }
    assert_eq!(quiet.call("PUT", "/hubs/crm/contacts", good()).await?.status, 405);
    for body in [json!([1]), json!("x"), Value::Null] {
        assert_eq!(quiet.call("POST", "/contacts", Some(body)).await?.status, 400);
    }
    assert_eq!(quiet.call("POST", "/contacts", None).await?.status, 415);
    assert_eq!(quiet.get("/contacts/1?where=id=1").await?.status, 400);
    let platform = quiet.server.api.post("/hubs/crm/contacts", &json!({})).await?;
    assert_eq!(platform.status, 401, "no Element token");
    assert_eq!(quiet.wrote("POST /people") + quiet.wrote("POST /accounts"), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_is_never_sent_twice_and_the_rest_may_be() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    let person = || Some(json!({"email_address": "a@b"}));
    for (fault, status) in
        [(Fault::LosesAnswer, 504), (Fault::Status(503), 502), (Fault::Html, 502)]
    {
        let before = quiet.wrote("POST /people");
        // A connection that was used before, which may close at any time.
        assert_eq!(quiet.get("/contacts").await?.status, 200);
        quiet.salesloft.with(|provider| provider.write_faults = [fault].into());
        let lost = quiet.call("POST", "/contacts", person()).await?;
        assert_eq!(lost.status, status, "{}", lost.text);
        assert_eq!(quiet.wrote("POST /people"), before + 1, "{fault:?}");
    }
    let id = quiet.salesloft.change(|world, _| world.ids("people")[0]);
    let (path, twice) = (format!("/contacts/{id}"), format!("/people/{id}"));
    quiet.salesloft.with(|provider| provider.write_faults = [Fault::Status(503)].into());
    let changed = quiet.call("PUT", &path, Some(json!({"title": "x"}))).await?;
    assert_eq!((changed.status, quiet.wrote(&format!("PUT {twice}"))), (200, 2));
    quiet.salesloft.with(|provider| provider.write_faults = [Fault::LosesAnswer].into());
    let gone = quiet.call("DELETE", &path, None).await?;
    assert_eq!((gone.status, quiet.wrote(&format!("DELETE {twice}"))), (200, 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_an_expired_token_is_carried_out_once_with_a_new_one() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    quiet.salesloft.with(|provider| provider.accounts.expire_all());
    let made = quiet.call("POST", "/contacts", Some(json!({"email_address": "a@b"}))).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(quiet.salesloft.change(|world, _| world.ids("people").len()), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_single_records_keep_their_meaning() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    let id = quiet.salesloft.change(oc_tests::salesloft::World::add_person);
    let table: [(&[Fault], u16); 5] = [
        (&[Fault::Status(404)], 404),
        (&[Fault::Status(403)], 403),
        (&[Fault::Status(409)], 409),
        (&[Fault::Status(500), Fault::Status(500)], 502),
        (&[Fault::Cut; 4], 504),
    ];
    for (faults, status) in table {
        quiet.salesloft.with(|provider| provider.faults = faults.iter().copied().collect());
        let reply = quiet.get(&format!("/contacts/{id}")).await?;
        assert_eq!(reply.status, status, "{faults:?}: {}", reply.text);
        if status < 504 {
            assert!(reply.body["providerMessage"].as_str().unwrap().contains("went wrong"));
        }
    }
    quiet.salesloft.with(|provider| provider.faults = [Fault::RetryAfter(90)].into());
    let limited = quiet.get(&format!("/contacts/{id}")).await?;
    assert_eq!(limited.status, 429, "{}", limited.text);
    assert!(header(&limited, "retry-after").parse::<u32>()? > 80);
    assert_eq!(limited.body["providerMessage"], "{\"error\":\"API rate limit exceeded\"}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_sorted_and_paged() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    quiet.salesloft.change(|world, now| {
        for at in 0..7 {
            let city = if at == 5 { "Rome" } else { "Portland" };
            let fields = json!({"city": city}).as_object().cloned().unwrap_or_default();
            world.add("people", now - 1_000 + at, &fields);
        }
    });
    let ids = |reply: &Reply| -> Vec<u64> {
        let list = reply.body.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|record| record["id"].as_u64()).collect()
    };
    let sorted = quiet.get("/contacts?orderBy=created_at%20desc&pageSize=3").await?;
    assert_eq!(ids(&sorted), [7, 6, 5]);
    let next = header(&sorted, "elements-next-page-token");
    let second = format!("/contacts?orderBy=created_at%20desc&pageSize=3&nextPage={next}");
    assert_eq!(ids(&quiet.get(&second).await?), [4, 3, 2]);
    assert_eq!(ids(&quiet.get("/contacts?pageSize=3&page=3").await?), [7]);
    let refused = quiet.get("/contacts?orderBy=city").await?;
    assert_eq!(refused.status, 400);
    assert!(refused.body["message"].as_str().unwrap().contains("created_at, updated_at"));

    // The provider cannot filter by city: the pages are its own, and what they hold is left out here.
    let (mut token, mut found, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let path = format!("/contacts?where=city%3D'Rome'&pageSize=2{token}");
        let page = quiet.get(&path).await?;
        assert_eq!(header(&page, "elements-returned-count"), ids(&page).len().to_string());
        found.extend(ids(&page));
        pages += 1;
        match header(&page, "elements-next-page-token") {
            "" => break,
            next => token = format!("&nextPage={next}"),
        }
    }
    assert_eq!((found, pages), (vec![6], 4));
    let either = "/contacts?where=city%3D'Rome'%20OR%20first_name%3D'First1'&fields=id";
    assert_eq!(quiet.get(either).await?.body, json!([{"id": 1}, {"id": 6}]));
    let unknown = quiet.get("/contacts?where=colour%3D'red'").await?;
    assert_eq!(unknown.status, 400);
    assert!(unknown.body["message"].as_str().unwrap().contains("city"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_told_when_the_provider_tells_it_and_nulls_when_they_are_wanted()
-> anyhow::Result<()> {
    let quiet = Quiet::start(&[("filter.response.nulls", "false")]).await?;
    let id = quiet.salesloft.change(oc_tests::salesloft::World::add_person);
    let list = quiet.get("/contacts").await?;
    assert_eq!(header(&list, "elements-total-count"), "");
    assert!(list.body[0].as_object().unwrap()["person_stage"].is_null());
    let one = quiet.get(&format!("/contacts/{id}")).await?;
    assert_eq!(one.body, list.body[0]);
    let counted = quiet.get("/contacts?include_paging_counts=true").await?;
    assert_eq!(header(&counted, "elements-total-count"), "1");
    let left_out = quiet.get("/contacts?include_paging_counts=true&where=city%3D'Rome'").await?;
    assert_eq!((header(&left_out, "elements-total-count"), &left_out.body), ("", &json!([])));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_has_its_single_records() -> anyhow::Result<()> {
    let quiet = Quiet::start(&[]).await?;
    let lists = [
        ("cadence-memberships", "cadence_memberships"),
        ("emails", "activities/emails"),
        ("users", "users"),
        ("person-stages", "person_stages"),
    ];
    for (resource, path) in lists {
        let none = serde_json::Map::new();
        let id = quiet.salesloft.change(|world, now| world.add(path, now, &none));
        let one = quiet.get(&format!("/hubs/crm/{resource}/{id}")).await?;
        assert_eq!((one.status, one.body["id"].as_u64()), (200, Some(id)), "{resource}");
    }
    Ok(())
}

//! Two organizations on one server, strictly apart.

use anyhow::{Context as _, ensure};
use oc_tests::server::{Api, Reply};
use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::until_told;

/// Everything of the first organization that could be told to the other carries this.
const MARK: &str = "Quokka";

/// Two organizations, each with a user and an instance.
struct Tenants {
    salesloft: Salesloft,
    receiver: Receiver,
    server: Server,
    first: Api,
    second: Api,
    secrets: Secrets,
    of_first: Instance,
    of_second: Instance,
}

/// Of the second organization.
struct Secrets {
    user: String,
    organization: String,
}

impl Tenants {
    async fn start() -> anyhow::Result<Self> {
        let options = Options::default().with("OC_API_FAILURE_RATE", "0");
        let (salesloft, receiver, mut server) = Server::house(options).await?;
        server.terminate().await?;
        let add = ["user", "add", "--organization", "Second", "--email", "second@example.com"];
        let added = server.run(&[&add[..], &["--json"]].concat()).await?.json()?.remove(0);
        server.start_again().await?;
        let text = |name: &str| added[name].as_str().context("a secret").map(str::to_owned);
        let secrets =
            Secrets { user: text("userSecret")?, organization: text("organizationSecret")? };
        let first = server.api.clone();
        let second = first.as_caller(&secrets.user, &secrets.organization);
        let mut made = Vec::new();
        for (api, name) in [(&first, MARK), (&second, "Second")] {
            let mut body = oc_tests::server::body(&salesloft, &receiver.url(name), &json!({}));
            body["name"] = json!(name);
            body["tags"] = json!([name]);
            let reply = api.post("/instances", &body).await?;
            ensure!(reply.status == 200, "{}", reply.text);
            made.push(Instance::read(&reply.body)?);
        }
        let (of_second, of_first) =
            (made.pop().context("two instances")?, made.pop().context("two instances")?);
        Ok(Self { salesloft, receiver, server, first, second, secrets, of_first, of_second })
    }

    /// Has this nothing of the first organization?
    fn tells_nothing(&self, reply: &Reply, call: &str) -> anyhow::Result<()> {
        for mark in [MARK, &self.of_first.token, "admin@localhost"] {
            ensure!(!reply.text.contains(mark), "{call} tells `{mark}`: {}", reply.text);
        }
        Ok(())
    }
}

/// A call of the description.
struct Call {
    method: String,
    path: String,
    is_protected: bool,
    has_body: bool,
}

/// Every call that is described, so that none is forgotten.
async fn described(api: &Api) -> anyhow::Result<Vec<Call>> {
    let document = api.call("GET", "//openapi.json", "", None).await?.body;
    let mut calls = Vec::new();
    for (path, operations) in document["paths"].as_object().context("paths")? {
        for (method, operation) in operations.as_object().context("operations")? {
            calls.push(Call {
                method: method.to_uppercase(),
                path: path.clone(),
                is_protected: operation["security"].as_array().is_some_and(|all| !all.is_empty()),
                has_body: operation["requestBody"].is_object(),
            });
        }
    }
    ensure!(calls.len() > 10, "only {} calls are described", calls.len());
    Ok(calls)
}

impl Call {
    fn aimed_at(&self, instance: i64, other: &str) -> String {
        let mut path = self.path.replace("{id}", &instance.to_string());
        for (name, value) in
            [("{keyOrId}", "salesloft"), ("{hub}", "crm"), ("{resource}", "contacts")]
        {
            path = path.replace(name, value);
        }
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, other);
        }
        path
    }

    async fn make(&self, api: &Api, path: &str, authorization: &str) -> anyhow::Result<Reply> {
        let body = self.has_body.then(|| "{}".to_owned());
        api.call(&self.method, path, authorization, body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_reaches_or_tells_what_is_another_organizations() -> anyhow::Result<()> {
    let house = Tenants::start().await?;
    house.salesloft.change(oc_tests::salesloft::World::add_person);
    until_told(&house.receiver, &house.salesloft, 0).await?;
    let event = house.receiver.deliveries()[0].id.clone();
    let path = format!("/instances/{}", house.of_first.id);
    let before = house.first.get(&path).await?.body;
    let (user, organization) = (&house.secrets.user, &house.secrets.organization);
    let (first, second) = (&house.of_first.token, &house.of_second.token);
    let crossed = [
        format!("User {user}, Element {first}"),
        format!("User {user}, Organization {organization}, Element {first}"),
        format!("User user-s3cret, Organization {organization}"),
        format!("User user-s3cret, Organization {organization}, Element {first}"),
        format!("User user-s3cret, Element {second}"),
        format!("User {user}, Organization organization-s3cret"),
        format!("User {user}, Organization organization-s3cret, Element {second}"),
        format!("User {first}, Organization {organization}"),
        format!("User {organization}, Organization {user}"),
    ];
    let own = [
        format!("User {user}, Organization {organization}"),
        format!("User {user}, Element {second}"),
        format!("User {user}, Organization {organization}, Element {second}"),
    ];
    for call in described(&house.first).await? {
        for other in ["1", &event] {
            let path = call.aimed_at(house.of_first.id, other);
            let is_aimed = call.path.contains("{id}");
            for authorization in &crossed {
                let reply = call.make(&house.second, &path, authorization).await?;
                let shown = format!("{} {path} as {authorization}", call.method);
                house.tells_nothing(&reply, &shown)?;
                let refused = matches!(reply.status, 401 | 403 | 404);
                ensure!(refused || !call.is_protected, "{shown}: {} {}", reply.status, reply.text);
            }
            // With secrets that are right: not at another's instance, and of lists only one's own.
            for authorization in &own {
                if !is_aimed && call.method != "GET" {
                    continue;
                }
                let reply = call.make(&house.second, &path, authorization).await?;
                let shown = format!("{} {path} as the other tenant", call.method);
                house.tells_nothing(&reply, &shown)?;
                let refused = matches!(reply.status, 401 | 403 | 404);
                ensure!(refused || !(is_aimed && call.is_protected), "{shown}: {}", reply.status);
            }
        }
    }
    let mut after = house.first.get(&path).await?.body;
    after["configuration"]["oauth.user.refresh_time"] =
        before["configuration"]["oauth.user.refresh_time"].clone();
    // Its own polls go on.
    after["rateBudget"] = before["rateBudget"].clone();
    assert_eq!(after, before, "something was changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organization_lists_and_is_told_only_its_own() -> anyhow::Result<()> {
    let house = Tenants::start().await?;
    for (api, own) in [(&house.first, MARK), (&house.second, "Second")] {
        let listed = api.get("/instances").await?.body;
        let names: Vec<&Value> =
            listed.as_array().into_iter().flatten().map(|one| &one["name"]).collect();
        assert_eq!(names, [&json!(own)]);
    }
    house.salesloft.change(oc_tests::salesloft::World::add_person);
    let both = |receiver: &Receiver| {
        let came: std::collections::BTreeSet<String> =
            receiver.deliveries().into_iter().map(|one| one.path).collect();
        came.len() == 2
    };
    house.receiver.until("both to be told", both).await?;
    for delivery in house.receiver.deliveries() {
        let message = &delivery.body["message"];
        assert_eq!(message["instanceName"], json!(delivery.path), "{message}");
    }
    let path = format!("/instances/{}", house.of_first.id);
    assert_eq!(house.second.delete(&path).await?.status, 404);
    assert_eq!(house.first.get(&path).await?.status, 200);
    assert_eq!(house.of_second.answer["user"]["emailAddress"], "second@example.com");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_overlaps_and_a_removed_user_is_refused() -> anyhow::Result<()> {
    let mut house = Tenants::start().await?;
    house.server.terminate().await?;
    let rotated = house.server.run(&["user", "rotate", "second@example.com", "--json"]).await?;
    let new = rotated.json()?[0]["secret"].as_str().context("a secret")?.to_owned();
    house.server.start_again().await?;
    let organization = house.secrets.organization.clone();
    let status = |server: &Server, user: &str| {
        let api = server.api.as_caller(user, &organization);
        async move { anyhow::Ok(api.get("/instances").await?.status) }
    };
    assert_eq!(status(&house.server, &new).await?, 200);
    assert_eq!(status(&house.server, &house.secrets.user).await?, 200, "it overlaps");

    house.server.terminate().await?;
    let ended = house.server.run(&["user", "rotate", "2", "--overlap", "0s", "--json"]).await?;
    let newest = ended.json()?[0]["secret"].as_str().context("a secret")?.to_owned();
    let refused = house.server.run(&["user", "remove", "2"]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("--force") && refused.err.contains("1 instances"), "{refused:?}");
    house.server.start_again().await?;
    for (user, expected) in [(&newest, 200), (&new, 401), (&house.secrets.user, 401)] {
        assert_eq!(status(&house.server, user).await?, expected);
    }

    house.server.terminate().await?;
    let removed = house.server.run(&["user", "remove", "2", "--force", "--json"]).await?.json()?;
    assert_eq!(removed, [json!({"user": 2, "organizationRemoved": true, "instancesDeleted": 1})]);
    house.server.start_again().await?;
    assert_eq!(status(&house.server, &newest).await?, 401);
    let first = house.server.api.get("/instances").await?.body;
    assert_eq!(first[0]["name"], MARK, "the other organization is as it was");
    Ok(())
}

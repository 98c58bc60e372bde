//! Single records against a provider that answers as it is told.

use std::sync::Arc;
use std::time::Duration;

use oc_config::{Catalogue, Connector, InstanceId};
use oc_egress::{Clock, Egress, Policy};
use serde_json::json;
use url::Url;
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate, Times};

use super::*;
use crate::{Credential, Hub, MockAuthorizer, Retry};

struct House {
    server: MockServer,
    hub: Hub,
    target: Target,
}

async fn house_with(connector: Arc<Connector>, refusals: usize) -> House {
    let server = MockServer::start().await;
    let mut authorizer = MockAuthorizer::new();
    authorizer.expect_authorize().returning(|_, _, _| Ok(Credential(1)));
    authorizer.expect_refused().times(refusals).returning(|_, _, _| Ok(()));
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    let egress = Egress::new(policy, "t").unwrap();
    let retry = Retry { tries: 4, pause: Duration::from_millis(1) };
    let target = Target {
        instance: InstanceId(1),
        connector,
        base: Url::parse(&server.uri()).unwrap(),
        account: "team".to_owned(),
        drop_nulls: true,
    };
    House { server, hub: Hub::new(egress, Clock::system(), Arc::new(authorizer), retry), target }
}

fn salesloft() -> Arc<Connector> {
    Arc::clone(Catalogue::built_in().unwrap().find("salesloft").unwrap())
}

async fn house() -> House {
    house_with(salesloft(), 0).await
}

impl House {
    async fn answers(
        &self,
        verb: &str,
        at: &str,
        answer: ResponseTemplate,
        times: impl Into<Times>,
    ) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.expect(times).mount(&self.server).await;
    }

    /// The next answers come before the others.
    async fn answers_first(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.up_to_n_times(1).with_priority(1).mount(&self.server).await;
    }
}

fn call(url: &str) -> HubCall {
    HubCall::parse(url).unwrap().0
}

fn person() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"data": {"id": 7, "title": null}}))
}

fn body() -> Bytes {
    Bytes::from_static(br#"{"title":"x"}"#)
}

#[tokio::test]
async fn one_record_comes_without_its_envelope_and_its_id_is_a_single_segment() {
    let house = house().await;
    house.answers("GET", "/people/7", person(), 2).await;
    house.answers("GET", "/people/a%2Fb%20%3F", person(), 1).await;
    for id in ["7", "a/b ?"] {
        let one = house.hub.one(&house.target, &call("/contacts"), id).await.unwrap();
        assert_eq!(one, json!({"id": 7}));
    }
    for id in [".", ".."] {
        let refused = house.hub.one(&house.target, &call("/contacts"), id).await;
        assert!(matches!(refused, Err(HubError::Request(_))), "{id}");
    }
    let chosen = house.hub.one(&house.target, &call("/contacts?fields=none"), "7").await;
    assert_eq!(chosen.unwrap(), json!({}));
}

#[tokio::test]
async fn a_creation_that_may_have_arrived_is_not_sent_again() {
    for status in [500, 502, 503] {
        let house = house().await;
        house.answers("POST", "/people", ResponseTemplate::new(status), 1).await;
        let failed = house.hub.create(&house.target, &call("/contacts"), body()).await;
        assert!(matches!(failed, Err(HubError::Faulty { .. })), "{status}");
    }
    let house = house().await;
    let html = ResponseTemplate::new(200).set_body_string("<html>");
    house.answers("POST", "/people", html, 1).await;
    assert!(house.hub.create(&house.target, &call("/contacts"), body()).await.is_err());
}

#[tokio::test]
async fn a_creation_that_was_turned_away_is_sent_again() {
    let house = house_with(salesloft(), 1).await;
    house.answers_first("POST", "/people", ResponseTemplate::new(401)).await;
    let created =
        Mock::given(method("POST")).and(path("/people")).and(body_json(json!({"title": "x"})));
    created.respond_with(person()).expect(1).mount(&house.server).await;
    let record = house.hub.create(&house.target, &call("/contacts"), body()).await.unwrap();
    assert_eq!(record, json!({"id": 7}));
}

#[tokio::test]
async fn an_update_does_no_harm_when_it_is_sent_twice() {
    let house = house().await;
    house.answers_first("PUT", "/people/7", ResponseTemplate::new(503)).await;
    house.answers("PUT", "/people/7", person(), 1).await;
    let record = house.hub.update(&house.target, &call("/contacts"), "7", body()).await.unwrap();
    assert_eq!(record, json!({"id": 7}));
}

#[tokio::test]
async fn a_provider_that_wants_patch_gets_it_once_and_wrapped() {
    let mut connector = Connector::clone(&salesloft());
    let text = include_str!("../../../oc-config/connectors/salesloft.toml");
    let text = text.replacen(
        "update    = true ",
        "update = { method = \"PATCH\", wrap = \"person\", record = \"/person\" } ",
        1,
    );
    connector.resources = Connector::parse(&text).unwrap().resources;
    let house = house_with(Arc::new(connector), 0).await;
    let wrapped = Mock::given(method("PATCH")).and(body_json(json!({"person": {"title": "x"}})));
    wrapped.respond_with(ResponseTemplate::new(500)).expect(1).mount(&house.server).await;
    assert!(house.hub.update(&house.target, &call("/contacts"), "7", body()).await.is_err());
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done_when_the_record_is_gone() {
    let house = house().await;
    house.answers_first("DELETE", "/people/7", ResponseTemplate::new(502)).await;
    house.answers("DELETE", "/people/7", ResponseTemplate::new(404), 1).await;
    house.hub.delete(&house.target, &call("/contacts"), "7").await.unwrap();
    let missing = house.hub.delete(&house.target, &call("/contacts"), "8").await.unwrap_err();
    assert!(matches!(missing, HubError::Provider { status, .. } if status.as_u16() == 404));
}

#[tokio::test]
async fn an_answer_without_the_record_fails_a_reading_and_not_a_write() {
    let house = house().await;
    let other = || ResponseTemplate::new(200).set_body_json(json!({"ok": true}));
    house.answers("GET", "/people/7", other(), 2).await;
    house.answers("POST", "/people", other(), 1).await;
    house.answers("PUT", "/people/7", ResponseTemplate::new(204), 1).await;
    let contacts = call("/contacts");
    let failed = house.hub.one(&house.target, &contacts, "7").await;
    assert!(matches!(failed, Err(HubError::Faulty { .. })));
    assert_eq!(house.hub.create(&house.target, &contacts, body()).await.unwrap(), json!({}));
    assert_eq!(house.hub.update(&house.target, &contacts, "7", body()).await.unwrap(), json!({}));
}

#[tokio::test]
async fn what_a_resource_does_not_take_is_refused_with_what_it_has() {
    let house = house().await;
    let refused = house.hub.create(&house.target, &call("/users"), body()).await.unwrap_err();
    assert!(matches!(&refused, HubError::UnknownMethod { allowed, .. } if allowed == "GET, HEAD"));
    let told = refused.to_string();
    assert_eq!(told, "`users` does not take POST here; it has: GET /users, GET /users/{id}");
    let refused = house.hub.delete(&house.target, &call("/users"), "7").await.unwrap_err();
    assert!(matches!(refused, HubError::UnknownMethod { .. }));
    let filtered = call("/contacts?where=city='Rome'");
    assert!(house.hub.one(&house.target, &filtered, "7").await.is_err());
    assert!(house.server.received_requests().await.unwrap().is_empty());
}

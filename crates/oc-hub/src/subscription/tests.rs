//! Subscriptions at a provider that answers as it is told.

use std::sync::Arc;
use std::time::Duration;

use oc_config::{Catalogue, InstanceId};
use oc_egress::{Clock, Egress, Policy};
use serde_json::json;
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::{Credential, Hub, MockAuthorizer, Retry};

async fn house() -> (MockServer, Hub, Target) {
    let server = MockServer::start().await;
    let mut authorizer = MockAuthorizer::new();
    authorizer.expect_authorize().returning(|_, _, _| Ok(Credential(1)));
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    let egress = Egress::new(policy, "t").unwrap();
    let retry = Retry { tries: 4, pause: Duration::from_millis(1) };
    let target = Target {
        instance: InstanceId(1),
        connector: Arc::clone(Catalogue::built_in().unwrap().find("salesloft").unwrap()),
        base: Url::parse(&server.uri()).unwrap(),
        account: "team".to_owned(),
        drop_nulls: true,
    };
    let hub = Hub::new(egress, Clock::system(), Arc::new(authorizer), retry);
    (server, hub, target)
}

async fn subscribed(hub: &Hub, target: &Target) -> Result<String, HubError> {
    let callback = Url::parse("https://here.example/hook").unwrap();
    hub.subscribe(target, "person_created", &callback, &SecretString::from("s3cret")).await
}

#[tokio::test]
async fn the_answer_to_a_subscription_names_its_id() {
    let (server, hub, target) = house().await;
    let body = json!({"event_type": "person_created", "callback_url": "https://here.example/hook",
        "callback_token": "s3cret"});
    let answer = ResponseTemplate::new(200).set_body_json(json!({"data": {"id": 7}}));
    Mock::given(method("POST"))
        .and(path("/webhook_subscriptions"))
        .and(body_json(body))
        .respond_with(answer)
        .mount(&server)
        .await;
    assert_eq!(subscribed(&hub, &target).await.unwrap(), "7");
}

#[tokio::test]
async fn a_subscription_that_may_have_been_made_is_not_asked_for_again() {
    let (server, hub, target) = house().await;
    let answer = ResponseTemplate::new(500);
    Mock::given(method("POST")).respond_with(answer).expect(1).mount(&server).await;
    assert!(matches!(subscribed(&hub, &target).await, Err(HubError::Faulty { .. })));
}

#[tokio::test]
async fn the_list_is_read_to_its_end() {
    let (server, hub, target) = house().await;
    for (page, next) in [(1, json!(2)), (2, json!(null))] {
        let answer = json!({"metadata": {"paging": {"next_page": next}}, "data": [
            {"id": page, "event_type": "person_created", "callback_url": "https://x.example/a"},
            {"id": null, "event_type": "person_created", "callback_url": "https://x.example/a"}]});
        Mock::given(method("GET"))
            .and(query_param("page", page.to_string()))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
    }
    let found = hub.subscriptions(&target).await.unwrap().unwrap();
    assert_eq!(found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn what_is_not_there_has_been_ended() {
    let (server, hub, target) = house().await;
    for (id, status) in [("1", 204), ("2", 404), ("3", 403)] {
        Mock::given(method("DELETE"))
            .and(path(format!("/webhook_subscriptions/{id}")))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
    }
    assert!(hub.unsubscribe(&target, "1").await.is_ok());
    assert!(hub.unsubscribe(&target, "2").await.is_ok());
    assert!(hub.unsubscribe(&target, "3").await.is_err());
}

//! Asking a provider for what is known.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use oc_config::{Catalogue, InstanceId};
use oc_egress::{Clock, Egress, Policy};
use serde_json::json;
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::{Credential, Hub, MockAuthorizer, Retry};

async fn provider() -> (MockServer, Hub, Target) {
    let server = MockServer::start().await;
    let mut authorizer = MockAuthorizer::new();
    authorizer.expect_authorize().returning(|_, headers: &mut HeaderMap, _| {
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        Ok(Credential(1))
    });
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    let retry = Retry { tries: 2, pause: std::time::Duration::from_millis(1) };
    let egress = Egress::new(policy, "t").unwrap();
    let hub = Hub::new(egress, Clock::system(), Arc::new(authorizer), retry);
    let target = Target {
        instance: InstanceId(1),
        connector: Arc::clone(Catalogue::built_in().unwrap().find("salesloft").unwrap()),
        base: Url::parse(&server.uri()).unwrap(),
        account: "team".to_owned(),
        drop_nulls: true,
    };
    (server, hub, target)
}

async fn find(filtering: serde_json::Value) -> (Result<usize, HubError>, Vec<Request>) {
    let (server, hub, target) = provider().await;
    let answer = json!({"metadata": {"filtering": filtering, "paging": {"next_page": null}},
        "data": [{"id": 2}]});
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(method("GET")).and(path("/people")).respond_with(answer).mount(&server).await;
    let ids = ["1".to_owned(), "2".to_owned()];
    let found = hub.find(&target, "contacts", "ids", &ids, &Picker::default()).await;
    let requests = server.received_requests().await.unwrap();
    (found.map(|page| page.len()), requests)
}

#[tokio::test]
async fn many_ids_are_asked_for_in_one_request() {
    let (found, requests) = find(json!({"ids": [1, 2]})).await;
    assert_eq!((found.unwrap(), requests.len()), (1, 1));
    let asked: Vec<String> = requests[0]
        .url
        .query_pairs()
        .filter(|(name, _)| name == "ids[]")
        .map(|(_, id)| id.into_owned())
        .collect();
    assert_eq!(asked, ["1", "2"]);
}

#[tokio::test]
async fn an_answer_that_ignored_the_ids_proves_nothing() {
    let (found, _) = find(json!({})).await;
    assert!(matches!(found, Err(HubError::Faulty { .. })), "{found:?}");
}

#[tokio::test]
async fn a_record_is_gone_when_the_provider_says_that_there_is_none() {
    for (status, expected) in [
        (404, Some(true)),
        (410, Some(true)),
        (403, Some(false)),
        (200, Some(false)),
        (422, None),
        (500, None),
    ] {
        let (server, hub, target) = provider().await;
        Mock::given(path("/people/a%2Fb"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let gone = hub.is_gone(&target, "contacts", "a/b").await;
        assert_eq!(gone.ok(), expected, "{status}");
    }
}

#[tokio::test]
async fn it_uses_only_what_others_leave_of_the_rate_limit_and_does_not_wait() {
    let (server, hub, mut target) = provider().await;
    let mut connector = (*target.connector).clone();
    let limits = connector.limits.as_mut().unwrap();
    (limits.points, limits.share) = (4, 1.0);
    target.connector = Arc::new(connector);
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    for _ in 0..2 {
        assert!(hub.is_gone(&target, "contacts", "1").await.unwrap());
    }
    let third = hub.is_gone(&target, "contacts", "1").await;
    assert!(matches!(third, Err(HubError::RateLimited { .. })), "{third:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

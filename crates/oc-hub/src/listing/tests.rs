//! Single pages against a provider of two pages.

use std::sync::Arc;
use std::time::Duration;

use oc_config::{Catalogue, InstanceId};
use oc_egress::{Clock, Egress, Policy};
use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::{Credential, Hub, MockAuthorizer, Retry};

async fn house() -> (MockServer, Hub, Target) {
    let server = MockServer::start().await;
    let page = |number: u32, next: Option<u32>| {
        let record = json!({"id": number, "title": null, "account": {"id": 7, "name": null}});
        let body = json!({"metadata": {"paging": {"next_page": next}}, "data": [record]});
        Mock::given(path("/people"))
            .and(query_param("page", number.to_string()))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
    };
    page(1, Some(2)).mount(&server).await;
    page(2, None).mount(&server).await;
    let mut authorizer = MockAuthorizer::new();
    authorizer.expect_authorize().returning(|_, _, _| Ok(Credential(1)));
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().expect("a network")], vec![]);
    let egress = Egress::new(policy, "t").expect("a client");
    let retry = Retry { tries: 4, pause: Duration::from_millis(1) };
    let target = Target {
        instance: InstanceId(1),
        connector: Arc::clone(
            Catalogue::built_in().expect("connectors").find("salesloft").expect("salesloft"),
        ),
        base: Url::parse(&server.uri()).expect("a url"),
        account: "team".to_owned(),
        drop_nulls: true,
    };
    (server, Hub::new(egress, Clock::system(), Arc::new(authorizer), retry), target)
}

fn call(url: &str) -> HubCall {
    HubCall::parse(url).expect("a call").0
}

#[tokio::test]
async fn a_page_names_the_next_one_until_there_is_none() {
    let (_server, hub, target) = house().await;
    let first = hub.list(&target, &call("/contacts?pageSize=1")).await.unwrap();
    assert_eq!(first.records, [json!({"id": 1, "account": {"id": 7}})]);
    let next = format!("/contacts?pageSize=2&nextPage={}", first.next_page.unwrap());
    let second = hub.list(&target, &call(&next)).await.unwrap();
    assert_eq!((second.records[0]["id"].as_i64(), second.next_page), (Some(2), None));
}

#[tokio::test]
async fn fields_and_nulls_are_chosen() {
    let (_server, hub, mut target) = house().await;
    target.drop_nulls = false;
    let chosen = hub.list(&target, &call("/contacts?fields=id,title")).await.unwrap();
    assert_eq!(chosen.records, [json!({"id": 1, "title": null})]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    let (server, hub, target) = house().await;
    for url in ["/contacts?orderBy=name", "/contacts?nextPage=x", "/nothing"] {
        assert!(hub.list(&target, &call(url)).await.is_err(), "{url}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_account_is_what_the_probe_says() {
    let (server, hub, target) = house().await;
    let me = json!({"data": {"team": {"id": 42}}});
    Mock::given(method("GET"))
        .and(path("/me"))
        .respond_with(ResponseTemplate::new(200).set_body_json(me))
        .mount(&server)
        .await;
    assert_eq!(hub.account(&target).await.unwrap().as_deref(), Some("42"));
}

#[tokio::test]
async fn somebody_who_waits_is_not_kept_waiting_by_retries() {
    let (server, hub, target) = house().await;
    let failed = hub.list(&target, &call("/contacts?page=3")).await;
    assert!(matches!(failed, Err(HubError::Provider { .. })));
    Mock::given(path("/users"))
        .respond_with(ResponseTemplate::new(503))
        .expect(2)
        .mount(&server)
        .await;
    let failed = hub.list(&target, &call("/users")).await;
    assert!(matches!(failed, Err(HubError::Faulty { .. })));
}

#[tokio::test]
async fn an_order_is_asked_of_the_provider_or_refused_with_those_there_are() {
    let (server, hub, target) = house().await;
    hub.list(&target, &call("/contacts?orderBy=created_at desc&page=1")).await.unwrap();
    let asked = server.received_requests().await.unwrap()[0].url.to_string();
    assert!(asked.contains("sort_by=created_at&sort_direction=DESC"), "{asked}");
    assert_eq!(asked.matches("sort_by").count(), 1);
    let refused = hub.list(&target, &call("/tasks?orderBy=updated_at")).await.unwrap_err();
    let told = "orderBy: the provider cannot sort by `updated_at`; it can by: due_date";
    assert_eq!(refused.to_string(), told);
}

#[tokio::test]
async fn a_page_without_a_match_has_a_next_one_all_the_same() {
    let (_server, hub, target) = house().await;
    let first = hub.list(&target, &call("/contacts?where=id>1&pageSize=1")).await.unwrap();
    assert!(first.records.is_empty());
    let next = format!("/contacts?where=id>1&pageSize=1&nextPage={}", first.next_page.unwrap());
    assert_eq!(hub.list(&target, &call(&next)).await.unwrap().records[0]["id"], 2);
}

#[tokio::test]
async fn the_total_is_what_the_provider_tells_unless_some_are_left_out_here() {
    let (server, hub, target) = house().await;
    let paging = json!({"next_page": null, "total_count": 41});
    let body = json!({"metadata": {"paging": paging}, "data": [{"id": 1}]});
    Mock::given(path("/users"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    assert_eq!(hub.list(&target, &call("/users")).await.unwrap().total, Some(41));
    let some = hub.list(&target, &call("/users?where=name='x'")).await.unwrap();
    assert_eq!((some.records.len(), some.total), (0, None));
    assert_eq!(hub.list(&target, &call("/contacts")).await.unwrap().total, None);
}

//! Attempts against receivers of every kind.

mod hostile;
mod tls;

use std::collections::BTreeMap;

use bytes::Bytes;
use oc_config::SignatureKey;
use oc_egress::Policy;
use oc_telemetry::TraceContext;
use url::Url;
use uuid::Uuid;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::signature;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOW: Timestamp = Timestamp(1_614_265_330_000_000);

fn destination(url: &str) -> Callback {
    Callback {
        url: Url::parse(url).unwrap(),
        keys: vec![SignatureKey::parse("new").unwrap(), SignatureKey::parse("old").unwrap()],
        headers: vec![("X-Own".to_owned(), "1".into()), ("webhook-id".to_owned(), "forged".into())],
        basic: Some(("user".to_owned(), "pass".into())),
        tls: None,
    }
}

fn webhooks(within: Duration) -> Webhooks {
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    let egress = Egress::new(policy, "open-connectors/test").unwrap();
    Webhooks::new(egress, Clock::new(|| NOW), within)
}

async fn attempt(answer: ResponseTemplate, within: Duration) -> (Attempt, MockServer) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let (id, body) = (Uuid::from_u128(7), Bytes::from("{}"));
    let resource = "people".into();
    let trace = TraceContext::read(TRACE);
    let notification = Outgoing { id, resource, body, attempt: 3, replay: true, trace };
    let url = format!("{}/hook?key=s3cret", server.uri());
    (webhooks(within).send(&destination(&url), notification).await, server)
}

async fn verdict(answer: ResponseTemplate) -> AttemptVerdict {
    attempt(answer, Duration::from_secs(10)).await.0.verdict
}

#[tokio::test]
async fn a_notification_carries_its_headers_and_both_signatures() {
    let (attempt, server) = attempt(ResponseTemplate::new(204), Duration::from_secs(10)).await;
    assert_eq!((attempt.verdict, attempt.status), (AttemptVerdict::Delivered, Some(204)));
    let arrived = server.received_requests().await.unwrap().remove(0);
    let header = |name: &str| arrived.headers.get(name).unwrap().to_str().unwrap().to_owned();
    let id = "00000000-0000-0000-0000-000000000007";
    let keys = destination("http://x/").keys;
    let expected = [
        ("content-type", "application/json".to_owned()),
        ("elements-webhook-id", id.to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", "1614265330".to_owned()),
        ("elements-delivery-attempt", "3".to_owned()),
        ("elements-replay", "true".to_owned()),
        ("traceparent", TRACE.to_owned()),
        ("user-agent", "open-connectors/test".to_owned()),
        ("x-own", "1".to_owned()),
        ("authorization", "Basic dXNlcjpwYXNz".to_owned()),
        ("elements-webhook-signature", signature::elements(&keys, b"{}").unwrap()),
        ("webhook-signature", signature::standard(&keys, id, 1_614_265_330, b"{}").unwrap()),
    ];
    for (name, value) in expected {
        assert_eq!(header(name), value, "{name}");
    }
    assert_eq!(arrived.body, b"{}");
    assert_eq!(attempt.url, format!("{}/hook", server.uri()), "the query may hold a secret");
}

#[tokio::test]
async fn an_attempt_keeps_what_was_sent_without_its_secrets() {
    let (attempt, server) = attempt(ResponseTemplate::new(500), Duration::from_secs(10)).await;
    let arrived = server.received_requests().await.unwrap().remove(0);
    let kept: BTreeMap<&str, &str> = serde_json::from_str(attempt.request.as_json()).unwrap();
    let (masked, clear): (Vec<_>, Vec<_>) = kept.iter().partition(|(_, value)| **value == MASK);
    assert_eq!(
        masked.iter().map(|(name, _)| **name).collect::<Vec<_>>(),
        ["authorization", "x-own"]
    );
    assert_eq!(clear.len(), 9);
    for (name, value) in clear {
        assert_eq!(arrived.headers[*name], *value, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_shows_where_it_points() {
    let answer = ResponseTemplate::new(307).insert_header("location", "https://elsewhere/");
    let (attempt, server) = attempt(answer, Duration::from_secs(10)).await;
    assert!(matches!(attempt.verdict, AttemptVerdict::Failed { .. }));
    assert!(attempt.error.unwrap().contains("https://elsewhere/"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_receiver_says_about_trying_again_is_understood() {
    let failed = |retry_after, overloaded| AttemptVerdict::Failed { retry_after, overloaded };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let after =
        |status, text: &str| ResponseTemplate::new(status).insert_header("retry-after", text);
    assert_eq!(verdict(after(429, "120")).await, failed(seconds(120), true));
    assert_eq!(
        verdict(after(503, "Thu, 25 Feb 2021 15:03:10 GMT")).await,
        failed(seconds(60), true)
    );
    assert_eq!(verdict(after(500, "120")).await, failed(None, false));
    assert_eq!(verdict(after(429, "soon")).await, failed(None, true));
    assert_eq!(verdict(ResponseTemplate::new(410)).await, AttemptVerdict::Gone);
    assert_eq!(verdict(ResponseTemplate::new(404)).await, failed(None, false));
}

#[tokio::test]
async fn of_a_long_answer_four_kilobytes_are_kept() {
    let answer = ResponseTemplate::new(200).set_body_string("x".repeat(1_000_000));
    let (attempt, _) = attempt(answer, Duration::from_secs(10)).await;
    assert_eq!((attempt.verdict, attempt.answer.len()), (AttemptVerdict::Delivered, 4_096));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_is_a_failure() {
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let (attempt, _) = attempt(answer, Duration::from_millis(50)).await;
    assert_eq!(attempt.verdict, AttemptVerdict::Failed { retry_after: None, overloaded: true });
    assert_eq!(attempt.status, None);
}

#[test]
fn a_destination_prints_nothing_that_may_be_a_secret() {
    let shown = format!("{:?}", destination("https://host/path?token=hidden"));
    assert_eq!(shown, "Callback(https://host)");
}

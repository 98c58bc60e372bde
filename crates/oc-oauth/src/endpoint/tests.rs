//! Endpoints of every habit.

use oc_config::Catalogue;
use oc_egress::Policy;
use wiremock::matchers::{body_json, body_string, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn endpoint() -> TokenEndpoint {
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    TokenEndpoint::new(Egress::new(policy, "open-connectors/test").unwrap())
}

fn provider(server: &MockServer) -> OAuth2 {
    let catalogue = Catalogue::built_in().unwrap();
    let salesloft = catalogue.find("salesloft").unwrap().oauth2.clone().unwrap();
    OAuth2 { token: server.uri(), ..salesloft }
}

fn client() -> ClientCredentials {
    ClientCredentials { id: "me".to_owned(), secret: Some("s3cret&".into()) }
}

async fn refresh_answered(answer: ResponseTemplate) -> Result<TokenSet, TokenFault> {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    endpoint().refresh(&provider(&server), &client(), &"old-refresh".into(), Timestamp(0)).await
}

#[tokio::test]
async fn a_code_is_exchanged_with_what_the_provider_wants_repeated() {
    let server = MockServer::start().await;
    let body = "grant_type=authorization_code&code=c%2B&redirect_uri=https%3A%2F%2Fx&context=ctx&client_id=me&client_secret=s3cret%26";
    let answer = ResponseTemplate::new(200)
        .insert_header("date", "Tue, 24 Nov 2026 03:04:05 GMT")
        .set_body_string(r#"{"access_token":"a","token_type":"bearer","expires_in":7200,"refresh_token":"r","scope":"x"}"#);
    Mock::given(body_string(body)).respond_with(answer).expect(1).mount(&server).await;
    let others = [("context".to_owned(), "ctx".to_owned()), ("unknown".to_owned(), "x".to_owned())];
    let code = Code { code: &"c+".into(), redirect_uri: Some("https://x"), others: &others };
    let (tokens, date) =
        endpoint().exchange(&provider(&server), &client(), &code, Timestamp(0)).await.unwrap();
    assert_eq!((tokens.access.expose_secret(), tokens.expires_at.seconds()), ("a", 7_200));
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "r");
    assert_eq!(tokens.others["scope"], "x");
    assert_eq!(date.unwrap().seconds(), 1_795_489_445);
}

#[tokio::test]
async fn a_json_body_and_basic_authentication_can_be_asked_for() {
    let server = MockServer::start().await;
    let body = serde_json::json!({"grant_type": "refresh_token", "refresh_token": "old"});
    Mock::given(body_json(body))
        .and(header("authorization", "Basic bWU6czNjcmV0JTI2"))
        .respond_with(ResponseTemplate::new(201).set_body_string(r#"{"access_token":"a"}"#))
        .mount(&server)
        .await;
    let provider =
        OAuth2 { client: ClientAuthentication::Basic, body: TokenBody::Json, ..provider(&server) };
    let tokens =
        endpoint().refresh(&provider, &client(), &"old".into(), Timestamp(0)).await.unwrap();
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "old");
    assert_eq!(tokens.expires_at.seconds(), 7_200);
}

#[tokio::test]
async fn the_life_of_a_token_may_be_text_or_missing() {
    for (member, seconds) in [
        (r#","expires_in":"60""#, 60),
        (r#","expires_in":60.0"#, 60),
        (r#","expires_in":null"#, 7_200),
        ("", 7_200),
    ] {
        let body = format!(r#"{{"access_token":"a"{member}}}"#);
        let tokens =
            refresh_answered(ResponseTemplate::new(200).set_body_string(body)).await.unwrap();
        assert_eq!(tokens.expires_at.seconds(), seconds, "{member}");
    }
}

#[tokio::test]
async fn a_refusal_carries_the_providers_words_without_our_secrets() {
    let body = r#"{"error":"invalid_grant","error_description":"old-refresh is used"}"#;
    for status in [400, 401] {
        let fault = refresh_answered(ResponseTemplate::new(status).set_body_string(body))
            .await
            .unwrap_err();
        let TokenFault::Refused { text, dead: true } = fault else { panic!("{fault}") };
        assert_eq!(text, r#"{"error":"invalid_grant","error_description":"******** is used"}"#);
    }
    let fault = refresh_answered(
        ResponseTemplate::new(401).set_body_string(r#"{"error":"invalid_client"}"#),
    )
    .await
    .unwrap_err();
    assert!(matches!(fault, TokenFault::Refused { dead: false, .. }));
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_later_and_a_senseless_answer_counts_as_lost() {
    for status in [429, 500, 503] {
        let fault = refresh_answered(ResponseTemplate::new(status)).await.unwrap_err();
        assert!(matches!(fault, TokenFault::Unavailable(_)), "{status}");
    }
    for body in ["<html>", "{}", r#"{"access_token":""}"#] {
        let fault =
            refresh_answered(ResponseTemplate::new(200).set_body_string(body)).await.unwrap_err();
        assert!(matches!(fault, TokenFault::Lost(_)), "{body}");
    }
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let tokens = refresh_answered(
        ResponseTemplate::new(200)
            .set_body_string(r#"{"access_token":"hidden","refresh_token":"hidden"}"#),
    )
    .await
    .unwrap();
    assert!(!format!("{tokens:?} {:?}", client()).contains("hidden"));
    assert!(!format!("{:?}", client()).contains("s3cret"));
}

#[tokio::test]
async fn a_configured_refresh_interval_shortens_a_tokens_life_and_never_lengthens_it() {
    let server = MockServer::start().await;
    let answer = r#"{"access_token":"a","expires_in":7200}"#;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_string(answer))
        .mount(&server)
        .await;
    for (interval, life) in [(600, 600), (9_999, 7_200)] {
        let refresh_interval = Some(Duration::from_secs(interval));
        let provider = OAuth2 { refresh_interval, ..provider(&server) };
        let refreshed = endpoint().refresh(&provider, &client(), &"r".into(), Timestamp(0)).await;
        assert_eq!(refreshed.unwrap().expires_at.seconds(), life);
    }
}

#[tokio::test]
async fn a_pair_is_revoked_by_its_refresh_token_where_the_provider_can() {
    let server = MockServer::start().await;
    let body = "token=r&token_type_hint=refresh_token&client_id=me&client_secret=s3cret%26";
    Mock::given(body_string(body))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let tokens = refresh_answered(
        ResponseTemplate::new(200).set_body_string(r#"{"access_token":"a","refresh_token":"r"}"#),
    );
    let tokens = tokens.await.unwrap();
    let provider = provider(&server);
    endpoint().revoke(&provider, &client(), &tokens).await.unwrap();
    let provider = OAuth2 { revoke: Some(server.uri()), ..provider };
    endpoint().revoke(&provider, &client(), &tokens).await.unwrap();
}

#[tokio::test]
async fn a_recording_holds_what_was_said_and_no_secret() {
    let server = MockServer::start().await;
    let good = r#"{"access_token":"acc-s3cret","refresh_token":"ref-s3cret","expires_in":60,"scope":"all","x":{"y":"n-s3cret"}}"#;
    let bad = r#"{"error":"invalid_grant","error_description":"old-s3cret is used up"}"#;
    for (status, body) in [(200, good), (400, bad)] {
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).mount(&server).await;
    }
    let transcript = Transcript::default();
    let provider = provider(&server);
    let provider = OAuth2 { token: format!("{}/?key=q-s3cret", server.uri()), ..provider };
    let endpoint = endpoint().recorded(&transcript);
    for _ in 0..2 {
        let _ = endpoint.refresh(&provider, &client(), &"old-s3cret".into(), Timestamp(0)).await;
    }
    let exchanges = transcript.exchanges();
    let bodies: Vec<_> =
        exchanges.iter().map(|one| one.answer.as_ref().unwrap().body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            r#"{"access_token":"********","refresh_token":"********","expires_in":60,"scope":"all","x":"********"}"#,
            r#"{"error":"invalid_grant","error_description":"******** is used up"}"#
        ]
    );
    let said: Vec<_> = exchanges[0].parameters.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(said, ["refresh_token", "********", "********", "********"]);
    assert!(!format!("{exchanges:?}").contains("s3cret"), "{exchanges:?}");
}

//! Single flight, order of effects, and every way a refresh can end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use oc_config::{Catalogue, OAuth2, Timestamp};
use oc_egress::{Egress, Policy};
use secrecy::ExposeSecret;
use wiremock::matchers::{body_string_contains, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::{ClientCredentials, Grant, Intent, MockVault, Replaced, TokenSet};

const INSTANCE: InstanceId = InstanceId(7);
const NEW_PAIR: &str = r#"{"access_token":"new","refresh_token":"r2","expires_in":7200}"#;

fn policy() -> Policy {
    Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![])
}

fn tokens(vault: Arc<dyn Vault>, now: i64) -> Tokens {
    let endpoint = TokenEndpoint::new(Egress::new(policy(), "test").unwrap());
    let patience = Patience { tries: 2, pause: Duration::from_millis(1) };
    Tokens::new(vault, endpoint, Clock::new(move || Timestamp(now * 1_000_000)), patience)
}

/// A pair of version 1 that ends at 7,200 s.
fn grant(url: &str) -> Grant {
    let catalogue = Catalogue::built_in().unwrap();
    let salesloft = catalogue.find("salesloft").unwrap().oauth2.clone().unwrap();
    Grant {
        version: 1,
        tokens: TokenSet {
            access: "old".into(),
            refresh: Some("r1".into()),
            obtained_at: Timestamp(0),
            expires_at: Timestamp(7_200_000_000),
            others: BTreeMap::new(),
        },
        client: ClientCredentials { id: "me".to_owned(), secret: Some("s".into()) },
        provider: Arc::new(OAuth2 { token: url.to_owned(), ..salesloft }),
        intent: None,
        dead: None,
    }
}

/// A vault in memory that writes down what happens to it.
struct Notebook {
    grant: Mutex<Grant>,
    notes: Mutex<Vec<&'static str>>,
}

impl Notebook {
    fn new(grant: Grant) -> Arc<Self> {
        Arc::new(Self { grant: Mutex::new(grant), notes: Mutex::default() })
    }

    fn note(&self, what: &'static str) {
        self.notes.lock().unwrap().push(what);
    }

    fn notes(&self) -> Vec<&'static str> {
        self.notes.lock().unwrap().clone()
    }
}

#[async_trait]
impl Vault for Notebook {
    async fn load(&self, _: InstanceId) -> Result<Option<Grant>, VaultError> {
        Ok(Some(self.grant.lock().unwrap().clone()))
    }

    async fn intend(&self, _: InstanceId, _: i64, now: Timestamp) -> Result<Intent, VaultError> {
        self.note("intend");
        self.grant.lock().unwrap().intent = Some(now);
        Ok(Intent::Noted)
    }

    async fn replace(
        &self,
        _: InstanceId,
        version: i64,
        tokens: TokenSet,
    ) -> Result<Replaced, VaultError> {
        self.note("replace");
        let mut grant = self.grant.lock().unwrap();
        (grant.version, grant.tokens, grant.intent) = (version + 1, tokens, None);
        Ok(Replaced::Stored(version + 1))
    }

    async fn mark_dead(&self, _: InstanceId, _: i64, reason: String) -> Result<(), VaultError> {
        self.note("dead");
        self.grant.lock().unwrap().dead = Some(reason);
        Ok(())
    }

    async fn give_up(&self, _: InstanceId) -> Result<(), VaultError> {
        self.note("given up");
        Ok(())
    }
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_token_with_time_left_is_handed_out_without_a_request() {
    let server = server(ResponseTemplate::new(500)).await;
    let token = tokens(Notebook::new(grant(&server.uri())), 6_000).bearer(INSTANCE).await.unwrap();
    assert_eq!((token.secret.expose_secret(), token.version), ("old", 1));
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn fifty_callers_at_once_cause_one_refresh() {
    let server = server(
        ResponseTemplate::new(200).set_body_string(NEW_PAIR).set_delay(Duration::from_millis(50)),
    )
    .await;
    let tokens = tokens(Notebook::new(grant(&server.uri())), 7_000);
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { tokens.bearer(INSTANCE).await.unwrap() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().secret.expose_secret(), "new");
    }
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn the_intent_and_the_new_pair_are_stored_before_the_token_is_used() {
    let server = server(ResponseTemplate::new(200).set_body_string(NEW_PAIR)).await;
    let vault = Notebook::new(grant(&server.uri()));
    let token = tokens(vault.clone(), 7_000).bearer(INSTANCE).await.unwrap();
    assert_eq!(vault.notes(), ["intend", "replace"]);
    assert_eq!(token.version, 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_new_pair() {
    let server = server(
        ResponseTemplate::new(200).set_body_string(NEW_PAIR).set_delay(Duration::from_millis(30)),
    )
    .await;
    let vault = Notebook::new(grant(&server.uri()));
    let tokens = tokens(vault.clone(), 7_000);
    let gone = tokio::time::timeout(Duration::from_millis(1), tokens.bearer(INSTANCE)).await;
    assert!(gone.is_err());
    tokens.settle(Duration::from_secs(10)).await;
    assert_eq!(vault.notes(), ["intend", "replace"]);
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_however_many_requests_met_the_refusal() {
    let server = server(ResponseTemplate::new(200).set_body_string(NEW_PAIR)).await;
    let tokens = tokens(Notebook::new(grant(&server.uri())), 10);
    for _ in 0..3 {
        tokens.refused(INSTANCE, 1).await.unwrap();
    }
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn while_the_endpoint_is_away_a_token_that_has_not_ended_is_still_good() {
    let server = server(ResponseTemplate::new(503)).await;
    let vault = Notebook::new(grant(&server.uri()));
    let token = tokens(vault.clone(), 7_000).bearer(INSTANCE).await.unwrap();
    assert_eq!(token.secret.expose_secret(), "old");
    let ended = tokens(vault.clone(), 7_201).bearer(INSTANCE).await.unwrap_err();
    assert!(matches!(ended, TokenError::Unavailable(_)));
    assert_eq!(vault.notes(), ["intend", "given up", "intend", "given up"]);
}

#[tokio::test]
async fn invalid_grant_ends_in_needs_authentication_and_is_not_tried_again() {
    let server =
        server(ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_grant"}"#)).await;
    let vault = Notebook::new(grant(&server.uri()));
    let tokens = tokens(vault.clone(), 7_201);
    for _ in 0..2 {
        let error = tokens.bearer(INSTANCE).await.unwrap_err();
        assert!(matches!(error, TokenError::NeedsAuthentication(_)), "{error}");
    }
    assert_eq!((vault.notes(), requests(&server).await), (vec!["intend", "dead"], 1));
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_one_try_with_the_old_token() {
    let server = MockServer::start().await;
    let garbage = ResponseTemplate::new(200).set_body_string("<html>");
    Mock::given(body_string_contains("refresh_token=r1"))
        .respond_with(garbage)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let refusal = ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_grant"}"#);
    Mock::given(body_string_contains("refresh_token=r1"))
        .respond_with(refusal)
        .mount(&server)
        .await;
    let error =
        tokens(Notebook::new(grant(&server.uri())), 7_201).bearer(INSTANCE).await.unwrap_err();
    assert!(error.to_string().contains("was lost"), "{error}");
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn after_a_crash_between_intent_and_answer_the_reason_is_told() {
    let server =
        server(ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_grant"}"#)).await;
    let crashed = Grant { intent: Some(Timestamp(1)), ..grant(&server.uri()) };
    let error = tokens(Notebook::new(crashed), 7_201).bearer(INSTANCE).await.unwrap_err();
    assert!(error.to_string().contains("was lost"), "{error}");
}

#[tokio::test]
async fn a_pair_that_another_node_has_stored_is_used_instead_of_giving_up() {
    let server =
        server(ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_grant"}"#)).await;
    let (mut vault, old) = (MockVault::new(), grant(&server.uri()));
    let mut newer = Grant { version: 2, ..old.clone() };
    (newer.tokens.access, newer.tokens.expires_at) = ("theirs".into(), Timestamp(99_000_000_000));
    let loads = AtomicUsize::new(0);
    vault.expect_load().returning(move |_| {
        let first_two = loads.fetch_add(1, Ordering::Relaxed) < 2;
        Ok(Some(if first_two { old.clone() } else { newer.clone() }))
    });
    vault.expect_intend().times(1).returning(|_, _, _| Ok(Intent::Noted));
    vault.expect_mark_dead().never();
    vault.expect_give_up().times(1).returning(|_| Ok(()));
    let token = tokens(Arc::new(vault), 7_201).bearer(INSTANCE).await.unwrap();
    assert_eq!((token.secret.expose_secret(), token.version), ("theirs", 2));
}

#[tokio::test(start_paused = true)]
async fn while_another_node_refreshes_nothing_is_sent() {
    let server = server(ResponseTemplate::new(500)).await;
    let (mut vault, old) = (MockVault::new(), grant(&server.uri()));
    let newer = Grant { version: 2, ..old.clone() };
    let looks = AtomicUsize::new(0);
    vault.expect_load().returning(move |_| {
        let is_early = looks.fetch_add(1, Ordering::Relaxed) < 5;
        Ok(Some(if is_early { old.clone() } else { newer.clone() }))
    });
    vault.expect_intend().times(3..).returning(|_, _, _| Ok(Intent::Elsewhere));
    tokens(Arc::new(vault), 7_201).refused(INSTANCE, 1).await.unwrap();
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn a_new_pair_is_not_lost_when_the_storage_fails_for_a_while() {
    let server = server(ResponseTemplate::new(200).set_body_string(NEW_PAIR)).await;
    let (mut vault, old) = (MockVault::new(), grant(&server.uri()));
    vault.expect_load().returning(move |_| Ok(Some(old.clone())));
    vault.expect_intend().returning(|_, _, _| Ok(Intent::Noted));
    let tries = AtomicUsize::new(0);
    vault.expect_replace().times(2).returning(move |_, _, _| {
        match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Err(VaultError("disk full".into())),
            _ => Ok(Replaced::Stored(2)),
        }
    });
    tokens(Arc::new(vault), 7_201).bearer(INSTANCE).await.unwrap();
    assert_eq!(requests(&server).await, 1);
}

//! Tokens: expiry, refresh storms, lost answers, revocation.

use oc_tests::salesloft::World;
use oc_tests::{Fault, Options, Receiver, Salesloft, Server};
use serde_json::json;

use crate::story::{check_story, house, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_a_poll_does_no_harm() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.with(|provider| {
        let now = provider.now();
        for _ in 0..1_000 {
            provider.world.add_person(now);
        }
    });
    receiver.until("a first page", |receiver| !receiver.deliveries().is_empty()).await?;
    // Every poll from now on meets a 401 between two of its pages.
    for _ in 0..5 {
        salesloft.with(|provider| {
            provider.accounts.expire_all();
            let now = provider.now();
            for id in provider.world.ids("people").into_iter().take(300) {
                provider.world.touch_person(id, now);
            }
        });
        until_told(&receiver, &salesloft, 0).await?;
    }
    check_story(&receiver, &salesloft)?;
    salesloft.with(|provider| {
        assert!(provider.accounts.refreshes >= 5);
        assert_eq!(provider.accounts.reused, 0);
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_while_a_request_waits_to_be_repeated_is_replaced() -> anyhow::Result<()>
{
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    for fault in [Fault::RetryAfter(1), Fault::Status(503)] {
        salesloft.change(World::add_person);
        salesloft.with(|provider| provider.faults.push_back(fault));
        let has_failed = |_: &Receiver| salesloft.with(|provider| provider.faults.is_empty());
        receiver.until("the failure", has_failed).await?;
        let before = salesloft.with(|provider| {
            provider.accounts.expire_all();
            provider.accounts.refreshes
        });
        salesloft.change(World::add_person);
        until_told(&receiver, &salesloft, 0).await?;
        salesloft.with(|provider| assert_eq!(provider.accounts.refreshes, before + 1));
    }
    salesloft.with(|provider| assert_eq!(provider.accounts.reused, 0));
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_at_once_with_an_expired_token_make_one_refresh() -> anyhow::Result<()> {
    let (salesloft, _receiver, server, instance) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    salesloft.with(|provider| provider.accounts.expire_all());
    let calls = (0..50).map(|_| server.api.hub(&instance.token, "/hubs/crm/contacts"));
    for reply in futures_util::future::join_all(calls).await {
        let reply = reply?;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    salesloft.with(|provider| {
        assert_eq!((provider.accounts.refreshes, provider.accounts.reused), (1, 0));
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_the_provider_answers_with_500_is_repeated() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.with(|provider| {
        provider.token_faults.extend([Fault::Status(500), Fault::Status(503)]);
        provider.accounts.expire_all();
    });
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_answer_is_lost_ends_in_needs_authentication_and_a_new_code_mends_it()
-> anyhow::Result<()> {
    let (salesloft, receiver, server, instance) = house(Options::default()).await?;
    salesloft.with(|provider| {
        provider.token_faults.extend([Fault::LosesAnswer]);
        provider.accounts.expire_all();
    });
    let path = format!("/instances/{}", instance.id);
    let dead = loop {
        let answer = server.api.get(&path).await?.body;
        if answer["valid"] == false {
            break answer;
        }
    };
    assert!(
        dead["authenticationError"].as_str().is_some_and(|reason| !reason.is_empty()),
        "{dead}"
    );
    let hub = server.api.hub(&instance.token, "/hubs/crm/contacts").await?;
    assert_eq!(hub.status, 401, "{}", hub.text);
    // Changes made meanwhile are not lost: the cursor stays.
    salesloft.change(World::add_person);
    let again = json!({"providerData": {"code": salesloft.code()}});
    let mended = server.api.send("PATCH", &path, &again).await?;
    assert_eq!((mended.status, &mended.body["valid"]), (200, &json!(true)), "{}", mended.text);
    assert_eq!(mended.body["token"], instance.answer["token"]);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refreshed_ahead_of_their_end() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = oc_tests::Server::house(Options::default()).await?;
    salesloft.with(|provider| provider.accounts.lifetime = 3);
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    let refreshed = |_: &oc_tests::Receiver| salesloft.with(|p| p.accounts.refreshes >= 3);
    receiver.until("three refreshes", refreshed).await?;
    salesloft.with(|provider| assert_eq!(provider.accounts.reused, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_goes_to_no_other_host_than_it_was_given_for() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default()).await?;
    let key = json!({"salesloft.api.key": "v2_ak_s3cret"});
    let instance = server.create(&salesloft, &receiver.url("hook"), &key).await?;
    let path = format!("/instances/{}", instance.id);
    let (elsewhere, other) = (Receiver::start().await?, Salesloft::start().await?);
    let mask = "********";
    for (changes, code, missing) in [
        (
            json!({"base.url": elsewhere.url("v2")}),
            None,
            "oauth.api.key, oauth.api.secret, salesloft.api.key, providerData.code",
        ),
        (
            json!({"oauth.token.url": elsewhere.url("token"), "oauth.api.secret": mask}),
            Some("any"),
            "oauth.api.key, oauth.api.secret, salesloft.api.key",
        ),
        (
            json!({"base.url": elsewhere.url("v2"), "oauth.api.key": "api-key",
                "oauth.api.secret": "guess", "salesloft.api.key": "guess"}),
            None,
            "providerData.code",
        ),
    ] {
        let body = json!({"configuration": changes, "providerData": {"code": code}});
        let refused = server.api.send("PATCH", &path, &body).await?;
        assert_eq!(refused.status, 400, "{}", refused.text);
        let words = format!("send with it: {missing}");
        assert!(
            refused.body["message"].as_str().is_some_and(|it| it.ends_with(&words)),
            "{}",
            refused.text
        );
    }
    assert!(elsewhere.deliveries().is_empty(), "nobody was asked there");
    assert_eq!(server.api.hub(&instance.token, "/hubs/crm/contacts").await?.status, 200);

    let all = json!({"providerData": {"code": other.code()}, "configuration": {
        "base.url": other.api(), "oauth.token.url": other.token_url(), "oauth.api.key": "api-key",
        "oauth.api.secret": "other-s3cret", "salesloft.api.key": null}});
    let moved = server.api.send("PATCH", &path, &all).await?;
    assert_eq!(moved.status, 200, "{}", moved.text);
    other.with(|provider| assert_eq!(provider.accounts.client.1, "other-s3cret"));
    other.change(World::add_person);
    let there = server.api.hub(&instance.token, "/hubs/crm/contacts").await?;
    assert_eq!(there.body.as_array().map(Vec::len), Some(1), "{}", there.text);
    Ok(())
}

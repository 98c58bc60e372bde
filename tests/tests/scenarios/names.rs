//! Names that change what they stand for: what was checked is what is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use oc_egress::{Egress, EgressError, Limits, Overflow, Policy, Request, Stale};
use oc_tests::name_server::{NameServer, Names};
use oc_tests::salesloft::World;
use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::json;
use url::Url;

use crate::story::{check_story, until_told};

/// What the policy of these scenarios opens.
const OPEN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
/// What it does not.
const CLOSED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// Two receivers at the same port of an address that is open and of one that is not.
async fn receivers() -> anyhow::Result<(Receiver, Receiver, u16)> {
    loop {
        let open = Receiver::start().await?;
        let port = Url::parse(&open.url(""))?.port().unwrap_or_default();
        if let Ok(closed) = Receiver::start_at((CLOSED, port).into()).await {
            return Ok((open, closed, port));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_to_a_forbidden_address_gets_nothing_until_it_is_back()
-> anyhow::Result<()> {
    let (salesloft, names) = (Salesloft::start().await?, NameServer::start().await?);
    let (open, closed, port) = receivers().await?;
    open.expect_key(oc_tests::server::SIGNATURE_KEY);
    names.set("rebind.test", [Names::At(vec![OPEN])]);
    let options = Options::default()
        .with("OC_ALLOW_NETWORKS", "127.0.0.1/32")
        .with("OC_DNS_SERVERS", &names.address().to_string())
        .with("OC_RETRY_SCHEDULE", "50ms,100ms,200ms,400ms,800ms,1600ms,3200ms,60s");
    let server = Server::start(&salesloft, options).await?;
    let callback = format!("http://rebind.test:{port}/hook");
    let instance = server.create(&salesloft, &callback, &json!({})).await?;
    assert!(names.asked("rebind.test") >= 1, "the name was not checked when it was set");

    names.set("rebind.test", [Names::At(vec![CLOSED])]);
    salesloft.change(World::add_person);
    let path = format!("/instances/{}/events", instance.id);
    let mut attempts = json!([]);
    while attempts.as_array().is_none_or(Vec::is_empty) {
        attempts = server.api.get(&path).await?.body[0]["notifiedData"].clone();
    }
    assert_eq!(attempts[0]["error"], "the host has no address or does not answer");
    assert!(attempts[0]["status"].is_null(), "{attempts}");

    names.set("rebind.test", [Names::At(vec![OPEN])]);
    until_told(&open, &salesloft, 0).await?;
    check_story(&open, &salesloft)?;
    assert!(closed.deliveries().is_empty());

    let refused =
        oc_tests::server::body(&salesloft, &format!("http://{CLOSED}:{port}/"), &json!({}));
    assert_eq!(server.api.post("/instances", &refused).await?.status, 400);
    names.set("rebind.test", [Names::At(vec![OPEN, CLOSED])]);
    let refused = oc_tests::server::body(&salesloft, &callback, &json!({}));
    assert_eq!(server.api.post("/instances", &refused).await?.status, 400);
    Ok(())
}

/// A way out that may reach only `OPEN`, and asks this server.
fn egress(names: &NameServer) -> anyhow::Result<Egress> {
    let policy = Policy::allowing(vec![OPEN.into()], vec![]);
    let names = oc_egress::Names::from_servers(&[names.address()])?;
    Ok(Egress::with_names(policy, "open-connectors/test", names)?)
}

/// Sends on a new connection.
async fn send(egress: &Egress, url: &str, within: Duration) -> Result<u16, EgressError> {
    let Ok(url) = Url::parse(url) else { return Err(EgressError::Invalid(url.to_owned())) };
    let limits = Limits { total: within, body: 1_000, overflow: Overflow::Truncate };
    let request = Request { stale: Stale::Avoid, ..Request::post(url, Bytes::from("{}")) };
    egress.exchange(request, limits).await.map(|response| response.status.as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_was_checked_is_the_one_connected_to() -> anyhow::Result<()> {
    let names = NameServer::start().await?;
    let (open, closed, port) = receivers().await?;
    let (egress, url) = (egress(&names)?, format!("http://flips.test:{port}/hook"));
    let flips = (0..20).map(|turn| Names::At(vec![if turn % 2 == 0 { OPEN } else { CLOSED }]));
    names.set("flips.test", flips.collect::<Vec<_>>());
    for turn in 0..20 {
        let sent = send(&egress, &url, Duration::from_secs(30)).await;
        match turn % 2 {
            0 => assert_eq!(sent.ok(), Some(200)),
            _ => assert!(sent.is_err_and(|error| error.is_refused()), "turn {turn}"),
        }
        // A second question could be answered otherwise.
        assert_eq!(names.asked("flips.test"), turn + 1);
    }
    assert_eq!((open.deliveries().len(), closed.deliveries().len()), (10, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_forbidden_address_forbids_the_name_however_it_is_hidden() -> anyhow::Result<()> {
    let names = NameServer::start().await?;
    let (open, closed, port) = receivers().await?;
    let egress = egress(&names)?;
    let inside = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
    names.set("open.test", [Names::At(vec![OPEN])]);
    names.set("closed.test", [Names::At(vec![CLOSED])]);
    names.set("mixed.test", [Names::At(vec![OPEN, CLOSED])]);
    names.set("sixth.test", [Names::At(vec![OPEN, inside])]);
    names.set("alias.test", [Names::Alias("closed.test")]);
    names.set("chain.test", [Names::Alias("alias.test")]);
    names.set("local.test", [Names::Alias("localhost")]);
    names.set("localhost", [Names::At(vec![CLOSED])]);
    names.set("good.test", [Names::Alias("better.test")]);
    names.set("better.test", [Names::Alias("open.test")]);
    for name in ["closed", "mixed", "sixth", "alias", "chain", "local"] {
        let url = format!("http://{name}.test:{port}/");
        let error = send(&egress, &url, Duration::from_secs(30)).await.expect_err(name);
        assert!(error.is_refused(), "{name}: {}", error.detail());
        assert_eq!(error.to_string(), "the host has no address or does not answer");
    }
    let sent = send(&egress, &format!("http://good.test:{port}/x"), Duration::from_secs(30)).await;
    assert_eq!(sent?, 200);
    assert_eq!((open.deliveries().len(), closed.deliveries().len()), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_without_an_address_end_in_time_in_the_same_words() -> anyhow::Result<()> {
    let names = NameServer::start().await?;
    let egress = egress(&names)?;
    names.set("empty.test", [Names::At(vec![])]);
    names.set("loop.test", [Names::Alias("loop.test")]);
    names.set("silent.test", [Names::Silence]);
    for name in ["missing", "empty", "loop"] {
        let sent = send(&egress, &format!("http://{name}.test/"), Duration::from_secs(30)).await;
        let error = sent.expect_err(name);
        assert!(matches!(error, EgressError::Resolve(_)), "{name}: {error:?}");
        assert_eq!(error.to_string(), "the host has no address or does not answer");
    }
    let sent = send(&egress, "http://silent.test/", Duration::from_millis(200)).await;
    assert!(sent.is_err_and(|error| error.is_timeout()));
    // A name that never answers holds up no other.
    names.set("open.test", [Names::At(vec![OPEN])]);
    let (silent, open) = ("http://silent.test/", "http://open.test:1/");
    let waiting = (0..200).map(|_| send(&egress, silent, Duration::from_secs(30)));
    let waiting = futures_util::future::join_all(waiting);
    let answered = send(&egress, open, Duration::from_secs(30));
    tokio::select! {
        // The silent ones are asked for first.
        biased;
        _ = waiting => anyhow::bail!("the silent names ended before the other was asked for"),
        answered = answered => assert!(matches!(answered, Err(EgressError::Connect(_)))),
    }
    Ok(())
}

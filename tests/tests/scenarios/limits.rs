//! What callers may do: how much, how often, how slowly, from where.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::Context as _;
use oc_tests::server::Api;
use oc_tests::{Options, Server};
use serde_json::json;

async fn server(variables: &[(&str, &str)]) -> anyhow::Result<Server> {
    let options = variables
        .iter()
        .fold(Options::default().role("api"), |options, (name, value)| options.with(name, value));
    Ok(Server::house(options).await?.2)
}

/// A connection that is spoken to by hand.
fn connect(server: &Server) -> anyhow::Result<TcpStream> {
    let address = server.api.url().strip_prefix("http://").context("an address")?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    Ok(stream)
}

/// Everything until the server closes the connection.
async fn rest(mut stream: TcpStream) -> anyhow::Result<String> {
    let read = tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    Ok(read.await??)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_over_its_rate_is_told_when_to_come_back() -> anyhow::Result<()> {
    let server = server(&[("OC_API_RATE", "2")]).await?;
    for _ in 0..2 {
        assert_eq!(server.api.get("/instances").await?.status, 200);
    }
    let over = server.api.get("/instances").await?;
    assert_eq!(over.status, 429, "{}", over.text);
    let wait: u64 = over.headers["retry-after"].to_str()?.parse()?;
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(over.body["requestId"], over.headers["elements-request-id"].to_str()?);
    assert!(over.body["message"].as_str().is_some_and(|told| told.contains("Retry-After")));
    // By address, without a secret; and whoever watches the service may always.
    assert_eq!(server.api.call("GET", "/instances", "", None).await?.status, 401);
    for _ in 0..10 {
        assert_eq!(server.api.call("GET", "//health/live", "", None).await?.status, 200);
        assert_eq!(server.api.call("GET", "//metrics", "", None).await?.status, 200);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_cannot_be_guessed_and_guessing_keeps_no_known_caller_out() -> anyhow::Result<()> {
    let server = server(&[("OC_API_FAILURE_RATE", "2")]).await?;
    let known = server.api.platform();
    let get = |authorization: String| {
        let api: Api = server.api.clone();
        async move { api.call("GET", "/instances", &authorization, None).await }
    };
    assert_eq!(get(known.clone()).await?.status, 200);
    for guess in 0..2 {
        let reply = get(format!("User guess-{guess}, Organization x")).await?;
        assert_eq!(reply.status, 401);
    }
    let limited = get("User guess-6, Organization x".to_owned()).await?;
    assert_eq!(limited.status, 429, "{}", limited.text);
    assert!(limited.headers.contains_key("retry-after"));
    // Right or wrong, what was not known before is not even looked at.
    let right = get("Organization organization-s3cret, User user-s3cret".to_owned()).await?;
    assert_eq!(right.status, 429);
    assert_eq!(get(known).await?.status, 200);
    assert_eq!(get(String::new()).await?.status, 401, "nothing was guessed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_behind_a_proxy_keeps_nobody_else_out_who_is_behind_it() -> anyhow::Result<()> {
    let behind = [("OC_API_FAILURE_RATE", "2"), ("OC_TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = server(&behind).await?;
    let get = async |from: &str, authorization: &str| {
        let headers = [("x-forwarded-for", from), ("authorization", authorization)];
        Ok::<_, anyhow::Error>(
            server.api.call_with("GET", "/instances", &headers, None).await?.status,
        )
    };
    for guess in ["one", "two"] {
        let wrong = format!("User {guess}, Organization x");
        assert_eq!(get("203.0.113.7", &wrong).await?, 401);
    }
    // What it writes itself stands before the proxy's word.
    assert_eq!(get("198.51.100.1, 203.0.113.7", "User three, Organization x").await?, 429);
    assert_eq!(get("203.0.113.8", &server.api.platform()).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_may_call_from_the_origins_that_are_set() -> anyhow::Result<()> {
    let origin = "https://app.example";
    let server = server(&[("OC_CORS_ORIGINS", "https://app.example,https://b.example")]).await?;
    let ask = [
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let preflight = server.api.call_with("OPTIONS", "/instances/1", &ask, None).await?;
    assert_eq!(preflight.status, 200, "{}", preflight.text);
    assert_eq!(preflight.headers["access-control-allow-origin"], origin);
    assert_eq!(preflight.headers["access-control-allow-headers"], "authorization,content-type");
    assert!(preflight.headers["access-control-allow-methods"].to_str()?.contains("PATCH"));
    assert!(preflight.headers.contains_key("elements-request-id"));
    let headers = [("origin", origin), ("authorization", &server.api.platform())];
    let listed = server.api.call_with("GET", "/instances", &headers, None).await?;
    let exposed = listed.headers["access-control-expose-headers"].to_str()?.to_lowercase();
    for name in ["elements-request-id", "elements-next-page-token", "elements-returned-count"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    // An error is readable too.
    let refused = server.api.call_with("GET", "/instances", &[("origin", origin)], None).await?;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["access-control-allow-origin"], origin);
    assert!(refused.body["requestId"].is_string());
    let other = [("origin", "https://evil.example")];
    let other = server.api.call_with("GET", "/instances", &other, None).await?;
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_web_page_may_call_and_with_a_star_any() -> anyhow::Result<()> {
    let headers = [("origin", "https://app.example")];
    let closed = server(&[]).await?;
    let reply = closed.api.call_with("GET", "/instances", &headers, None).await?;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
    let open = server(&[("OC_CORS_ORIGINS", "*")]).await?;
    let reply = open.api.call_with("GET", "/instances", &headers, None).await?;
    assert_eq!(reply.headers["access-control-allow-origin"], "*");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_too_slowly_ends_its_connection_and_no_other() -> anyhow::Result<()> {
    let server = server(&[("OC_HEAD_TIMEOUT", "200ms")]).await?;
    let mut slow = connect(&server)?;
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ")?;
    let idle = connect(&server)?;
    // A connection that is kept would idle as well, and end just when the last call takes it.
    let close = [("connection", "close")];
    assert_eq!(server.api.call_with("GET", "//health/live", &close, None).await?.status, 200);
    for ended in [rest(slow).await?, rest(idle).await?] {
        assert!(!ended.contains("live"), "{ended}");
    }
    assert_eq!(server.api.call("GET", "//health/live", "", None).await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_over_the_most_connections_wait_until_there_is_room() -> anyhow::Result<()> {
    let server = server(&[("OC_MAX_CONNECTIONS", "1")]).await?;
    let mut first = connect(&server)?;
    first.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut answer = [0; 12];
    first.read_exact(&mut answer)?;
    assert_eq!(&answer, b"HTTP/1.1 200");
    let mut second = connect(&server)?;
    second.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    drop(first);
    assert!(rest(second).await?.starts_with("HTTP/1.1 200"));
    assert!(server.log().contains("All connections are in use"), "{}", server.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_deep_is_refused_with_its_status() -> anyhow::Result<()> {
    let server = server(&[]).await?;
    let (api, platform) = (&server.api, server.api.platform());
    let long = "x".repeat(40 << 10);
    let headers = [("x-long", long.as_str()), ("authorization", &platform)];
    assert_eq!(api.call_with("GET", "/instances", &headers, None).await?.status, 431);
    let fits = "x".repeat(30 << 10);
    let headers = [("x-long", fits.as_str()), ("authorization", &platform)];
    assert_eq!(api.call_with("GET", "/instances", &headers, None).await?.status, 200);
    let many: Vec<(&str, &str)> = (0..150).map(|_| ("x-many", "1")).collect();
    assert_eq!(api.call_with("GET", "/instances", &many, None).await?.status, 431);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep = format!(r#"{{"element":{{"key":"salesloft"}},"configuration":{{"a":{deep}}}}}"#);
    let reply = api.call("POST", "/instances", &platform, Some(deep)).await?;
    assert_eq!(reply.status, 400, "{}", reply.text);
    let body = json!({"name": "x".repeat(8 << 20)}).to_string();
    let reply = api.call("POST", "/instances", &platform, Some(body)).await?;
    assert_eq!(reply.status, 413, "{}", reply.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requests_id_is_in_its_answer_and_in_all_that_is_logged_for_it() -> anyhow::Result<()> {
    let (salesloft, receiver, server) = Server::house(Options::default().role("api")).await?;
    let headers = |id: &'static str| {
        let authorization = server.api.platform();
        let api = server.api.clone();
        async move {
            let headers = [("elements-request-id", id), ("authorization", &authorization)];
            api.call_with("GET", "/instances/99", &headers, None).await
        }
    };
    let taken = headers("order-7/1").await?;
    assert_eq!(taken.headers["elements-request-id"], "order-7/1");
    assert_eq!(taken.body["requestId"], "order-7/1");
    let made = headers("two words").await?;
    assert_eq!(made.headers["elements-request-id"].len(), 36);

    let body = oc_tests::server::body(&salesloft, &receiver.url("hook"), &json!({}));
    let authorization = server.api.platform();
    let id = [("elements-request-id", "create-1"), ("authorization", authorization.as_str())];
    let create = id;
    let reply = server.api.call_with("POST", "/instances", &create, Some(body.to_string()));
    assert_eq!(reply.await?.status, 200);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("Instance created")).context("a line")?;
    assert!(line.contains("create-1"), "{line}");
    Ok(())
}

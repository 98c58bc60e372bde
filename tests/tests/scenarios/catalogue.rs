//! The catalogue, and authorization by callers themselves.

use oc_tests::{Options, Server};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn connectors_are_listed_and_found_by_key_and_number() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let listed = server.api.get("/elements").await?;
    assert_eq!((listed.status, listed.body[0]["key"].as_str()), (200, Some("salesloft")));
    assert_eq!(listed.headers["elements-total-count"], "1");
    for name in ["salesloft", "5127"] {
        let one = server.api.get(&format!("/elements/{name}")).await?;
        assert_eq!((one.status, &one.body), (200, &listed.body[0]), "{}", one.text);
    }
    for path in ["", "/configuration", "/metadata", "/trace/1"] {
        let path = format!("/elements/nobody{path}");
        assert_eq!(server.api.get(&path).await?.status, 404, "{path}");
        let path = path.replace("nobody", "salesloft");
        assert_eq!(server.api.call("GET", &path, "", None).await?.status, 401, "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_tells_what_it_is_configured_with_and_what_it_polls() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let reply = server.api.get("/elements/salesloft/configuration").await?;
    let entries = reply.body.as_array().cloned().unwrap_or_default();
    let entry = |key: &str| entries.iter().find(|one| one["key"] == key).cloned();
    let secret = entry("oauth.api.secret").unwrap_or_default();
    assert_eq!((&secret["type"], &secret["required"]), (&json!("PASSWORD"), &json!(false)));
    let poller = entry("event.poller.configuration").unwrap_or_default();
    let default: Value = serde_json::from_str(poller["defaultValue"].as_str().unwrap_or_default())?;
    assert_eq!(default["contacts"]["idField"], "id");
    let mut ids: Vec<u64> = entries.iter().filter_map(|one| one["id"].as_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), entries.len(), "each key has a number of its own");
    let metadata = server.api.get("/elements/5127/metadata").await?.body;
    let events = &metadata["events"];
    assert_eq!(
        (&events["supported"], &events["methods"]),
        (&json!(true), &json!(["polling", "webhook"]))
    );
    assert_eq!(events["polling"]["refreshInterval"], 15.0);
    assert_eq!(events["polling"]["configuration"], default);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_exchanged_for_the_providers_tokens_without_authorization() -> anyhow::Result<()>
{
    let (salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let path = "/elements/salesloft/oauth/token";
    let body = json!({"apiKey": "api-key", "apiSecret": "api-s3cret", "code": salesloft.code(),
        "callbackUrl": "https://app.example/callback"});
    let granted = server.api.call("POST", path, "", Some(body.to_string())).await?;
    assert_eq!(granted.status, 200, "{}", granted.text);
    for name in ["access_token", "refresh_token"] {
        assert!(granted.body[name].as_str().is_some_and(|token| !token.is_empty()), "{name}");
    }
    assert_eq!(granted.body["expires_in"], 7_200);
    let again = server.api.call("POST", path, "", Some(body.to_string())).await?;
    assert_eq!(again.status, 400);
    let words = again.body["providerMessage"].as_str().unwrap_or_default();
    assert!(words.contains("invalid_grant"), "{}", again.text);
    let query = format!("{path}?apiKey=api-key&apiSecret=api-s3cret&code={}", salesloft.code());
    let by_query = server.api.call("GET", &query, "", None).await?;
    assert_eq!((by_query.status, &by_query.body["expires_in"]), (200, &json!(7_200)));
    assert!(!server.log().contains("s3cret"), "what stands in a query is not logged");
    let missing = server.api.call("POST", path, "", Some("{}".to_owned())).await?;
    assert_eq!((missing.status, &missing.body["message"]), (400, &json!("missing: apiKey, code")));
    Ok(())
}

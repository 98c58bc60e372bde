//! `authentication.type`, with the configuration and the parameters that belong to it.

use serde_json::{Map, Value as Json};
use url::Url;

use super::configuration::Values;
use super::native::{Auth, Key, OAuth2};
use super::notes::{Notes, text};

/// How the connector authenticates, and the global parameters that are settled with that.
pub(super) fn read(
    element: &Map<String, Json>,
    values: &Values<'_>,
    notes: &mut Notes,
) -> (Auth, Vec<usize>) {
    let given = element.get("authentication").and_then(Json::as_object);
    let kind = given.and_then(|given| text(given, "type")).unwrap_or("none");
    let mut auth = Auth::default();
    let mut used = Vec::new();
    match kind {
        "oauth2" => {
            auth.oauth2 = oauth2(values, notes);
            // The access token is sent as a bearer token without saying so.
            used.extend(headers(element).filter(|(_, it)| it.key == "oauth.user.token").map(|(at, _)| at));
        }
        "apiKey" | "customApiKey" | "custom" => {
            match headers(element).next() {
                Some((at, key)) => {
                    used.push(at);
                    auth.key = Some(Key { configuration: key.key, header: key.header, value: key.value });
                }
                None => notes.add("authentication.type", format!("`{kind}`: no parameter sends a configuration value in a header, so that there is no [auth.key]")),
            }
        }
        other => notes.add("authentication.type", format!("`{other}` has no counterpart; oauth2 and keys in a header have")),
    }
    (auth, used)
}

/// A header that carries a configuration value.
struct KeyHeader {
    key: String,
    header: String,
    value: String,
}

fn headers(element: &Map<String, Json>) -> impl Iterator<Item = (usize, KeyHeader)> {
    let list = element.get("parameters").and_then(Json::as_array).map(Vec::as_slice);
    list.unwrap_or_default().iter().enumerate().filter_map(|(at, parameter)| {
        let parameter = parameter.as_object()?;
        if text(parameter, "vendorType")? != "header" {
            return None;
        }
        let (name, header) = (text(parameter, "name")?, text(parameter, "vendorName")?.to_owned());
        match text(parameter, "type")? {
            "configuration" => {
                Some((at, KeyHeader { key: name.to_owned(), header, value: "{key}".to_owned() }))
            }
            "value" => {
                let (before, rest) = name.split_once("${configuration.")?;
                let (key, after) = rest.split_once('}')?;
                let value = format!("{before}{{key}}{after}");
                Some((at, KeyHeader { key: key.to_owned(), header, value }))
            }
            _ => None,
        }
    })
}

fn oauth2(values: &Values<'_>, notes: &mut Notes) -> Option<OAuth2> {
    let mut url = |key: &str| {
        let Some((path, url)) = values.default(key) else {
            notes.add(
                "configuration",
                format!("`{key}` has no value, so that there is no [auth.oauth2]"),
            );
            return None;
        };
        let is_url = Url::parse(&url).is_ok_and(|url| url.has_host());
        if !is_url || url.contains(['{', '}']) {
            notes.add(
                &path,
                format!("`{url}` depends on the instance, so that there is no [auth.oauth2]"),
            );
            return None;
        }
        Some(url)
    };
    let (authorize, token) = (url("oauth.authorization.url"), url("oauth.token.url"));
    let default = |key: &str| values.default(key);
    if let Some((path, refresh)) = default("oauth.token.refresh_url")
        && token.as_ref().is_some_and(|token| *token != refresh)
    {
        notes.add(&path, "tokens are refreshed where codes are exchanged, at oauth.token.url");
    }
    let is_basic = default("oauth.basic.header").is_some_and(|(_, value)| value == "true");
    Some(OAuth2 {
        authorize: authorize?,
        token: token?,
        revoke: default("oauth.token.revoke_url").map(|(_, url)| url),
        client: if is_basic { "basic" } else { "body" },
        lifetime: default("oauth.user.refresh_interval").and_then(|(_, value)| value.parse().ok()),
        dead: vec!["invalid_grant"],
    })
}

//! The provider's subscriptions: made, listed and ended, as the connector describes them.

use http::{Method, StatusCode};
use oc_config::{Connector, FieldPath, SubscriptionList, Webhooks};
use oc_egress::Response;
use secrecy::SecretString;
use serde_json::Value as Json;
use url::Url;

use crate::client::{Asked, Client, Effort};
use crate::object::{encoded, method};
use crate::request::below_base;
use crate::{HubError, Target};

/// The most pages of a list that are read.
const MOST_PAGES: u32 = 100;

/// A subscription that the provider has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Its id there.
    pub id: String,
    /// The event it is for.
    pub event: String,
    /// Where it delivers to.
    pub url: String,
}

/// All subscriptions that the provider shows; `None` when it shows none to anybody.
pub(crate) async fn list(
    client: &Client,
    target: &Target,
) -> Result<Option<Vec<Subscribed>>, HubError> {
    let Some(list) = &webhooks(&target.connector)?.list else { return Ok(None) };
    let paging = &target.connector.paging;
    let mut found = Vec::new();
    for number in 1..=MOST_PAGES {
        let mut url = below_base(target, &list.path)?;
        url.query_pairs_mut()
            .append_pair(&paging.size, &paging.largest.to_string())
            .append_pair(&paging.page, &number.to_string());
        let cost = target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
        let read = |response: Response| page(list, paging.next.as_ref(), &response);
        let effort = Effort::prompt(client.retry);
        let (items, more) = client.send(target, &Asked::get(&url, cost), effort, read).await?.read;
        found.extend(items);
        if !more {
            return Ok(Some(found));
        }
    }
    let reason = format!("it has more than {MOST_PAGES} pages of subscriptions");
    Err(HubError::Faulty { reason, text: None })
}

/// Subscribes to an event; gives the subscription's id. It is asked a second time only when it has
/// certainly not been carried out.
pub(crate) async fn subscribe(
    client: &Client,
    target: &Target,
    event: &str,
    callback: &Url,
    secret: &SecretString,
) -> Result<String, HubError> {
    let call = &webhooks(&target.connector)?.subscribe;
    let url = below_base(target, &call.path)?;
    let body = call.body(event, callback.as_str(), secret).to_string().into();
    let asked = Asked { method: method(call.verb), url: &url, body: Some(body), cost: 1 };
    let read = |response: Response| {
        let id = text(&call.id, &json(&response)?);
        id.ok_or_else(|| format!("the answer names no subscription at `{}`", call.id))
    };
    Ok(client.send(target, &asked, Effort::prompt(client.retry), read).await?.read)
}

/// Ends a subscription; one that is not there has ended.
pub(crate) async fn unsubscribe(
    client: &Client,
    target: &Target,
    id: &str,
) -> Result<(), HubError> {
    let call = &webhooks(&target.connector)?.unsubscribe;
    let url = below_base(target, &call.path(&encoded(Some(id))?))?;
    let body = (method(call.verb) != Method::DELETE).then(|| "{}".into());
    let asked = Asked { method: method(call.verb), url: &url, body, cost: 1 };
    match client.send(target, &asked, Effort::prompt(client.retry), |_| Ok(())).await {
        Ok(_) => Ok(()),
        Err(HubError::Provider { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn webhooks(connector: &Connector) -> Result<&Webhooks, HubError> {
    let missing = || HubError::NoAnswer(format!("{} has no webhooks", connector.name));
    connector.webhooks.as_ref().ok_or_else(missing)
}

/// The subscriptions of a page, and whether there is another one behind it.
fn page(
    list: &SubscriptionList,
    next: Option<&FieldPath>,
    response: &Response,
) -> Result<(Vec<Subscribed>, bool), String> {
    let answer = json(response)?;
    let items = list.items.select(&answer).and_then(Json::as_array);
    let items = items.ok_or_else(|| format!("the answer has no list at `{}`", list.items))?;
    let more = next.and_then(|next| next.select(&answer)).is_some_and(|next| !next.is_null());
    let read = |item: &Json| {
        Some(Subscribed {
            id: text(&list.id, item)?,
            event: text(&list.event, item)?,
            url: text(&list.url, item)?,
        })
    };
    Ok((items.iter().filter_map(read).collect(), more && !items.is_empty()))
}

fn json(response: &Response) -> Result<Json, String> {
    serde_json::from_slice(&response.body).map_err(|error| format!("no JSON: {error}"))
}

fn text(path: &FieldPath, of: &Json) -> Option<String> {
    match path.select(of)? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

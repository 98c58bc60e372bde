//! One page of a list, for whoever waits for it (hub.md).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oc_config::{Diagnostic, HubCall};
use serde_json::{Map, Value as Json};
use url::Url;

use crate::client::{Client, Effort};
use crate::plan::{Plan, resource};
use crate::request::{below_base, matching, read_page, request_url};
use crate::{HubError, Picker, Record, Target};

/// A page of records as the hub shows them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The records, without the provider's envelope.
    pub records: Vec<Json>,
    /// What `nextPage` has to be for the next ones; `None` when there are none.
    pub next_page: Option<String>,
}

pub(crate) async fn list(
    client: &Client,
    target: &Target,
    call: &HubCall,
) -> Result<Listing, HubError> {
    let plan = Plan::of(&target.connector, call, None)?;
    let resource = resource(&target.connector, &call.resource)?;
    if call.order_by.is_some() {
        return Err(request_fault("orderBy", "this version returns the provider's order only"));
    }
    let number = page_number(call)?;
    let url = request_url(target, resource, &plan, &plan.filters, number)?;
    let cost = target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
    let fields = Picker::default();
    let read = |response| read_page(target, resource, &plan.filters, &fields, response);
    let effort = Effort::prompt(client.retry);
    let page = client.get(target, &url, cost, effort, read).await?.read;
    let size = usize::try_from(plan.page_size).unwrap_or(usize::MAX);
    let more = !page.is_empty() && (page.next.is_some() || page.len() >= size);
    let page = matching(page, plan.local.as_ref());
    let shown = |record: Record<'_>| show(record.json, target.drop_nulls, &call.fields);
    Ok(Listing {
        records: page.records().map(shown).collect::<Result<_, _>>()?,
        next_page: more.then(|| URL_SAFE_NO_PAD.encode(format!("page:{}", number + 1))),
    })
}

/// The first url of a reading, as `check` shows it.
pub(crate) fn first_url(
    target: &Target,
    call: &HubCall,
    page_size: Option<u32>,
) -> Result<Url, HubError> {
    let plan = Plan::of(&target.connector, call, page_size)?;
    request_url(target, resource(&target.connector, &call.resource)?, &plan, &plan.filters, 1)
}

/// Asks the provider whose rate limit the instance shares.
pub(crate) async fn account(client: &Client, target: &Target) -> Result<Option<String>, HubError> {
    let Some(probe) = &target.connector.probe else { return Ok(None) };
    let url = below_base(target, &probe.path)?;
    let read = |response: oc_egress::Response| {
        serde_json::from_slice::<Json>(&response.body).map_err(|error| error.to_string())
    };
    let answer = client.get(target, &url, 1, Effort::prompt(client.retry), read).await?.read;
    Ok(match probe.account.select(&answer) {
        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}

fn page_number(call: &HubCall) -> Result<u32, HubError> {
    let Some(token) = &call.next_page else { return Ok(call.page.unwrap_or(1).max(1)) };
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|text| String::from_utf8(text).ok());
    let number = decoded.as_deref().and_then(|text| text.strip_prefix("page:")?.parse().ok());
    number.ok_or_else(|| {
        request_fault("nextPage", "the value of an Elements-Next-Page-Token header was expected")
    })
}

fn request_fault(path: &str, message: &str) -> HubError {
    HubError::Request(Diagnostic::error(path, message))
}

fn show(record: &[u8], drop_nulls: bool, fields: &[String]) -> Result<Json, HubError> {
    let stripped;
    let record = if drop_nulls {
        stripped = crate::strip_nulls(bytes::Bytes::copy_from_slice(record));
        &stripped[..]
    } else {
        record
    };
    let record: Json = serde_json::from_slice(record)
        .map_err(|error| HubError::Faulty { reason: error.to_string(), text: None })?;
    let Json::Object(members) = record else { return Ok(record) };
    if fields.is_empty() {
        return Ok(Json::Object(members));
    }
    let chosen: Map<String, Json> =
        members.into_iter().filter(|(name, _)| fields.contains(name)).collect();
    Ok(Json::Object(chosen))
}

#[cfg(test)]
mod tests;

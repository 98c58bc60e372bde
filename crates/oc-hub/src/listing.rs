//! One page of a list, for whoever waits for it (hub.md).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oc_config::{Connector, Diagnostic, HubCall, OrderBy, Resource};
use serde_json::Value as Json;
use url::Url;

use crate::client::{Asked, Client, Effort};
use crate::plan::{Plan, resource};
use crate::request::{below_base, following, matching, read_page, request_url};
use crate::shown::Shown;
use crate::{HubError, Picker, Record, Target};

/// A page of records as the hub shows them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The records, without the provider's envelope.
    pub records: Vec<Json>,
    /// What `nextPage` has to be for the next ones; `None` when there are none.
    pub next_page: Option<String>,
    /// How many there are on all pages together, when the provider tells.
    pub total: Option<u64>,
}

pub(crate) async fn list(
    client: &Client,
    target: &Target,
    call: &HubCall,
) -> Result<Listing, HubError> {
    let plan = Plan::of(&target.connector, call, None)?;
    let resource = resource(&target.connector, &call.resource)?;
    let order = match &call.order_by {
        Some(order_by) => order(&target.connector, resource, order_by)?,
        None => resource.order.clone(),
    };
    let number = page_number(call)?;
    let url = request_url(target, &order, &plan, &plan.filters, number)?;
    let cost = target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
    let fields = Picker::default();
    let read = |response| read_page(target, resource, &plan.filters, &fields, response);
    let effort = Effort::prompt(client.retry);
    let page = client.send(target, &Asked::get(&url, cost), effort, read).await?.read;
    let next = following(&page, number, &plan);
    // What is left out here counts for the provider.
    let total = page.total.filter(|_| plan.local.is_none());
    let page = matching(page, plan.local.as_ref());
    let form = Shown::new(target.drop_nulls, &call.fields);
    let shown = |record: Record<'_>| {
        let record = serde_json::from_slice(record.json)
            .map_err(|error| HubError::Faulty { reason: error.to_string(), text: None })?;
        Ok(form.of(record))
    };
    Ok(Listing {
        records: page.records().map(shown).collect::<Result<_, HubError>>()?,
        next_page: next.map(|next| URL_SAFE_NO_PAD.encode(format!("page:{next}"))),
        total,
    })
}

/// The parameters that ask the provider for an order.
fn order(
    connector: &Connector,
    resource: &Resource,
    order_by: &OrderBy,
) -> Result<Vec<(String, String)>, HubError> {
    let OrderBy { field, descending } = order_by;
    if let Some(sorting) = connector.sorting.as_ref().filter(|_| resource.sort.contains(field)) {
        return Ok(sorting.parameters(field, *descending));
    }
    let can = match resource.sort.as_slice() {
        [] => "it cannot sort this resource".to_owned(),
        fields => format!("it can by: {}", fields.join(", ")),
    };
    let message = format!("the provider cannot sort by `{field}`; {can}");
    Err(request_fault("orderBy", &message))
}

/// The first url of a reading, as `check` shows it.
pub(crate) fn first_url(
    target: &Target,
    call: &HubCall,
    page_size: Option<u32>,
) -> Result<Url, HubError> {
    let plan = Plan::of(&target.connector, call, page_size)?;
    let order = &resource(&target.connector, &call.resource)?.order;
    request_url(target, order, &plan, &plan.filters, 1)
}

/// Asks the provider whose rate limit the instance shares.
pub(crate) async fn account(client: &Client, target: &Target) -> Result<Option<String>, HubError> {
    let Some(probe) = &target.connector.probe else { return Ok(None) };
    let url = below_base(target, &probe.path)?;
    let read = |response: oc_egress::Response| {
        serde_json::from_slice::<Json>(&response.body).map_err(|error| error.to_string())
    };
    let effort = Effort::prompt(client.retry);
    let answer = client.send(target, &Asked::get(&url, 1), effort, read).await?.read;
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

pub(crate) fn request_fault(path: &str, message: &str) -> HubError {
    HubError::Request(Diagnostic::error(path, message))
}

#[cfg(test)]
mod tests;

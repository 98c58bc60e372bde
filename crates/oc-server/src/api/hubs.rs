//! The hub: what the provider has, read as the poller reads it (hub.md).

mod place;
mod records;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use oc_config::{HubCall, InstanceSettings};
use oc_hub::Target;
use oc_store::Instance;
use utoipa::IntoParams;

use super::caller::Caller;
use super::calls::{Call, Calls, Record, Wants};
use super::error::ApiError;
use super::query::Parameters;
use crate::app::App;
use place::Place;

/// Where lists are; the hub's name may be anything, or be missing.
const LISTS: [&str; 2] = ["/hubs/{hub}/{resource}", "/{resource}"];
/// Where single records are.
const RECORDS: [&str; 2] = ["/hubs/{hub}/{resource}/{objectId}", "/{resource}/{objectId}"];

pub(super) fn calls() -> Calls {
    let list_of = || {
        call("Records of the provider")
            .query::<Listed>()
            .answers::<Vec<Record>>()
            .answers_header("Elements-Returned-Count", "how many records these are")
            .answers_header("Elements-Next-Page-Token", "the value of nextPage for the next ones")
            .answers_header("Elements-Total-Count", "how many there are, where the provider tells")
            .answers_header(INSTANCE, "the instance")
    };
    let lists = LISTS
        .into_iter()
        .fold(Calls::new(), |calls, path| calls.on(&Method::GET, path, list, list_of()));
    lists.merge(records::calls())
}

const INSTANCE: &str = "Elements-Element-Instance-Id";

fn call(summary: &'static str) -> Call {
    Call::new("hubs", summary, Wants::Instance).fails(&[403, 404, 405, 409, 502])
}

/// Which records; further parameters are filters in the provider's own words.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only its description is used; the hub reads the parameters")]
struct Listed {
    /// A condition, as `updated_at>='2026-11-24T00:00:00Z'`.
    #[param(rename = "where")]
    condition: Option<String>,
    /// Only these fields, comma-separated; dotted paths lead into objects.
    fields: Option<String>,
    /// A field the provider can sort by, then `asc` or `desc`.
    #[param(rename = "orderBy")]
    order_by: Option<String>,
    /// Records a page.
    #[param(rename = "pageSize")]
    page_size: Option<String>,
    /// The page's number, from 1.
    page: Option<String>,
    /// The value of an `Elements-Next-Page-Token`.
    #[param(rename = "nextPage")]
    next_page: Option<String>,
}

type Pairs = Parameters<Vec<(String, String)>>;

async fn list(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    query: Pairs,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let call = hub_call(&place, query)?;
    let listing = app.hub.list(&target(&app, instance)?, &call).await?;
    let count = listing.records.len().to_string();
    let mut headers = vec![("elements-returned-count", count)];
    headers.extend(listing.next_page.map(|token| ("elements-next-page-token", token)));
    headers.extend(listing.total.map(|total| ("elements-total-count", total.to_string())));
    Ok(answer(instance, Json(listing.records).into_response(), headers))
}

fn hub_call(place: &Place, Parameters(pairs): Pairs) -> Result<HubCall, ApiError> {
    let call = HubCall::from_query(&place.resource, pairs);
    Ok(call.map_err(|fault| ApiError::faults(&[fault.under("where")]))?.0)
}

/// An answer with its headers, and the instance's.
fn answer(
    instance: &Instance,
    mut response: Response,
    headers: Vec<(&'static str, String)>,
) -> Response {
    let own = [("elements-element-instance-id", instance.id.to_string())];
    for (name, value) in headers.into_iter().chain(own) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An instance as the hub needs to know it; one that is switched off makes no requests.
pub(super) fn target(app: &App, instance: &Instance) -> Result<Target, ApiError> {
    if instance.disabled {
        let message = "the instance is disabled; enable it with PUT /instances/{id}/enabled";
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    let gone = format!("the connector `{}` is not in the catalogue any more", instance.connector);
    let connector =
        app.catalogue.find(&instance.connector).ok_or_else(|| ApiError::bad_request(gone))?;
    let floor = app.settings.min_refresh_interval;
    let (settings, _) = InstanceSettings::read(&instance.configuration, connector, floor)
        .map_err(|faults| ApiError::faults(&faults))?;
    Ok(Target {
        instance: instance.id,
        connector: Arc::clone(connector),
        base: settings.base,
        account: instance.account.clone(),
        drop_nulls: settings.drop_nulls,
    })
}

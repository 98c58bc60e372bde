//! The hub: what the provider has, read as the poller reads it (hub.md).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
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

pub(super) fn calls() -> Calls {
    let list_of = || {
        Call::new("hubs", "Records of the provider", Wants::Instance)
            .query::<Listed>()
            .answers::<Vec<Record>>()
            .answers_header("Elements-Returned-Count", "how many records these are")
            .answers_header("Elements-Next-Page-Token", "the value of nextPage for the next ones")
            .answers_header("Elements-Element-Instance-Id", "the instance")
            .fails(&[403, 404, 405, 502])
    };
    Calls::new().on(&Method::GET, "/hubs/{hub}/{resource}", list, list_of()).on(
        &Method::GET,
        "/{resource}",
        list_short,
        list_of(),
    )
}

/// Which records; further parameters are filters in the provider's own words.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only its description is used; the hub reads the parameters")]
struct Listed {
    /// A condition, as `updated_at>='2026-11-24T00:00:00Z'`.
    #[param(rename = "where")]
    condition: Option<String>,
    /// Only these fields, comma-separated.
    fields: Option<String>,
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

/// The hub's name may be anything.
async fn list(
    app: State<App>,
    caller: Caller,
    Path((_, resource)): Path<(String, String)>,
    query: Pairs,
) -> Result<Response, ApiError> {
    answer(app, caller, resource, query).await
}

pub(super) async fn list_short(
    app: State<App>,
    caller: Caller,
    Path(resource): Path<String>,
    query: Pairs,
) -> Result<Response, ApiError> {
    answer(app, caller, resource, query).await
}

async fn answer(
    State(app): State<App>,
    caller: Caller,
    resource: String,
    Parameters(pairs): Pairs,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let (call, _) = HubCall::from_query(&resource, pairs)
        .map_err(|fault| ApiError::faults(&[fault.under("where")]))?;
    let listing = app.hub.list(&target(&app, instance)?, &call).await?;
    let count = listing.records.len().to_string();
    let mut response = Json(listing.records).into_response();
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    put("elements-returned-count", count);
    put("elements-element-instance-id", instance.id.to_string());
    if let Some(token) = listing.next_page {
        put("elements-next-page-token", token);
    }
    Ok(response)
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

//! How the destinations of the caller's organization fare: metrics have no label for them.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use oc_config::Timestamp;
use oc_store::{DestinationOrder, DestinationState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::calls::{Call, Calls, Wants};
use super::error::ApiError;
use super::paging::instant;
use super::query::Parameters;
use crate::app::App;

/// Unless the caller says otherwise, and the most there are.
const ROWS: (usize, usize) = (10, 200);
const LATELY: Duration = Duration::from_secs(24 * 3_600);

pub(super) fn calls() -> Calls {
    let summary =
        "The destinations of callbacks that fare worst: by what waits, by failures or by latency";
    let call = Call::new("deliveries", summary, Wants::Platform)
        .query::<Asked>()
        .answers::<Vec<Destination>>();
    Calls::new().on(&Method::GET, "/instances/destinations", list, call)
}

/// Which come first, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(rename_all = "camelCase")]
struct Asked {
    /// `backlog`, `failures` or `latency` [default: backlog].
    order_by: Option<String>,
    /// Attempts of notifications that were found since then count [default: a day ago].
    from: Option<String>,
    /// At most so many, up to 200 [default: 10].
    page_size: Option<usize>,
}

/// A destination of callbacks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Destination {
    /// Scheme, host and port of callback urls.
    destination: String,
    /// Notifications that wait for it, queued ones included.
    backlog: u64,
    /// When the oldest of them was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    oldest: Option<String>,
    /// Instances whose deliveries to it are queued.
    queued_instances: u64,
    /// Attempts to deliver.
    attempts: u64,
    /// Those of them that failed.
    failures: u64,
    /// How long attempts took on the average, in milliseconds.
    latency: u64,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Vec<Destination>>, ApiError> {
    let organization = caller.platform()?.organization;
    let order = order(asked.order_by.as_deref().unwrap_or("backlog"))?;
    let from = instant("from", asked.from.as_deref())?;
    let since = from.unwrap_or_else(|| app.clock.now().minus(LATELY));
    let most = asked.page_size.unwrap_or(ROWS.0).clamp(1, ROWS.1);
    let found = app.store.destinations(organization, since, order, most).await?;
    Ok(Json(found.into_iter().map(Destination::from).collect()))
}

fn order(text: &str) -> Result<DestinationOrder, ApiError> {
    match text {
        "backlog" => Ok(DestinationOrder::Backlog),
        "failures" => Ok(DestinationOrder::Failures),
        "latency" => Ok(DestinationOrder::Latency),
        other => Err(ApiError::bad_request(format!(
            "orderBy: `{other}` was found; backlog, failures or latency was expected"
        ))),
    }
}

impl From<DestinationState> for Destination {
    fn from(state: DestinationState) -> Self {
        Self {
            destination: state.destination,
            backlog: state.backlog,
            oldest: state.oldest.map(Timestamp::to_seconds_text),
            queued_instances: state.queued_instances,
            attempts: state.attempts,
            failures: state.failures,
            latency: state.mean_took / 1_000,
        }
    }
}

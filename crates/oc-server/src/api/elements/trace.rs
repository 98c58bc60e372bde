//! Recorded authentications (instances.md, "The other calls").

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use oc_config::Timestamp;
use oc_oauth::Exchange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

use super::connector;
use crate::api::caller::Caller;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let summary = "A recorded authentication: what was said to the provider and back";
    let call =
        Call::new("elements", summary, Wants::Platform).answers::<TraceRecord>().fails(&[404]);
    Calls::new().on(&Method::GET, "/elements/{keyOrId}/trace/{traceId}", read, call)
}

/// A recorded authentication; secrets are masked.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trace)]
pub(in crate::api) struct TraceRecord {
    trace_id: String,
    created_date: String,
    /// The connector's key.
    element: String,
    /// Why the authentication failed.
    error: Option<String>,
    exchanges: Vec<Recorded>,
}

/// One request, and its answer or why there was none.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TraceExchange)]
struct Recorded {
    request: RecordedRequest,
    response: Option<RecordedResponse>,
    error: Option<String>,
}

/// A request to the provider.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TraceRequest)]
struct RecordedRequest {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    /// What its body says.
    parameters: BTreeMap<String, String>,
}

/// The provider's answer.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TraceResponse)]
struct RecordedResponse {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

async fn read(
    State(app): State<App>,
    caller: Caller,
    Path((key, id)): Path<(String, String)>,
) -> Result<Json<TraceRecord>, ApiError> {
    let user = caller.platform()?;
    let connector = connector(&app, &key)?;
    let missing = || {
        ApiError::not_found(format!(
            "there is no trace `{id}` of `{key}`; traces are kept for a day"
        ))
    };
    let number = Uuid::parse_str(&id).map_err(|_| missing())?;
    let found = app.store.trace(user.organization, number, app.clock.now()).await?;
    let found = found.filter(|trace| trace.connector == connector.key).ok_or_else(missing)?;
    serde_json::from_str(&found.record).map(Json).map_err(|_| missing())
}

impl TraceRecord {
    pub(in crate::api) fn new(
        id: Uuid,
        created: Timestamp,
        connector: &str,
        error: Option<String>,
        exchanges: Vec<Exchange>,
    ) -> Self {
        Self {
            trace_id: id.to_string(),
            created_date: created.to_seconds_text(),
            element: connector.to_owned(),
            error,
            exchanges: exchanges.into_iter().map(Recorded::new).collect(),
        }
    }

    pub(in crate::api) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Recorded {
    fn new(exchange: Exchange) -> Self {
        let (response, error) = match exchange.answer {
            Ok(answer) => {
                let headers = answer.headers.into_iter().collect();
                let response =
                    RecordedResponse { status: answer.status, headers, body: answer.body };
                (Some(response), None)
            }
            Err(reason) => (None, Some(reason)),
        };
        let request = RecordedRequest {
            method: exchange.method,
            url: exchange.url,
            headers: exchange.headers.into_iter().collect(),
            parameters: exchange.parameters.into_iter().collect(),
        };
        Self { request, response, error }
    }
}

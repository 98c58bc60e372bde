//! What is done for a resource besides polling: initial loads and sweeps for what has gone.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use oc_poll::{Load, Sweep, Swept, Task};
use oc_store::{Answered, ResourceState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::JsonBody;
use crate::api::caller::Aimed;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let answer = "Say whether what a sweep has found to be gone may be told as deleted";
    Calls::new().on(
        &Method::PUT,
        "/instances/{id}/event-poller-records/{resource}/deletions",
        answer_sweep,
        Call::new("instances", answer, Wants::Instance)
            .takes::<Deletions>()
            .answers::<Objects>()
            .fails(&[403, 404, 409]),
    )
}

/// The answer to a sweep that found more gone than may be told without asking.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Deletions {
    /// True: all are told as DELETED. False: none is, and the next sweep looks again.
    send: bool,
}

/// Which resource.
#[derive(Deserialize)]
struct Which {
    resource: String,
}

/// How many objects an answer was about.
#[derive(Serialize, ToSchema)]
struct Objects {
    objects: u64,
}

/// What is done for a resource besides polling.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceTask {
    resource: String,
    /// `initial`: what was there is read. `deletions`: what has gone is looked for.
    kind: &'static str,
    /// `waiting` for its time, `running`, `asking` whether deletions may be told, or `read`: a poll is
    /// awaited for what shows late.
    state: &'static str,
    /// Of an initial load: records read so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    records: Option<u64>,
    /// Records there are, when the provider tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// How much of the total is read, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    progress: Option<f64>,
    /// Of a sweep: objects known when it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tracked: Option<u64>,
    /// Of them, those found to be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    missing: Option<u64>,
    /// When it goes on.
    next_due: Option<String>,
    /// What has kept it from going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

/// What came of a sweep.
#[derive(Serialize, ToSchema)]
pub(super) struct LastSweep {
    /// When it began.
    started: String,
    /// Objects known then.
    tracked: u64,
    /// Objects told as deleted.
    deleted: u64,
}

impl ResourceTask {
    pub(super) fn of(state: &ResourceState) -> Option<Self> {
        let task = state.task.as_ref()?;
        let none = Self {
            resource: state.name.clone(),
            kind: "",
            state: "running",
            records: None,
            total: None,
            progress: None,
            tracked: None,
            missing: None,
            next_due: state.task_due.map(|at| at.to_string()),
            error: state.task_error.clone(),
        };
        Some(match task {
            Task::Load(load) => none.load(load),
            Task::Sweep(sweep) => none.sweep(sweep),
        })
    }

    fn load(self, load: &Load) -> Self {
        let Load { records, total, .. } = *load;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 records")]
        let part = |total: u64| (records as f64 / total.max(1) as f64).min(1.0);
        let is_read = load.settled.is_some();
        let progress = if is_read { Some(1.0) } else { total.map(part) };
        let state = if is_read { "read" } else { "running" };
        Self { kind: "initial", state, records: Some(records), total, progress, ..self }
    }

    fn sweep(self, sweep: &Sweep) -> Self {
        let state = match (sweep.asks, sweep.started) {
            (true, _) => "asking",
            (false, Some(_)) => "running",
            (false, None) => "waiting",
        };
        let under_way = sweep.started.is_some();
        Self {
            kind: "deletions",
            state,
            tracked: under_way.then_some(sweep.tracked),
            missing: under_way.then_some(sweep.missing),
            ..self
        }
    }
}

impl From<Swept> for LastSweep {
    fn from(swept: Swept) -> Self {
        let Swept { started, tracked, deleted } = swept;
        Self { started: started.to_string(), tracked, deleted }
    }
}

async fn answer_sweep(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
    Path(Which { resource }): Path<Which>,
    JsonBody(body): JsonBody,
) -> Result<Json<Objects>, ApiError> {
    let Deletions { send } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!("{{\"send\": true}} was expected: {error}"))
    })?;
    let whose = (instance.organization, instance.id);
    let now = app.clock.now();
    match app.store.answer_sweep(whose, &resource, send, now, caller.by()).await? {
        Answered::Taken(objects) => {
            tracing::info!(instance = %instance.id, user = caller.user.id, resource, objects, send,
                "A sweep that had asked was answered");
            Ok(Json(Objects { objects }))
        }
        Answered::NothingAsked => {
            let message = format!("no sweep of `{resource}` waits for an answer");
            Err(ApiError::new(StatusCode::CONFLICT, message))
        }
    }
}

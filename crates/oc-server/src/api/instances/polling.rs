//! Where polling stands, resource by resource.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use oc_config::{InstanceId, InstanceSettings};
use oc_store::{Instance, InstanceFilter, InstancePage, ResourceState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::tasks::{LastSweep, ResourceTask};
use crate::api::caller::{Aimed, Caller};
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::api::paging::{page, paged};
use crate::api::query::Parameters;
use crate::app::App;

/// The most stopped instances that are told of.
const MOST_STOPPED: usize = 2_000;

pub(super) fn calls() -> Calls {
    let call = |summary, wants| Call::new("instances", summary, wants);
    let all = "Where polling stands, for all instances; with an Element token: for that one";
    let stopped = "Resources that are not polled any more, as too many polls in a row have failed; with an Element token: of that instance";
    Calls::new()
        .on(
            &Method::GET,
            "/instances/{id}/event-poller-records",
            records_of,
            call("Where polling stands", Wants::Instance)
                .answers::<Vec<PollerRecord>>()
                .fails(&[403, 404]),
        )
        .on(
            &Method::GET,
            "/instances/event-poller-records",
            records,
            call(all, Wants::Platform)
                .query::<Paging>()
                .answers::<Vec<PollerRecord>>()
                .answers_header("Elements-Returned-Count", "how many rows these are")
                .answers_header(
                    "Elements-Next-Page-Token",
                    "the value of nextPage for the next ones",
                ),
        )
        .on(
            &Method::GET,
            "/instances/polling-disabled",
            disabled,
            call(stopped, Wants::Platform).answers::<Vec<Stopped>>(),
        )
}

/// Where the polling of a resource stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PollerRecord {
    instance_id: i64,
    resource: String,
    /// The last poll time.
    cursor: String,
    /// Polls completed.
    polls: u64,
    /// When the last one began.
    last_poll: Option<String>,
    /// What came of it: `result` is `done` or `failed`.
    #[schema(value_type = Option<Object>)]
    last_result: Option<Value>,
    /// When it is polled next; null when it is not.
    next_due: Option<String>,
    /// Notifications that wait to be sent.
    waiting: u64,
    /// Notifications that are to be sent once more.
    replays_waiting: u64,
    /// What is done besides polling.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task: Option<ResourceTask>,
    /// What came of the last sweep for what has gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_sweep: Option<LastSweep>,
}

/// A resource that is not polled any more.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stopped {
    instance_id: i64,
    instance_name: String,
    resource: String,
    /// Why polling stopped.
    reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Paging {
    /// Rows a page, at most 2,000.
    page_size: Option<usize>,
    /// The value of an `Elements-Next-Page-Token`.
    next_page: Option<String>,
}

async fn records_of(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
) -> Result<Json<Vec<PollerRecord>>, ApiError> {
    let states = app.store.resource_states(instance.id).await?;
    Ok(Json(states.into_iter().map(PollerRecord::new).collect()))
}

async fn records(
    State(app): State<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Response, ApiError> {
    let (size, after, _) = page(paging.page_size, paging.next_page.as_deref(), None)?;
    let (mut states, next) = match caller.token_of() {
        Some(instance) => (app.store.resource_states(instance.id).await?, None),
        None => {
            let of = caller.platform()?.organization;
            let mut states = app.store.resource_states_of(of, after, size + 1).await?;
            let more = states.len() > size;
            states.truncate(size);
            let next = states.last().filter(|_| more).map(|last| last.id);
            (states, next)
        }
    };
    let rows: Vec<PollerRecord> = states.drain(..).map(PollerRecord::new).collect();
    let returned = rows.len();
    Ok(paged(Json(rows).into_response(), returned, None, next))
}

async fn disabled(State(app): State<App>, caller: Caller) -> Result<Json<Vec<Stopped>>, ApiError> {
    let stopped = match caller.token_of() {
        Some(instance) => vec![instance.clone()],
        None => {
            let all = InstanceFilter::all(caller.platform()?.organization);
            let filter = InstanceFilter { stopped: true, ..all };
            let page = InstancePage { after: InstanceId(0), skip: 0, limit: MOST_STOPPED };
            app.store.instances(filter, page).await?
        }
    };
    Ok(Json(stopped.iter().flat_map(|instance| Stopped::of(&app, instance)).collect()))
}

impl PollerRecord {
    fn new(state: ResourceState) -> Self {
        let task = ResourceTask::of(&state);
        Self {
            task,
            last_sweep: state.last_sweep.map(LastSweep::from),
            instance_id: state.instance.0,
            resource: state.name,
            cursor: state.cursor.to_string(),
            polls: state.polls,
            last_poll: state.last_poll.map(|at| at.to_string()),
            last_result: state.last_result,
            next_due: state.next_due.map(|at| at.to_string()),
            waiting: state.waiting,
            replays_waiting: state.replays_waiting,
        }
    }
}

impl Stopped {
    /// The resources that would be polled.
    fn of(app: &App, instance: &Instance) -> Vec<Self> {
        let Some(reason) = &instance.stopped else { return Vec::new() };
        let connector = app.catalogue.find(&instance.connector);
        let floor = app.settings.min_refresh_interval;
        let read = connector.map(|of| InstanceSettings::read(&instance.configuration, of, floor));
        let Some(Ok((settings, _))) = read else { return Vec::new() };
        let row = |resource: oc_config::ResourceConfig| Self {
            instance_id: instance.id.0,
            instance_name: instance.name.clone(),
            resource: resource.name,
            reason: reason.clone(),
        };
        settings.resources.into_iter().map(row).collect()
    }
}

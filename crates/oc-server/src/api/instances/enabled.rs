//! Instances that are switched off and on again, and polling that is taken up after it had stopped.

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use oc_config::InstanceSettings;
use oc_store::{By, Instance};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, InstanceAnswer};
use super::prepared::polled;
use super::stored;
use crate::api::caller::Aimed;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = |summary| {
        Call::new("instances", summary, Wants::Instance).answers::<InstanceAnswer>().fails(&[409])
    };
    Calls::new()
        .aimed(&Method::PUT, "/enabled", enable, || call("Switch an instance on"))
        .aimed(&Method::DELETE, "/enabled", disable, || call("Switch an instance off"))
        .aimed(&Method::PUT, "/polling-enabled", resume, || {
            call("Poll again after polling has stopped")
        })
        .aimed(&Method::POST, "/poll", poll, || {
            let summary = "Poll now what would be polled later";
            Call::new("instances", summary, Wants::Instance).answers::<PollBegun>().fails(&[409])
        })
}

/// How much is polled at once.
#[derive(Serialize, ToSchema)]
struct PollBegun {
    resources: usize,
}

/// Polls run as ever, within the provider's rate limit; their results are where polling stands.
async fn poll(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
) -> Result<Json<PollBegun>, ApiError> {
    let resources = app.store.poll_now(instance.id, app.clock.now()).await?;
    if resources == 0 {
        let message = "nothing of the instance is polled; enable it and its events, or let stopped polling go on";
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    tracing::info!(instance = %instance.id, user = caller.user.id, resources, "Polled on request");
    Ok(Json(PollBegun { resources }))
}

async fn enable(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
) -> Result<Json<InstanceAnswer>, ApiError> {
    if instance.disabled {
        start(&app, &instance, caller.by()).await?;
        tracing::info!(instance = %instance.id, user = caller.user.id, "Instance enabled");
    }
    show(&app, &instance).await
}

async fn disable(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
) -> Result<Json<InstanceAnswer>, ApiError> {
    app.store.disable_instance(instance.id, caller.by(), app.clock.now()).await?;
    tracing::info!(instance = %instance.id, user = caller.user.id, "Instance disabled");
    show(&app, &instance).await
}

async fn resume(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
) -> Result<Json<InstanceAnswer>, ApiError> {
    if instance.disabled {
        let message = "the instance is disabled; enable it with PUT /instances/{id}/enabled, and it is polled";
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    if instance.stopped.is_some() {
        start(&app, &instance, caller.by()).await?;
        tracing::info!(instance = %instance.id, user = caller.user.id, "Polling taken up again");
    }
    show(&app, &instance).await
}

/// Lets the instance be polled again, from where it was.
async fn start(app: &App, instance: &Instance, by: By) -> Result<(), ApiError> {
    let connector = app.catalogue.find(&instance.connector).ok_or_else(|| {
        ApiError::bad_request(format!("connector `{}` is gone", instance.connector))
    })?;
    let floor = app.settings.min_refresh_interval;
    let (settings, _) = InstanceSettings::read(&instance.configuration, connector, floor)
        .map_err(|faults| ApiError::faults(&faults))?;
    let now = app.clock.now();
    let destination = settings.destination();
    let polled = polled(app, connector, &settings, now);
    let (id, revision) = (instance.id, instance.revision);
    Ok(app.store.start_polling(id, revision, polled, destination, by, now).await?)
}

async fn show(app: &App, instance: &Instance) -> Result<Json<InstanceAnswer>, ApiError> {
    Ok(Json(answer::of(app, &stored(app, instance.id).await?).await?))
}

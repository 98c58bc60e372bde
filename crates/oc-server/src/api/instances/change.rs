//! `PUT` and `PATCH` of an instance: its number, its token and its cursors stay.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use oc_config::InstanceRequest;
use oc_store::Instance;
use serde_json::Value;
use uuid::Uuid;

use super::answer::{self, InstanceAnswer};
use super::prepared::{Asked, Prepared};
use super::{share_account, stored, to_its_end, with_trace};
use crate::api::body::JsonBody;
use crate::api::caller::Aimed;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let changed = |summary| {
        Call::new("instances", summary, Wants::Instance)
            .takes::<Value>()
            .answers::<InstanceAnswer>()
            .answers_header("Elements-Trace-Id", "with providerData.debug: the recording")
            .fails(&[409, 502])
    };
    Calls::new().aimed(&Method::PUT, "", put, || changed("Replace an instance")).aimed(
        &Method::PATCH,
        "",
        patch,
        || changed("Change an instance"),
    )
}

async fn put(State(app): State<App>, aimed: Aimed, body: JsonBody) -> Result<Response, ApiError> {
    to_its_end(&app.clone(), by_body(app, aimed, body, true)).await
}

async fn patch(State(app): State<App>, aimed: Aimed, body: JsonBody) -> Result<Response, ApiError> {
    to_its_end(&app.clone(), by_body(app, aimed, body, false)).await
}

async fn by_body(
    app: App,
    aimed: Aimed,
    JsonBody(body): JsonBody,
    whole: bool,
) -> Result<Response, ApiError> {
    let request = InstanceRequest::parse(&body).map_err(|faults| ApiError::faults(&faults))?;
    let (changed, trace) = change(&app, aimed, request, whole).await?;
    Ok(with_trace(answer::of(&app, &changed).await?, trace))
}

/// Changes an instance that nobody else has changed meanwhile.
pub(super) async fn change(
    app: &App,
    Aimed { instance, caller }: Aimed,
    request: InstanceRequest,
    whole: bool,
) -> Result<(Instance, Option<Uuid>), ApiError> {
    let connector = app.catalogue.find(&instance.connector).cloned().ok_or_else(|| {
        ApiError::bad_request(format!("connector `{}` is gone", instance.connector))
    })?;
    let (number, revision) = (instance.id, instance.revision);
    let asked = Asked {
        connector: &connector,
        organization: instance.organization,
        before: Some(instance),
        request,
        whole,
    };
    let prepared = Prepared::new(app, asked).await?;
    let (now, authorized) = (app.clock.now(), prepared.fields.tokens.is_some());
    let (fields, by) = (prepared.fields, caller.by());
    app.store.update_instance(number, revision, fields, prepared.reactivate, by, now).await?;
    app.tokens.forget(number);
    tracing::info!(instance = %number, user = caller.user.id, authorized, "Instance changed");
    let changed =
        if authorized { share_account(app, number).await? } else { stored(app, number).await? };
    Ok((changed, prepared.trace))
}

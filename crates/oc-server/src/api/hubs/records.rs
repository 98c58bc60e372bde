//! Single records: read one, create, change and delete.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::place::Place;
use super::{INSTANCE, LISTS, Pairs, RECORDS, answer, call, hub_call, target};
use crate::api::body::JsonBody;
use crate::api::caller::Caller;
use crate::api::calls::{Calls, Record};
use crate::api::error::ApiError;
use crate::api::instances::to_its_end;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let described = |summary| call(summary).answers_header(INSTANCE, "the instance");
    let record = |summary| described(summary).query::<Chosen>().answers::<Record>();
    let written = |summary| record(summary).takes::<Record>();
    let mut calls = Calls::new();
    for path in LISTS {
        calls = calls.on(&Method::POST, path, create, written("Make a record"));
    }
    for path in RECORDS {
        calls = calls
            .on(&Method::GET, path, one, record("One record"))
            .on(&Method::PUT, path, update, written("Change a record"))
            .on(&Method::PATCH, path, update, written("Change a record"))
            .on(&Method::DELETE, path, delete, described("Remove a record"));
    }
    calls
}

/// What of the record is shown; further parameters go to the provider.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only its description is used; the hub reads the parameters")]
struct Chosen {
    /// Only these fields, comma-separated; dotted paths lead into objects.
    fields: Option<String>,
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    query: Pairs,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let call = hub_call(&place, query)?;
    let record = app.hub.one(&target(&app, instance)?, &call, &place.object).await?;
    Ok(answer(instance, Json(record).into_response(), Vec::new()))
}

/// What has begun to be written is carried through though its client has gone.
async fn create(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    query: Pairs,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let (call, body) = (hub_call(&place, query)?, object(body)?);
    let (hub, target) = (app.hub.clone(), target(&app, instance)?);
    let work = async move { Ok(hub.create(&target, &call, body).await?) };
    let record = to_its_end(&app, work).await?;
    Ok(answer(instance, Json(record).into_response(), Vec::new()))
}

async fn update(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    query: Pairs,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let (call, body) = (hub_call(&place, query)?, object(body)?);
    let (hub, target) = (app.hub.clone(), target(&app, instance)?);
    let work = async move { Ok(hub.update(&target, &call, &place.object, body).await?) };
    let record = to_its_end(&app, work).await?;
    Ok(answer(instance, Json(record).into_response(), Vec::new()))
}

async fn delete(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    query: Pairs,
) -> Result<Response, ApiError> {
    let instance = caller.element()?;
    let call = hub_call(&place, query)?;
    let (hub, target) = (app.hub.clone(), target(&app, instance)?);
    let work = async move { Ok(hub.delete(&target, &call, &place.object).await?) };
    to_its_end(&app, work).await?;
    Ok(answer(instance, StatusCode::OK.into_response(), Vec::new()))
}

/// The body's own bytes, which are those of an object: what is written must not differ from what
/// was sent, not even in the spelling of a number.
fn object(JsonBody(body): JsonBody) -> Result<Bytes, ApiError> {
    let read = serde_json::from_slice::<Map<String, Value>>(&body);
    read.map_err(|error| ApiError::bad_request(format!("the body is no JSON object: {error}")))?;
    Ok(body)
}

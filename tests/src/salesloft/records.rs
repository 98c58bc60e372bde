//! Single records: read everywhere, written where the provider takes it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{Provider, Shared, error, lock};

/// The lists whose records can be made, changed and removed.
pub(super) const WRITTEN: [&str; 2] = ["people", "accounts"];

pub(super) async fn one(
    State(provider): State<Shared>,
    uri: Uri,
    Path(id): Path<String>,
) -> Response {
    let list = list_of(&uri);
    lock(&provider).record(&list, number(&id))
}

pub(super) async fn create(
    State(provider): State<Shared>,
    uri: Uri,
    Json(fields): Json<Map<String, Value>>,
) -> Response {
    let list = uri.path().trim_start_matches('/').to_owned();
    if let Some(refusal) = missing(&list, &fields).or_else(|| invalid(&fields)) {
        return refusal;
    }
    let mut provider = lock(&provider);
    let now = provider.now();
    let id = provider.world.add(&list, now, &fields);
    provider.record(&list, id)
}

pub(super) async fn update(
    State(provider): State<Shared>,
    uri: Uri,
    Path(id): Path<String>,
    Json(fields): Json<Map<String, Value>>,
) -> Response {
    if let Some(refusal) = invalid(&fields) {
        return refusal;
    }
    let (list, id) = (list_of(&uri), number(&id));
    let mut provider = lock(&provider);
    let now = provider.now();
    provider.world.update(&list, id, now, &fields);
    provider.record(&list, id)
}

pub(super) async fn delete(
    State(provider): State<Shared>,
    uri: Uri,
    Path(id): Path<String>,
) -> Response {
    if lock(&provider).world.delete(&list_of(&uri), number(&id)) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        error(StatusCode::NOT_FOUND, "Resource not found")
    }
}

impl Provider {
    fn record(&mut self, list: &str, id: u64) -> Response {
        match self.world.table(list).records.get(&id) {
            Some(record) => {
                let body = format!("{{\"data\":{}}}", record.shown);
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            None => error(StatusCode::NOT_FOUND, "Resource not found"),
        }
    }
}

/// The list of a record's path.
fn list_of(uri: &Uri) -> String {
    let path = uri.path().trim_start_matches('/');
    path.rsplit_once('/').map_or_else(String::new, |(list, _)| list.to_owned())
}

/// No record has the number 0.
fn number(id: &str) -> u64 {
    id.trim_end_matches(".json").parse().unwrap_or(0)
}

/// What a new record must have.
fn missing(list: &str, fields: &Map<String, Value>) -> Option<Response> {
    let has = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let lacking = match list {
        "people" if !(has("email_address") || has("phone") && has("last_name")) => "email_address",
        "accounts" if !has("name") => "name",
        "accounts" if !has("domain") => "domain",
        _ => return None,
    };
    Some(refusal(lacking, "can't be blank"))
}

fn invalid(fields: &Map<String, Value>) -> Option<Response> {
    let bad = |name: &str, is_good: fn(&Value) -> bool| {
        fields.get(name).is_some_and(|value| !value.is_null() && !is_good(value))
    };
    if bad("email_address", |value| value.as_str().is_some_and(|text| text.contains('@'))) {
        return Some(refusal("email_address", "is invalid"));
    }
    if bad("do_not_contact", Value::is_boolean) {
        return Some(refusal("do_not_contact", "is not included in the list"));
    }
    None
}

fn refusal(field: &str, what: &str) -> Response {
    let body = json!({"errors": {field: [what]}});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

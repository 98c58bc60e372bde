//! Single records: read one, create, update and delete, as the connector declares them (hub.md).

use bytes::Bytes;
use http::Method;
use oc_config::{HubCall, Operation, OperationKind, Resource, Verb};
use oc_egress::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::client::{Asked, Client, Effort};
use crate::listing::request_fault;
use crate::plan::resource;
use crate::request::below_base;
use crate::shown::Shown;
use crate::{HubError, Target};

/// What an id keeps of itself in a path (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A call for single records.
pub(crate) struct Operated<'a> {
    pub(crate) kind: OperationKind,
    pub(crate) id: Option<&'a str>,
    /// A JSON object.
    pub(crate) body: Option<Bytes>,
}

/// Carries a call out; gives the record in the answer, an empty object when it has none.
pub(crate) async fn operate(
    client: &Client,
    target: &Target,
    call: &HubCall,
    asked: Operated<'_>,
) -> Result<Json, HubError> {
    let resource = resource(&target.connector, &call.resource)?;
    let operation = resource
        .operations
        .get(&asked.kind)
        .ok_or_else(|| unknown_method(&call.resource, resource, asked.kind))?;
    if call.condition.is_some() {
        return Err(request_fault("where", "conditions are for lists; leave it out"));
    }
    let mut url = below_base(target, &operation.path(&encoded(asked.id)?))?;
    if !call.other.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.other);
    }
    let method = method(operation.verb);
    let body = asked.body.map(|body| wrapped(operation, body)).transpose()?;
    let kind = asked.kind;
    let asked = Asked { method, url: &url, body, cost: 1 };
    let read = |response| record(operation, kind, &response);
    let answer = client.send(target, &asked, Effort::prompt(client.retry), read).await?;
    Ok(Shown::new(target.drop_nulls, &call.fields).of(answer.read))
}

/// The id as a segment of a path. One of dots alone would be taken for a way up.
pub(crate) fn encoded(id: Option<&str>) -> Result<String, HubError> {
    match id {
        Some("" | "." | "..") => Err(request_fault("id", "this cannot be a record's id")),
        Some(id) => Ok(utf8_percent_encode(id, ENCODED).to_string()),
        None => Ok(String::new()),
    }
}

fn wrapped(operation: &Operation, body: Bytes) -> Result<Bytes, HubError> {
    let Some(name) = &operation.wrap else { return Ok(body) };
    let fault = |error: serde_json::Error| request_fault("", &error.to_string());
    let name = serde_json::to_string(name).map_err(fault)?;
    Ok([b"{", name.as_bytes(), b":", &body, b"}"].concat().into())
}

fn record(operation: &Operation, kind: OperationKind, response: &Response) -> Result<Json, String> {
    let nothing = || Json::Object(serde_json::Map::new());
    let is_read = kind == OperationKind::One;
    if kind == OperationKind::Delete || (!is_read && response.body.trim_ascii().is_empty()) {
        return Ok(nothing());
    }
    let answer: Json =
        serde_json::from_slice(&response.body).map_err(|error| format!("no JSON: {error}"))?;
    match operation.record.select(&answer) {
        Some(record) if record.is_object() => Ok(record.clone()),
        // It was carried out all the same; a failure would invite to do it again.
        _ if !is_read => Ok(nothing()),
        _ => Err(format!("the answer has no record at `{}`", operation.record)),
    }
}

pub(crate) fn unknown_method(name: &str, resource: &Resource, kind: OperationKind) -> HubError {
    let has = |kind: OperationKind| resource.operations.contains_key(&kind);
    let single = [
        (OperationKind::One, "GET"),
        (OperationKind::Update, "PUT"),
        (OperationKind::Update, "PATCH"),
        (OperationKind::Delete, "DELETE"),
    ];
    let single = || single.iter().filter(|(kind, _)| has(*kind)).map(|(_, method)| *method);
    let mut list = vec!["GET"];
    list.extend(has(OperationKind::Create).then_some("POST"));
    let mut allowed: Vec<&str> =
        if kind == OperationKind::Create { list.clone() } else { single().collect() };
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let known = list.iter().map(|method| format!("{method} /{name}"));
    let known = known.chain(single().map(|method| format!("{method} /{name}/{{id}}")));
    HubError::UnknownMethod {
        resource: name.to_owned(),
        method: match kind {
            OperationKind::One => "GET",
            OperationKind::Create => "POST",
            OperationKind::Update => "PUT or PATCH",
            OperationKind::Delete => "DELETE",
        },
        allowed: allowed.join(", "),
        known: known.collect::<Vec<_>>().join(", "),
    }
}

pub(crate) fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

#[cfg(test)]
mod tests;

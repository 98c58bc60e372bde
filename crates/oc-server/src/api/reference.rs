//! `/docs`: the description of the API as a page, made of `/openapi.json` when the server starts.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value as Json};
use utoipa::openapi::OpenApi;

use crate::app::App;

const STYLE: &str = include_str!("reference/style.css");
/// Nothing but our own style sheet is loaded, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// The page and the description it is made of.
pub(super) fn routes(described: &OpenApi) -> Router<App> {
    let description = serde_json::to_value(described).unwrap_or_default();
    let page = page(&description).into_string();
    let served = move || async move {
        let headers =
            [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
        (headers, page).into_response()
    };
    let style = || async {
        ([(CONTENT_TYPE, "text/css"), (CACHE_CONTROL, "max-age=3600")], STYLE).into_response()
    };
    Router::new()
        .route("/openapi.json", get(|| async { axum::Json(description) }))
        .route("/docs", get(served))
        .route("/docs/style.css", get(style))
}

fn page(description: &Json) -> Markup {
    let info = &description["info"];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&info["title"])) " API" }
                link rel="stylesheet" href="/docs/style.css";
            }
            body {
                header {
                    h1 { (text(&info["title"])) " API" }
                    p {
                        "Version " (text(&info["version"])) ". Paths are below "
                        code { (text(&description["servers"][0]["url"])) }
                        ", and answer without it too. Machines read "
                        a href="/openapi.json" { "openapi.json" } "."
                    }
                    p {
                        "Authorization: "
                        code { "User <secret>, Organization <secret>[, Element <instance token>]" }
                    }
                }
                nav aria-label="Parts" {
                    @for tag in tags(description) { a href={ "#" (tag) } { (tag) } }
                    a href="#schemas" { "schemas" }
                }
                main {
                    @for tag in tags(description) {
                        section id=(tag) {
                            h2 { (tag) }
                            @for (path, method, call) in calls(description, &tag) {
                                (shown_call(path, method, call))
                            }
                        }
                    }
                    section id="schemas" {
                        h2 { "schemas" }
                        @for (name, schema) in members(&description["components"]["schemas"]) {
                            (shown_schema(name, schema))
                        }
                    }
                }
            }
        }
    }
}

/// The parts of the API, in the order of their first call.
fn tags(description: &Json) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for (_, methods) in members(&description["paths"]) {
        for (_, call) in members(methods) {
            let tag = text(&call["tags"][0]);
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
    }
    tags
}

fn calls<'d>(description: &'d Json, tag: &str) -> Vec<(&'d str, &'d str, &'d Json)> {
    let mut found = Vec::new();
    for (path, methods) in members(&description["paths"]) {
        let of_tag = members(methods).filter(|(_, call)| call["tags"][0] == *tag);
        found.extend(of_tag.map(|(method, call)| (path, method, call)));
    }
    found
}

fn shown_call(path: &str, method: &str, call: &Json) -> Markup {
    let parameters = call["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = &call["requestBody"]["content"]["application/json"]["schema"];
    html! {
        details id=(text(&call["operationId"])) {
            summary {
                span class={ "method " (method) } { (method.to_uppercase()) }
                code { (path) }
                span.summary { (text(&call["summary"])) }
            }
            @if call["security"].is_null() { p { "Needs no authorization." } }
            @if !parameters.is_empty() {
                table {
                    thead { tr { th { "Parameter" } th { "In" } th { "Meaning" } } }
                    tbody {
                        @for one in parameters {
                            tr {
                                td { code { (text(&one["name"])) } }
                                td { (text(&one["in"])) }
                                td { (text(&one["description"])) }
                            }
                        }
                    }
                }
            }
            @if !body.is_null() { p { "Body: " (kind(body)) } }
            table {
                thead { tr { th { "Status" } th { "Answer" } } }
                tbody {
                    @for (status, answer) in members(&call["responses"]) {
                        tr { td { (status) } td { (shown_answer(answer)) } }
                    }
                }
            }
        }
    }
}

fn shown_answer(answer: &Json) -> Markup {
    let schema = &answer["content"]["application/json"]["schema"];
    let headers =
        members(&answer["headers"]).filter(|(_, header)| !header["description"].is_null());
    html! {
        (text(&answer["description"]))
        @if !schema.is_null() { ": " (kind(schema)) }
        @for (name, header) in headers {
            br; code { (name) } " " (text(&header["description"]))
        }
    }
}

fn shown_schema(name: &str, schema: &Json) -> Markup {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        details id={ "schema-" (name) } {
            summary { code { (name) } span.summary { (text(&schema["description"])) } }
            table {
                thead { tr { th { "Member" } th { "Type" } th { "Meaning" } } }
                tbody {
                    @for (member, of) in members(&schema["properties"]) {
                        tr {
                            td {
                                code { (member) }
                                @if !required.iter().any(|one| one == member) { " (optional)" }
                            }
                            td { (kind(of)) }
                            td { (text(&of["description"])) }
                        }
                    }
                }
            }
        }
    }
}

/// A schema in a word; a named one is a link.
fn kind(schema: &Json) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let types = match &schema["type"] {
        Json::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one).to_owned(),
    };
    let either = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        @if types.contains("array") { "list of " (kind(&schema["items"])) }
        @else if !either.is_empty() {
            @for (at, one) in either.iter().enumerate() {
                @if at > 0 { " or " }
                (kind(one))
            }
        }
        @else if types.is_empty() { "anything" }
        @else { (types) }
    }
}

fn members(object: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let members = object.as_object().into_iter().flat_map(Map::iter);
    members.map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

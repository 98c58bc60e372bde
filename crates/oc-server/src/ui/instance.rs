//! One instance: its state, what is polled, and how it is configured.

pub(super) mod actions;

use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::Fields;
use super::known_instance::{KnownInstance, Number, tags};
use super::layout::{Page, Part, heading, instant};
use super::problem::{Problem, sentence};
use super::visitor::Visitor;

/// Where the polling of a resource stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Polled {
    resource: String,
    cursor: String,
    last_poll: Option<String>,
    next_due: Option<String>,
    waiting: u64,
    last_result: Option<PollResult>,
}

/// What came of a poll.
#[derive(Debug, Deserialize)]
struct PollResult {
    result: String,
    error: Option<String>,
}

/// `GET /ui/instances/{id}`.
pub(super) async fn show(
    visitor: Visitor,
    Number(id): Number,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let instance = read(&visitor, id).await?;
    let polled: Vec<Polled> =
        visitor.api.read(&format!("/instances/{id}/event-poller-records")).await?;
    let condition = instance.condition();
    let content = html! {
        (heading(&instance.name, &actions::buttons(&visitor, &instance)))
        (actions::done(query.text("done")))
        p { (condition.badge()) }
        @if let Some(reason) = &condition.reason { p.notice { (reason) } }
        @for remark in &instance.warnings {
            p.notice.warn { code { (remark.path) } ": " (sentence(&remark.message)) }
        }
        section aria-labelledby="facts" { h2 #facts { "Instance" } (facts(&instance)) }
        section aria-labelledby="polled" { h2 #polled { "Polled resources" } (resources(&polled)) }
        section aria-labelledby="configured" {
            h2 #configured { "Configuration" }
            (configuration(&instance))
        }
    };
    Ok(Page::of(&visitor, Part::Instances, &instance.name).show(&content))
}

pub(super) async fn read(visitor: &Visitor, id: i64) -> Result<KnownInstance, Problem> {
    Ok(visitor.api.read(&format!("/instances/{id}")).await?)
}

fn facts(instance: &KnownInstance) -> Markup {
    html! {
        dl.facts {
            dt { "Number" } dd { (instance.id) }
            @if let Some(element) = &instance.element {
                dt { "Connector" } dd { (element.name) " " code.soft { (element.key) } }
            }
            dt { "Created (GMT)" } dd { (instant(&instance.created_date)) }
            dt { "Events" } dd { @if instance.events_enabled { "on" } @else { "off" } }
            @if !instance.tags.is_empty() { dt { "Tags" } dd { (tags(&instance.tags)) } }
            dt { "Token" }
            dd { details.secret { summary { "Show the instance token" } code { (instance.token) } } }
        }
    }
}

fn resources(polled: &[Polled]) -> Markup {
    html! {
        @if polled.is_empty() { p.soft { "Nothing is polled." } } @else {
            table.rows {
                thead { tr {
                    th scope="col" { "Resource" } th scope="col" { "Last poll (GMT)" }
                    th scope="col" { "Result" } th scope="col" { "Next poll (GMT)" }
                    th scope="col" { "Changes since (GMT)" } th scope="col" { "Waiting" }
                } }
                tbody { @for one in polled { (resource(one)) } }
            }
        }
    }
}

fn resource(one: &Polled) -> Markup {
    let at = |text: &Option<String>, none: &str| match text {
        Some(text) => instant(text),
        None => html! { span.soft { (none) } },
    };
    html! {
        tr {
            td data-label="Resource" { (one.resource) }
            td data-label="Last poll (GMT)" { (at(&one.last_poll, "not yet")) }
            td data-label="Result" {
                @if let Some(last) = &one.last_result {
                    (last.result)
                    @if let Some(error) = &last.error { ": " (error) }
                }
            }
            td data-label="Next poll (GMT)" { (at(&one.next_due, "none")) }
            td data-label="Changes since (GMT)" { (instant(&one.cursor)) }
            td data-label="Waiting" { (one.waiting) }
        }
    }
}

fn configuration(instance: &KnownInstance) -> Markup {
    let values = instance.configuration.iter();
    let values = values.filter_map(|(key, value)| Some((key, value.as_ref()?)));
    html! {
        dl.facts.code { @for (key, value) in values { dt { (key) } dd { (value) } } }
    }
}

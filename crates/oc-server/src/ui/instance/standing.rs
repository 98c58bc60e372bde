//! How an instance stands: its state with what to do about it, and where the polling of each resource
//! is.

use maud::{Markup, html};
use serde::Deserialize;

use super::actions;
use super::task::Task;
use crate::ui::known_instance::{KnownInstance, Queued};
use crate::ui::layout::{instant, several};
use crate::ui::problem::{Problem, sentence};
use crate::ui::table::table;
use crate::ui::visitor::Visitor;

/// Where the polling of a resource stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Polled {
    resource: String,
    cursor: String,
    last_poll: Option<String>,
    next_due: Option<String>,
    waiting: u64,
    replays_waiting: u64,
    last_result: Option<PollResult>,
    task: Option<Task>,
}

/// What came of a poll.
#[derive(Debug, Deserialize)]
struct PollResult {
    result: String,
    error: Option<String>,
}

/// All of it.
pub(super) async fn show(visitor: &Visitor, instance: &KnownInstance) -> Result<Markup, Problem> {
    let place = format!("/instances/{}/event-poller-records", instance.id);
    let polled: Vec<Polled> = visitor.api.read(&place).await?;
    let condition = instance.condition();
    Ok(html! {
        p { (condition.badge()) }
        @if let Some(reason) = &condition.reason {
            div.notice { p { (reason) } (actions::remedy(visitor, instance)) }
        }
        @for one in &polled {
            @if let Some(task) = &one.task { (task.question(visitor, instance.id, &one.resource)) }
        }
        @if let Some(queued) = &instance.delivery_queued { (self::queued(queued)) }
        section aria-labelledby="polled" { h2 #polled { "Polled resources" } (resources(&polled)) }
    })
}

fn queued(queued: &Queued) -> Markup {
    html! {
        dl.facts {
            dt { "Queued since (GMT)" } dd { (instant(&queued.since)) }
            @if let Some(reason) = &queued.reason { dt { "Why" } dd { (sentence(reason)) } }
            dt { "Waiting" } dd { (several(queued.waiting, "notification")) }
            dt { "Tried by itself (GMT)" }
            dd {
                @match &queued.next_probe {
                    Some(next) => (instant(next)),
                    None => span.soft { "not before somebody reactivates" },
                }
                @if queued.failed_probes > 0 { span.soft { " · " (queued.failed_probes) " of these tries failed" } }
            }
        }
    }
}

/// What is told of each polled resource.
const COLUMNS: [&str; 6] = [
    "Resource",
    "Last poll (GMT)",
    "Result",
    "Next poll (GMT)",
    "Changes since (GMT)",
    "To be sent",
];

fn resources(polled: &[Polled]) -> Markup {
    html! {
        @if polled.is_empty() { p.soft { "Nothing is polled." } }
        @else { (table(COLUMNS, polled.iter().map(resource))) }
    }
}

fn resource(one: &Polled) -> [Markup; 6] {
    let at = |text: &Option<String>, none: &str| match text {
        Some(text) => instant(text),
        None => html! { span.soft { (none) } },
    };
    [
        html! { (one.resource) @if let Some(task) = &one.task { (task.progress()) } },
        at(&one.last_poll, "not yet"),
        html! {
            @if let Some(last) = &one.last_result {
                (last.result)
                @if let Some(error) = &last.error { ": " (error) }
            }
        },
        at(&one.next_due, "none"),
        instant(&one.cursor),
        html! {
            (one.waiting)
            @if one.replays_waiting > 0 { span.soft { " · " (one.replays_waiting) " again" } }
        },
    ]
}

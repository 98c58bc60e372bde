//! How an instance stands: its state with what to do about it, and where the polling of each resource
//! is.

use maud::{Markup, html};
use serde::Deserialize;

use super::actions;
use super::task::Task;
use crate::ui::known_instance::{KnownInstance, Queued};
use crate::ui::layout::instant;
use crate::ui::problem::{Problem, sentence};
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
            dt { "Waiting" } dd { (queued.waiting) " notifications" }
            dt { "Tried by itself (GMT)" }
            dd {
                @match &queued.next_probe {
                    Some(next) => (instant(next)),
                    None => span.soft { "not before somebody reactivates" },
                }
                @if queued.failed_probes > 0 { span.soft { " · " (queued.failed_probes) " such tries have failed" } }
            }
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
                    th scope="col" { "Changes since (GMT)" } th scope="col" { "To be sent" }
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
            td data-label="Resource" {
                (one.resource)
                @if let Some(task) = &one.task { (task.progress()) }
            }
            td data-label="Last poll (GMT)" { (at(&one.last_poll, "not yet")) }
            td data-label="Result" {
                @if let Some(last) = &one.last_result {
                    (last.result)
                    @if let Some(error) = &last.error { ": " (error) }
                }
            }
            td data-label="Next poll (GMT)" { (at(&one.next_due, "none")) }
            td data-label="Changes since (GMT)" { (instant(&one.cursor)) }
            td data-label="To be sent" {
                (one.waiting)
                @if one.replays_waiting > 0 { span.soft { " · " (one.replays_waiting) " again" } }
            }
        }
    }
}

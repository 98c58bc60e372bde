//! One instance: its state, what is polled, and how it is configured.

pub(super) mod actions;
pub(super) mod lately;
pub(super) mod replay;
mod standing;
pub(super) mod task;

use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};

use super::fields::Fields;
use super::kept_up;
use super::known_instance::{KnownInstance, Number, tags};
use super::layout::{Page, Part, heading, instant};
use super::problem::{Problem, sentence};
use super::visitor::Visitor;

/// `GET /ui/instances/{id}`.
pub(super) async fn show(
    visitor: Visitor,
    Number(id): Number,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let instance = read(&visitor, id).await?;
    let now = standing::show(&visitor, &instance).await?;
    let place = place(id);
    let content = html! {
        (heading(&instance.name, &actions::buttons(&visitor, &instance)))
        (actions::done(query.text("done")))
        (kept_up::part(Some(&place), &now))
        @for remark in &instance.warnings {
            p.notice.warn { code { (remark.path) } ": " (sentence(&remark.message)) }
        }
        section aria-labelledby="lately" {
            h2 #lately { "The last hour" }
            (lately::charts(&visitor, &format!("/instances/{id}")).await?)
            p { a href={ "/ui/activity?instance=" (id) } { "All activity of this instance" } " · " a href={ (super::HOME) "/" (id) "/replay" } { "Send again what was found in a time" } }
        }
        section aria-labelledby="facts" { h2 #facts { "Instance" } (facts(&instance)) }
        section aria-labelledby="configured" {
            h2 #configured { "Configuration" }
            (configuration(&instance))
        }
    };
    Ok(Page::of(&visitor, Part::Instances, &instance.name).show(&content))
}

/// `GET /ui/instances/{id}/standing`: how it stands, for a page that is open.
pub(super) async fn standing(
    visitor: Visitor,
    Number(id): Number,
    uri: Uri,
) -> Result<Response, Problem> {
    let instance = read(&visitor, id).await?;
    let now = standing::show(&visitor, &instance).await?;
    Ok(kept_up::answer(&uri, Some(&place(id)), &now))
}

fn place(id: i64) -> String {
    format!("{}/{id}/standing", super::HOME)
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
            @if let Some(budget) = &instance.rate_budget {
                dt { "Rate budget left" }
                dd {
                    meter.budget min="0" max=(budget.points) value=(budget.left) aria-label="Rate budget left" {}
                    " " (budget.left) " of " (budget.points)
                    @if budget.left < budget.points { span.soft { " · all of it at " (instant(&budget.renewed)) " GMT" } }
                }
            }
            dt { "Token" }
            dd {
                details.secret {
                    summary { "Show the instance token" }
                    div.beside {
                        code #token { (instance.token) }
                        button type="button" data-copies="token" { "Copy" }
                    }
                }
            }
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

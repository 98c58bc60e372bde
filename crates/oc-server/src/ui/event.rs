//! One notification: how far it has come, what it tells, and each attempt to deliver it.

mod attempts;
mod pretty;
mod room;
mod told;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::{Redirect, Response};
use maud::{Markup, html};
use uuid::Uuid;

use super::fields::Fields;
use super::kept_up;
use super::known_event::KnownEvent;
use super::layout::{Page, Part, heading, instant};
use super::problem::Problem;
use super::visitor::{Submitted, Visitor};

/// The id in the path; there is no page for what is none.
pub(super) struct EventId(Uuid);

impl<S: Send + Sync> FromRequestParts<S> for EventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        let id = read.ok().and_then(|Path(text)| Uuid::parse_str(&text).ok());
        id.map(Self).ok_or(Problem::Missing)
    }
}

/// `GET /ui/events/{id}`.
pub(super) async fn show(
    visitor: Visitor,
    EventId(id): EventId,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let event = read(&visitor, id).await?;
    let title = format!("{}: {}", event.object_type, event.summary());
    let content = html! {
        (heading(&title, &replay_button(&visitor, &event)))
        @if query.text("done") == "replayed" {
            p.notice.good role="status" { "It is sent again, with the same id and the same bytes." }
        }
        (kept_up::part(place(&event).as_deref(), &progress(&event)))
        section aria-labelledby="told" { h2 #told { "What it tells" } (told::list(&event)) }
        section aria-labelledby="facts" { h2 #facts { "Notification" } (facts(&event)) }
    };
    Ok(Page::of(&visitor, Part::Activity, &title).show(&content))
}

/// `GET /ui/events/{id}/deliveries`: how far it has come, for a page that is open.
pub(super) async fn deliveries(
    visitor: Visitor,
    EventId(id): EventId,
    uri: Uri,
) -> Result<Response, Problem> {
    let event = read(&visitor, id).await?;
    Ok(kept_up::answer(&uri, place(&event).as_deref(), &progress(&event)))
}

/// `POST /ui/events/{id}/replay`.
pub(super) async fn replay(
    EventId(id): EventId,
    Submitted { visitor, .. }: Submitted,
) -> Result<Redirect, Problem> {
    visitor.api.call(Method::POST, &format!("/instances/events/{id}/replay"), None).await?;
    Ok(Redirect::to(&format!("/ui/events/{id}?done=replayed")))
}

async fn read(visitor: &Visitor, id: Uuid) -> Result<KnownEvent, Problem> {
    Ok(visitor.api.read(&format!("/instances/events/{id}")).await?)
}

/// What still waits is sent anyway, and cannot be asked for once more.
fn replay_button(visitor: &Visitor, event: &KnownEvent) -> Markup {
    html! {
        @if !event.is_under_way() {
            form method="post" action={ "/ui/events/" (event.id) "/replay" } {
                (visitor.form_token())
                button { "Send again" }
            }
        }
    }
}

/// How far it has come.
fn progress(event: &KnownEvent) -> Markup {
    html! {
        p { (event.badge()) }
        @if let Some(reason) = reason(event) { p.notice { (reason) } }
        section aria-labelledby="deliveries" {
            h2 #deliveries { "Deliveries" }
            (attempts::list(&event.notified_data))
        }
    }
}

/// Where that is asked for again, until nothing more will become of it.
fn place(event: &KnownEvent) -> Option<String> {
    event.is_under_way().then(|| format!("/ui/events/{}/deliveries", event.id))
}

/// What its state means, and what to do.
fn reason(event: &KnownEvent) -> Option<Markup> {
    let instance = html! { a href={ (super::HOME) "/" (event.instance_id) } { "its instance" } };
    Some(match event.status.as_str() {
        "NEW" => {
            html! { "It waits for its turn; those before it in " (event.object_type) " are sent first." }
        }
        "DISPATCHED" => {
            html! { "The last attempt has failed. It is repeated by itself, less and less often." }
        }
        "RECEIVED" => html! {
            "The callback has failed for too long. It is kept until the deliveries of " (instance) " are reactivated."
        },
        "CONSUMED" => {
            html! { "There was no callback when it was found, so that it was only kept." }
        }
        _ => return None,
    })
}

fn facts(event: &KnownEvent) -> Markup {
    html! {
        dl.facts {
            dt { "Id" } dd { code { (event.id) } }
            dt { "Found (GMT)" } dd { (instant(&event.created_date)) }
            dt { "Instance" }
            dd {
                a href={ (super::HOME) "/" (event.instance_id) } { (event.instance_name) }
                " " span.soft { "#" (event.instance_id) }
            }
            dt { "Resource" } dd { (event.object_type) }
        }
    }
}

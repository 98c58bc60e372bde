//! What is done with an instance at the press of a button.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use url::form_urlencoded::byte_serialize;

use super::read;
use crate::ui::known_instance::{KnownInstance, Number};
use crate::ui::layout::{Page, Part};
use crate::ui::problem::{Problem, words};
use crate::ui::visitor::{Submitted, Visitor};

/// What was done, for the page that comes after it.
const DONE: [(&str, &str); 10] = [
    ("created", "The instance is created."),
    ("changed", "The instance is changed."),
    ("polling", "It is polled now; what comes of it is shown below."),
    ("replayed", "It is sent again; how much is left is shown below."),
    ("reactivated", "Deliveries go on; what has queued is sent now."),
    ("told", "What has gone is told as deleted now."),
    ("dismissed", "Nothing of it is told; the next sweep looks again."),
    ("enabled", "The instance is enabled; it is polled from where it was."),
    ("disabled", "The instance is disabled; what was found before is still delivered."),
    ("deleted", "The instance is deleted."),
];

/// The buttons beside an instance's name.
pub(super) fn buttons(visitor: &Visitor, instance: &KnownInstance) -> Markup {
    let place = |action: &str| format!("{}/{}/{action}", crate::ui::HOME, instance.id);
    let (action, label) =
        if instance.disabled { ("enable", "Enable") } else { ("disable", "Disable") };
    html! {
        @if !instance.disabled && instance.events_enabled {
            form method="post" action=(place("poll")) { (visitor.form_token()) button { "Poll now" } }
        }
        a.button href=(place("edit")) { "Edit" }
        form method="post" action=(place(action)) { (visitor.form_token()) button { (label) } }
        a.button.danger href=(place("delete")) { "Delete" }
    }
}

/// What mends an instance, where that can be done here.
pub(super) fn remedy(visitor: &Visitor, instance: &KnownInstance) -> Markup {
    let place = |action: &str| format!("{}/{}/{action}", crate::ui::HOME, instance.id);
    html! {
        @if instance.delivery_queued.is_some() {
            form method="post" action=(place("reactivate")) {
                (visitor.form_token())
                button #reactivate { "Reactivate" }
            }
        } @else if instance.is_to_be_edited() {
            p { a.button href=(place("edit")) { "Edit" } }
        }
    }
}

/// What has just been done.
pub(in crate::ui) fn done(what: &str) -> Markup {
    let found = DONE.iter().find(|(name, _)| *name == what);
    html! { @if let Some((_, words)) = found { p.notice.good role="status" { (words) } } }
}

/// `POST /ui/instances/{id}/enable`.
pub(in crate::ui) async fn enable(
    Number(id): Number,
    Submitted { visitor, .. }: Submitted,
) -> Result<Redirect, Problem> {
    visitor.api.call(Method::PUT, &format!("/instances/{id}/enabled"), None).await?;
    Ok(Redirect::to(&format!("{}/{id}?done=enabled", crate::ui::HOME)))
}

/// `POST /ui/instances/{id}/disable`.
pub(in crate::ui) async fn disable(
    Number(id): Number,
    Submitted { visitor, .. }: Submitted,
) -> Result<Redirect, Problem> {
    visitor.api.call(Method::DELETE, &format!("/instances/{id}/enabled"), None).await?;
    Ok(Redirect::to(&format!("{}/{id}?done=disabled", crate::ui::HOME)))
}

/// `POST /ui/instances/{id}/poll`.
pub(in crate::ui) async fn poll(
    Number(id): Number,
    Submitted { visitor, .. }: Submitted,
) -> Result<Redirect, Problem> {
    visitor.api.call(Method::POST, &format!("/instances/{id}/poll"), None).await?;
    Ok(Redirect::to(&format!("{}/{id}?done=polling", crate::ui::HOME)))
}

/// `POST /ui/instances/{id}/reactivate`.
pub(in crate::ui) async fn reactivate(
    Number(id): Number,
    Submitted { visitor, .. }: Submitted,
) -> Result<Redirect, Problem> {
    let condition = format!("status='queued' and subscriptionId='{id}'");
    let condition: String = byte_serialize(condition.as_bytes()).collect();
    let place = format!("/notifications/subscriptions/deliveries?where={condition}");
    visitor.api.call(Method::PUT, &place, None).await?;
    Ok(Redirect::to(&format!("{}/{id}?done=reactivated", crate::ui::HOME)))
}

/// `GET /ui/instances/{id}/delete`: asks for the name.
pub(in crate::ui) async fn ask(visitor: Visitor, Number(id): Number) -> Result<Response, Problem> {
    let instance = read(&visitor, id).await?;
    Ok(page(&visitor, &instance, None))
}

/// `POST /ui/instances/{id}/delete`.
pub(in crate::ui) async fn delete(
    Number(id): Number,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    let instance = read(&visitor, id).await?;
    if fields.text("name") != instance.name.trim() {
        let fault = html! { p { "That is not its name; nothing was deleted." } };
        let mut response = page(&visitor, &instance, Some(&fault));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    }
    match visitor.api.call(Method::DELETE, &format!("/instances/{id}"), None).await {
        Ok(_) => Ok(Redirect::to(&format!("{}?done=deleted", crate::ui::HOME)).into_response()),
        Err(refused) if refused.status == StatusCode::UNAUTHORIZED => Err(refused.into()),
        Err(refused) => {
            let mut response = page(&visitor, &instance, Some(&words(&refused)));
            *response.status_mut() = refused.status;
            Ok(response)
        }
    }
}

fn page(visitor: &Visitor, instance: &KnownInstance, fault: Option<&Markup>) -> Response {
    let content = html! {
        div.narrow {
            h1 { "Delete " (instance.name) }
            p {
                "Its polls stop, its token is refused from then on, and notifications that wait are dropped. "
                "This cannot be taken back."
            }
            @if let Some(fault) = fault { div.notice.bad #fault role="alert" { (fault) } }
            form.stack method="post" {
                (visitor.form_token())
                div.field {
                    label for="name" { "Name of the instance" }
                    input #name name="name" required autocomplete="off" autofocus
                        aria-describedby="name-help";
                    span.help #name-help { "Type " strong { (instance.name) } " to confirm." }
                }
                div.buttons {
                    button.danger { "Delete the instance" }
                    a.button href={ (crate::ui::HOME) "/" (instance.id) } { "Keep it" }
                }
            }
        }
    };
    Page::of(visitor, Part::Instances, "Delete an instance").show(&content)
}

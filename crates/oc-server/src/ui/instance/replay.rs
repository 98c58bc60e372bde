//! Sending again what an instance has found in a time: asked for twice, with how much it is.

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::read;
use crate::api::Refused;
use crate::ui::fields::Fields;
use crate::ui::known_instance::{KnownInstance, Number};
use crate::ui::layout::{Page, Part, several};
use crate::ui::problem::{Problem, words};
use crate::ui::visitor::{Submitted, Visitor};

/// How many notifications there are.
#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// `GET /ui/instances/{id}/replay`: asks for the time, and then whether so many are meant.
pub(in crate::ui) async fn ask(
    visitor: Visitor,
    Number(id): Number,
    uri: Uri,
) -> Result<Response, Problem> {
    let asked = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let instance = read(&visitor, id).await?;
    let counted: Option<Result<Count, Refused>> = if asked.text("from").is_empty() {
        None
    } else {
        let answer = visitor.api.call(Method::POST, &call(id, &asked, true), None).await;
        Some(answer.and_then(Into::into))
    };
    let content = html! {
        div.narrow {
            h1 { "Send again" }
            p {
                "What " strong { (instance.name) } " has found in a time is sent once more, the earliest first, "
                "with the same ids and the same bytes. What is still to be sent anyway is left alone."
            }
            (form(id, &asked))
            @match &counted {
                None => {},
                Some(Ok(count)) => (confirmation(&visitor, &instance, &asked, count.count)),
                Some(Err(refused)) => div.notice.bad role="alert" { (words(refused)) },
            }
        }
    };
    let mut response = Page::of(&visitor, Part::Instances, "Send again").show(&content);
    if let Some(Err(refused)) = counted {
        if refused.status == StatusCode::UNAUTHORIZED {
            return Err(refused.into());
        }
        *response.status_mut() = refused.status;
    }
    Ok(response)
}

/// `POST /ui/instances/{id}/replay`.
pub(in crate::ui) async fn replay(
    Number(id): Number,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    visitor.api.call(Method::POST, &call(id, &fields, false), None).await?;
    let done = format!("{}/{id}?done=replayed", crate::ui::HOME);
    Ok(Redirect::to(&done).into_response())
}

fn call(id: i64, asked: &Fields, only_count: bool) -> String {
    let mut query = Serializer::new(String::new());
    for name in ["from", "to"] {
        let text = asked.text(name);
        if !text.is_empty() {
            query.append_pair(name, text);
        }
    }
    if asked.has("failed") {
        query.append_pair("status", "failed");
    }
    if only_count {
        query.append_pair("dryRun", "true");
    }
    format!("/instances/{id}/events/replay?{}", query.finish())
}

fn form(id: i64, asked: &Fields) -> Markup {
    let instant = |name: &str, label: &str, is_needed: bool| {
        html! {
            div.field {
                label for=(name) { (label) }
                input id=(name) name=(name) type="datetime-local" required[is_needed]
                    value=(asked.text(name));
            }
        }
    };
    html! {
        form.stack method="get" action={ (crate::ui::HOME) "/" (id) "/replay" } {
            (instant("from", "Found from (GMT)", true))
            (instant("to", "To (GMT), now when empty", false))
            div.check {
                input #failed type="checkbox" name="failed" checked[asked.has("failed")];
                label for="failed" { "Only what has failed at its last attempt" }
            }
            div.buttons {
                button { "How many are these?" }
                a.button href={ (crate::ui::HOME) "/" (id) } { "Back" }
            }
        }
    }
}

fn confirmation(visitor: &Visitor, instance: &KnownInstance, asked: &Fields, count: u64) -> Markup {
    html! {
        div.notice role="status" {
            @if count == 0 { p { "There is nothing that could be sent again in this time." } } @else {
                p { (several(count, "notification")) " would be sent again." }
                form method="post" action={ (crate::ui::HOME) "/" (instance.id) "/replay" } {
                    (visitor.form_token())
                    @for name in ["from", "to", "failed"] {
                        @if asked.has(name) { input type="hidden" name=(name) value=(asked.text(name)); }
                    }
                    button.main { "Send " (count) " again" }
                }
            }
        }
    }
}

//! What keeps a page from being shown, and what the visitor can do about it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use oc_store::StoreError;
use url::form_urlencoded;

use super::layout::Page;
use crate::api::Refused;

/// A page that cannot be shown.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// Nobody is signed in; afterwards they go on to `next`.
    SignIn { next: String },
    /// A form that did not come from a page of this session.
    Forged,
    /// There is no such page.
    Missing,
    /// A way to the provider that was gone to its end, or took too long.
    Ended,
    /// The API refused.
    Refused(Refused),
    /// The storage failed.
    Failed,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused.status {
            // The secrets of the session are good no more.
            StatusCode::UNAUTHORIZED => Self::SignIn { next: super::HOME.to_owned() },
            _ => Self::Refused(refused),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "Storage failed");
        Self::Failed
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { next } => sign_in(&next),
            Self::Forged => page(
                StatusCode::FORBIDDEN,
                "This form is out of date",
                &html! {
                    p { "It does not belong to your present session, so that nothing was done." }
                    p { a href=(super::HOME) { "Open the page again" } ", and send the form from there." }
                },
            ),
            Self::Missing => page(
                StatusCode::NOT_FOUND,
                "There is no such page",
                &html! { p { a href=(super::HOME) { "Go to the instances" } "." } },
            ),
            Self::Ended => page(
                StatusCode::GONE,
                "This authorization is over",
                &html! {
                    p { "Each is good once, for ten minutes, and in the browser in which it was begun." }
                    p { a href="/ui/connectors" { "Begin again" } ", or " a href=(super::HOME) { "look at the instances" } "." }
                },
            ),
            Self::Refused(refused) => {
                let title = match refused.status {
                    StatusCode::NOT_FOUND => "It is not there",
                    StatusCode::TOO_MANY_REQUESTS => "Too many requests",
                    _ => "That did not work",
                };
                page(
                    refused.status,
                    title,
                    &html! {
                        (words(&refused))
                        p { a href=(super::HOME) { "Go to the instances" } "." }
                    },
                )
            }
            Self::Failed => page(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The storage does not answer",
                &html! { p { "Nothing was changed. Try again; the operator's log says why." } },
            ),
        }
    }
}

/// A failure in the API's words, and the provider's.
pub(super) fn words(refused: &Refused) -> Markup {
    html! {
        p { (sentence(&refused.message)) }
        @if let Some(text) = &refused.provider_message {
            p { "The provider says:" }
            pre.provider { (text) }
        }
        @if !refused.request_id.is_empty() {
            p.soft { "Request " code { (refused.request_id) } }
        }
    }
}

/// The API's messages are parts of sentences.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn sign_in(next: &str) -> Response {
    let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let url = format!("/ui/sign-in?next={query}");
    Redirect::to(&url).into_response()
}

fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let shown = html! { h1 { (title) } (content) };
    let mut response = Page::new(title).show(&shown);
    *response.status_mut() = status;
    response
}

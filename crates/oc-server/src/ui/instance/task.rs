//! A load or a sweep of a resource: how far it is, and the answer to a sweep that asks first.

use axum::http::Method;
use axum::response::Redirect;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::ui::known_instance::Number;
use crate::ui::problem::{Problem, sentence};
use crate::ui::visitor::{Submitted, Visitor};

/// What is done for a resource besides polling.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    kind: String,
    state: String,
    records: Option<u64>,
    total: Option<u64>,
    progress: Option<f64>,
    tracked: Option<u64>,
    missing: Option<u64>,
    error: Option<String>,
}

impl Task {
    /// Whether it waits for somebody's answer.
    fn asks(&self) -> bool {
        self.state == "asking"
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Markup {
        let is_load = self.kind == "initial";
        let what = if is_load { "What was there is read" } else { "What has gone is looked for" };
        html! {
            div.task {
                @if is_load && let Some(progress) = self.progress {
                    progress value=(progress) aria-label=(what) {}
                }
                p.soft {
                    @match (self.state.as_str(), self.records, self.tracked) {
                        ("waiting", ..) => "What has gone will be looked for.",
                        ("asking", ..) => "It asks before it tells what has gone.",
                        (_, Some(records), _) => {
                            (what) ": " (records) @if let Some(total) = self.total { " of " (total) } "."
                        },
                        (_, _, Some(tracked)) => {
                            (what) ": " (self.missing.unwrap_or_default()) " of " (tracked) " so far."
                        },
                        _ => { (what) "." },
                    }
                }
                @if let Some(error) = &self.error { p.fault { (sentence(error)) } }
            }
        }
    }

    /// The question, with its answers; nothing unless it asks.
    pub(super) fn question(&self, visitor: &Visitor, instance: i64, resource: &str) -> Markup {
        let missing = self.missing.unwrap_or_default();
        let answer = |send: bool, label: &str| {
            html! {
                form method="post" action={ (crate::ui::HOME) "/" (instance) "/deletions" } {
                    (visitor.form_token())
                    input type="hidden" name="resource" value=(resource);
                    input type="hidden" name="send" value=(send);
                    button { (label) }
                }
            }
        };
        html! {
            @if self.asks() {
                div.notice.warn {
                    p {
                        strong { (missing) " of " (self.tracked.unwrap_or_default()) " " (resource) } " seem to have gone, "
                        "more than may be told without asking; nothing was told. It may be true, "
                        "or the account may not see them any more. Look at the provider first."
                    }
                    div.buttons {
                        (answer(true, &format!("Tell {missing} as deleted")))
                        (answer(false, "Tell none, look again"))
                    }
                }
            }
        }
    }
}

/// `POST /ui/instances/{id}/deletions`.
pub(in crate::ui) async fn answer(
    Number(id): Number,
    Submitted { visitor, fields }: Submitted,
) -> Result<Redirect, Problem> {
    let resource = utf8_percent_encode(fields.exact("resource"), NON_ALPHANUMERIC);
    let place = format!("/instances/{id}/event-poller-records/{resource}/deletions");
    let send = fields.text("send") == "true";
    visitor.api.call(Method::PUT, &place, Some(&json!({"send": send}))).await?;
    let done = if send { "told" } else { "dismissed" };
    Ok(Redirect::to(&format!("{}/{id}?done={done}", crate::ui::HOME)))
}

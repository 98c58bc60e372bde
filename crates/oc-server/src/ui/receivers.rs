//! Receivers: how each destination of callbacks fares, and what all of the organization told lately.

use axum::http::{Method, Uri};
use axum::response::{Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::fields::Fields;
use super::instance::lately;
use super::layout::{Page, Part, heading, instant, several};
use super::problem::Problem;
use super::table::table;
use super::visitor::{Submitted, Visitor};

const PLACE: &str = "/ui/receivers";
/// The worst destinations; of the others nothing is to be said.
const MOST: &str = "50";
/// What the API and the page call the orders.
const ORDERS: [(&str, &str); 3] =
    [("failures", "Failures"), ("backlog", "Waiting"), ("latency", "Latency")];

/// How a destination fares.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    destination: String,
    backlog: u64,
    oldest: Option<String>,
    queued_instances: u64,
    attempts: u64,
    failures: u64,
    latency: u64,
}

/// `GET /ui/receivers`.
pub(super) async fn list(visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let known = ORDERS.iter().find(|(name, _)| *name == query.text("order"));
    let (order, _) = known.unwrap_or(&ORDERS[0]);
    let asked = format!("/instances/destinations?orderBy={order}&pageSize={MOST}");
    let found: Vec<Destination> = visitor.api.read(&asked).await?;
    let queued: u64 = found.iter().map(|one| one.queued_instances).sum();
    let content = html! {
        (heading("Receivers", &orders(order)))
        @if query.text("done") == "reactivated" {
            p.notice.good role="status" { "Deliveries go on; what has queued is sent now." }
        }
        @if queued > 0 { (self::queued(&visitor, queued)) }
        @if found.is_empty() {
            div.empty { p { "No instance has a callback yet." } }
        } @else { (table(COLUMNS, found.iter().map(row))) }
        section aria-labelledby="lately" {
            h2 #lately { "The last hour" }
            (lately::charts(&visitor, "/instances").await?)
        }
    };
    Ok(Page::of(&visitor, Part::Receivers, "Receivers").show(&content))
}

/// `POST /ui/receivers/reactivate`: everything that has queued.
pub(super) async fn reactivate(Submitted { visitor, .. }: Submitted) -> Result<Redirect, Problem> {
    let condition: String = byte_serialize(b"status='queued'").collect();
    let place = format!("/notifications/subscriptions/deliveries?where={condition}");
    visitor.api.call(Method::PUT, &place, None).await?;
    Ok(Redirect::to("/ui/receivers?done=reactivated"))
}

/// Which come first.
fn orders(chosen: &str) -> Markup {
    html! {
        span.soft { "Sorted by" }
        @for (order, label) in ORDERS {
            a.button href={ (PLACE) "?order=" (order) }
                aria-current=[(order == chosen).then_some("true")] { (label) }
        }
    }
}

fn queued(visitor: &Visitor, instances: u64) -> Markup {
    html! {
        div.notice.warn {
            p {
                "Deliveries of " (several(instances, "instance")) " have queued, as the receivers have failed for too long. "
                "They are tried again by themselves; when the receivers are mended, they can go on at once."
            }
            form method="post" action={ (PLACE) "/reactivate" } {
                (visitor.form_token())
                button { "Reactivate all" }
            }
        }
    }
}

/// What is told of each.
const COLUMNS: [&str; 6] =
    ["Receiver", "Failures in a day", "Latency", "Waiting", "Oldest (GMT)", "Instances queued"];

fn row(one: &Destination) -> [Markup; 6] {
    let none = || html! { span.soft { "none" } };
    [
        html! { (one.destination) },
        html! {
            @if one.attempts > 0 {
                meter.failures min="0" max=(one.attempts) low="0.5" high=(one.attempts.div_ceil(2))
                    optimum="0" value=(one.failures) aria-label="Attempts that failed" {}
                " "
            }
            (one.failures) " of " (one.attempts)
        },
        html! { (one.latency) " ms" },
        html! { (one.backlog) },
        one.oldest.as_deref().map_or_else(none, instant),
        match one.queued_instances {
            0 => none(),
            count => html! { span.badge.warn { (count) " queued" } },
        },
    ]
}

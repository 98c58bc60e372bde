//! Activity: what was found and what became of it, filtered, the newest first, page by page.

mod filter;
pub(super) mod live;

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};

use super::fields::Fields;
use super::known_event::KnownEvent;
use super::layout::{Page, Part, heading, instant};
use super::problem::{Problem, words};
use super::table::table;
use super::visitor::Visitor;
use crate::api::Refused;
use filter::Filter;

/// `GET /ui/activity`.
pub(super) async fn list(visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let filter = Filter(Fields::read(uri.query().unwrap_or_default().as_bytes()));
    let found = match read(&visitor, &filter).await {
        Ok((events, next)) => {
            let follows = filter.is_followed().then(|| filter.live());
            html! { div data-follows=[follows] { (shown(&filter, &events, next.as_deref())) } }
        }
        // What is asked for is not there, or cannot be read: the form is, to ask in another way.
        Err(refused)
            if matches!(refused.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) =>
        {
            html! { div.notice.bad role="alert" { (words(&refused)) } }
        }
        Err(refused) => return Err(refused.into()),
    };
    let content = html! {
        (heading("Activity", &pause(&filter)))
        (filter.form())
        (found)
    };
    Ok(Page::of(&visitor, Part::Activity, "Activity").show(&content))
}

/// Whoever reads can have the list stand still.
fn pause(filter: &Filter) -> Markup {
    html! {
        @if filter.is_followed() { a.button href=(filter.paused(true)) { "Pause" } }
        @else if !filter.is_behind() { a.button href=(filter.paused(false)) { "Go on" } }
    }
}

/// A page of notifications, and where the next one begins.
async fn read(
    visitor: &Visitor,
    filter: &Filter,
) -> Result<(Vec<KnownEvent>, Option<String>), Refused> {
    let answer = visitor.api.get(&filter.call()?).await?;
    let next = answer.header("elements-next-page-token").map(str::to_owned);
    let events: Result<Vec<KnownEvent>, Refused> = answer.into();
    Ok((events?, next))
}

fn shown(filter: &Filter, events: &[KnownEvent], next: Option<&str>) -> Markup {
    html! {
        @if events.is_empty() { (nothing(filter, next.is_some())) } @else { (table(COLUMNS, events.iter().map(row))) }
        @if next.is_some() || filter.is_behind() {
            nav.pages aria-label="Pages" {
                @if filter.is_behind() { a.button href=(filter.link(None)) { "Newest" } } @else { span {} }
                @if next.is_some() { a.button href=(filter.link(next)) { "Older" } }
            }
        }
    }
}

fn nothing(filter: &Filter, more: bool) -> Markup {
    html! {
        div.empty {
            @if more {
                p { "Nothing among the notifications that were looked through." }
                p { "There are older ones." }
            } @else if filter.is_narrow() {
                p { "No notification matches." }
                p { a href="/ui/activity" { "Show all" } }
            } @else {
                p { "Nothing was found yet." }
                p.soft { "Each notification will be listed here, with what became of it." }
            }
        }
    }
}

/// What a list of notifications tells of each.
const COLUMNS: [&str; 6] =
    ["Found (GMT)", "Events", "Resource", "Instance", "State", "Last attempt"];

fn row(one: &KnownEvent) -> [Markup; 6] {
    let attempts = one.notified_data.len();
    [
        instant(&one.created_date),
        html! { a id={ "event-" (one.id) } href={ "/ui/events/" (one.id) } { (one.summary()) } },
        html! { (one.object_type) },
        html! { a href={ (super::HOME) "/" (one.instance_id) } { (one.instance_name) } },
        one.badge(),
        html! {
            @if let Some(last) = one.notified_data.last() {
                (last.outcome())
                @if attempts > 1 { span.soft { " · " (attempts) " attempts" } }
            } @else { span.soft { "none" } }
        },
    ]
}

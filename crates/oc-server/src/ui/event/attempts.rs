//! The attempts to deliver a notification, the latest first.

use maud::{Markup, html};

use super::room::Room;
use crate::ui::known_event::Attempt;
use crate::ui::layout::instant;

/// Attempts with all that is known of them; of the others there is a line.
const WHOLE: usize = 20;

/// All that are kept.
pub(super) fn list(attempts: &[Attempt]) -> Markup {
    let mut room = Room::new();
    html! {
        @if attempts.is_empty() { p.soft { "It was not sent yet." } }
        @for (at, one) in attempts.iter().rev().enumerate() {
            @if at < WHOLE {
                details.panel.attempt open[at == 0 && !one.is_success()] {
                    summary { (line(one)) }
                    (whole(one, &mut room))
                }
            } @else { p.panel.attempt { (line(one)) } }
        }
    }
}

fn line(one: &Attempt) -> Markup {
    let (tone, label) = if one.is_success() { ("good", "Arrived") } else { ("bad", "Failed") };
    html! {
        span class={ "badge " (tone) } { (label) } " "
        (instant(&one.date)) " GMT · " (one.outcome())
        @if one.replay { span.soft { " · sent again" } }
    }
}

fn whole(one: &Attempt, room: &mut Room) -> Markup {
    let headers: Vec<String> =
        one.request_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    html! {
        h3 { "Request" }
        p { code { "POST " (one.url) } }
        @if headers.is_empty() { p.soft { "Its headers were not kept." } }
        @else { (room.block(&headers.join("\n"))) }
        h3 { "Answer" }
        @match one.status {
            Some(status) => p { "Status " (status) },
            None => p { "There was none." },
        }
        @if !one.answer.is_empty() { (room.block(&one.answer)) }
    }
}

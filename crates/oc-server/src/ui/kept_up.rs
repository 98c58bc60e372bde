//! Parts of pages that are kept up to date: browsers ask for them again and again, and are answered
//! only when there is something else to see.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use xxhash_rust::xxh3::xxh3_64;

use super::fields::Fields;
use super::layout::fragment;

/// Where what is seen is named.
const SEEN: &str = "seen";

/// A part as it is now, asked for again at `place`; not any more when there is none.
pub(super) fn part(place: Option<&str>, content: &Markup) -> Markup {
    let place = place.map(|place| format!("{place}?{SEEN}={}", mark(content)));
    let trigger = place.as_ref().map(|_| "every 2s");
    html! {
        div hx-get=[place] hx-trigger=[trigger] hx-swap="outerHTML" { (content) }
    }
}

/// The answer to somebody who asks for a part again: nothing when they have seen it so.
pub(super) fn answer(uri: &Uri, place: Option<&str>, content: &Markup) -> Response {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    if place.is_some() && query.text(SEEN) == mark(content) {
        return StatusCode::NO_CONTENT.into_response();
    }
    fragment(&part(place, content))
}

fn mark(content: &Markup) -> String {
    format!("{:016x}", xxh3_64(content.0.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(query: &str, place: Option<&str>, content: &Markup) -> StatusCode {
        let uri: Uri = format!("/part?{query}").parse().unwrap();
        answer(&uri, place, content).status()
    }

    #[test]
    fn what_was_seen_is_not_answered_again_and_what_is_at_its_end_always_is() {
        let (content, place) = (html! { p { "1" } }, Some("/part"));
        let seen = format!("seen={}", mark(&content));
        assert!(part(place, &content).0.contains(&seen));
        assert_eq!(status(&seen, place, &content), StatusCode::NO_CONTENT);
        assert_eq!(status(&seen, place, &html! { p { "2" } }), StatusCode::OK);
        // Otherwise it would be asked for without end.
        assert_eq!(status(&seen, None, &content), StatusCode::OK);
        assert!(!part(None, &content).0.contains("hx-trigger"));
    }
}

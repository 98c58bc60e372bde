//! The list as it changes: a stream of server-sent events, each with the list anew.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::Instant;

use super::filter::Filter;
use super::{read, shown};
use crate::ui::Ui;
use crate::ui::fields::Fields;
use crate::ui::problem::Problem;
use crate::ui::visitor::Visitor;

/// How often it is looked whether something is new.
const EVERY: Duration = Duration::from_secs(1);
/// After so long a stream ends; browsers begin another one, and prove again who they are.
const LONGEST: Duration = Duration::from_secs(60);

/// `GET /ui/activity/live`.
pub(in crate::ui) async fn follow(
    State(ui): State<Ui>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Problem> {
    let Ok(place) = ui.followers.clone().try_acquire_owned() else {
        return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
    };
    let filter = Filter(Fields::read(uri.query().unwrap_or_default().as_bytes()));
    let follower = Follower { visitor, filter, last: None, until: Instant::now() + LONGEST };
    let news = stream::unfold((ui, follower, place), |(ui, mut follower, place)| async {
        let list = tokio::select! {
            () = ui.stop.cancelled() => None,
            list = follower.next() => list,
        };
        list.map(|list| (Ok::<_, Infallible>(Event::default().data(list)), (ui, follower, place)))
    });
    Ok(Sse::new(news).keep_alive(KeepAlive::default()).into_response())
}

/// Somebody who looks at a list.
struct Follower {
    visitor: Visitor,
    filter: Filter,
    /// What they see.
    last: Option<String>,
    until: Instant,
}

impl Follower {
    /// The list as soon as it is another one; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.last.is_some() {
                tokio::time::sleep(EVERY).await;
            }
            if Instant::now() >= self.until {
                return None;
            }
            let (events, next) = read(&self.visitor, &self.filter).await.ok()?;
            let list = shown(&self.filter, &events, next.as_deref()).0;
            if self.last.as_ref() != Some(&list) {
                self.last = Some(list.clone());
                return Some(list);
            }
        }
    }
}

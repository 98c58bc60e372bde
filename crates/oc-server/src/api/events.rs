//! The audit of notifications, and sending them again (notifications.md, "Audit").

mod record;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use oc_poll::EventKind;
use oc_store::{EventFilter, EventScope, EventStatus, MOST_REPLAYS, Replayed};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::{Aimed, Scope, path_parameter};
use super::calls::{Call, Calls, Wants};
use super::error::ApiError;
use super::paging::{self, Page};
use super::query::Parameters;
use crate::app::App;
use record::EventRecord;

pub(super) fn calls() -> Calls {
    let call = |summary| Call::new("events", summary, Wants::Instance);
    Calls::new()
        .aimed(&Method::GET, "/events", list, || {
            call("Notifications and what became of them, newest first")
                .query::<Asked>()
                .answers::<Vec<EventRecord>>()
                .answers_header("Elements-Returned-Count", "how many these are")
                .answers_header(
                    "Elements-Next-Page-Token",
                    "the value of nextPage for the next ones; a page with it may be short or empty",
                )
        })
        .aimed(&Method::GET, "/events/{eventId}", one, || {
            call("A notification and what became of it").answers::<EventRecord>()
        })
        .aimed(&Method::POST, "/events/{eventId}/replay", replay_one, || {
            call("Send a notification again").answers::<ReplayAnswer>().fails(&[409])
        })
        .aimed(&Method::POST, "/events/replay", replay_many, || {
            call("Send the notifications of a time again, oldest first")
                .query::<ReplayAsked>()
                .answers::<ReplayAnswer>()
                .fails(&[409])
        })
}

/// Which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Notifications a page, at most 500.
    page_size: Option<usize>,
    /// The value of an `Elements-Next-Page-Token`.
    next_page: Option<String>,
    /// NEW, RECEIVED (queued), DISPATCHED (sent again later), CONSUMED (only kept) or NOTIFIED.
    status: Option<String>,
    /// Only those that tell such an event: CREATED, UPDATED or DELETED.
    event_type: Option<String>,
    /// Only those of a resource.
    object_type: Option<String>,
    /// Made at or after this instant.
    from: Option<String>,
    /// Made at or before this instant.
    to: Option<String>,
}

/// Which notifications are sent again.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(rename_all = "camelCase")]
struct ReplayAsked {
    /// Made at or after this instant.
    #[param(value_type = String)]
    from: Option<String>,
    /// Made at or before this instant.
    to: Option<String>,
    /// `failed`: only those whose last attempt has failed.
    status: Option<String>,
    /// Only tells how many there are.
    dry_run: Option<bool>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
struct ReplayAnswer {
    /// How many notifications are sent, or would be.
    count: usize,
}

/// The notification that the path names.
struct EventId(Uuid);

impl FromRequestParts<App> for EventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = path_parameter(parts, app, "eventId").await?.unwrap_or_default();
        Uuid::parse_str(&text).map(Self).map_err(|_| unknown(&text))
    }
}

async fn list(
    State(app): State<App>,
    Scope(scope, _): Scope,
    Parameters(asked): Parameters<Asked>,
) -> Result<Page<EventRecord>, ApiError> {
    let filter = EventFilter {
        status: asked.status.as_deref().map(status).transpose()?,
        kind: asked.event_type.as_deref().map(kind).transpose()?,
        resource: asked.object_type,
        from: paging::instant("from", asked.from.as_deref())?,
        to: paging::end("to", asked.to.as_deref())?,
    };
    let before = paging::begin(asked.next_page.as_deref())?;
    let found = app.store.events(scope, filter, before, paging::size(asked.page_size)).await?;
    let entries = found.events.into_iter().map(EventRecord::from).collect();
    Ok(Page { entries, next: found.next })
}

async fn one(
    State(app): State<App>,
    Scope(scope, _): Scope,
    EventId(id): EventId,
) -> Result<Json<EventRecord>, ApiError> {
    let found = app.store.event(scope, id).await?;
    found.map(|event| Json(event.into())).ok_or_else(|| unknown(&id.to_string()))
}

async fn replay_one(
    State(app): State<App>,
    Scope(scope, by): Scope,
    EventId(id): EventId,
) -> Result<Json<ReplayAnswer>, ApiError> {
    let replayed = app.store.replay_event(scope, id, by, app.clock.now()).await?;
    tracing::info!(event = %id, organization = scope.organization.0, ?replayed, "Replay asked for");
    answer(replayed, &id.to_string())
}

/// Aimed at one instance: an organization is not flooded by a forgotten token.
async fn replay_many(
    State(app): State<App>,
    Aimed { instance, caller }: Aimed,
    Parameters(asked): Parameters<ReplayAsked>,
) -> Result<Json<ReplayAnswer>, ApiError> {
    let failed = match asked.status.as_deref() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("failed") => true,
        Some(word) => {
            let message = format!("status: `{word}` was found; `failed` or nothing was expected");
            return Err(ApiError::bad_request(message));
        }
    };
    let from = paging::instant("from", asked.from.as_deref())?
        .ok_or_else(|| ApiError::bad_request("from: an instant was expected, as there is none"))?;
    let to = paging::end("to", asked.to.as_deref())?;
    if to.is_some_and(|to| to < from) {
        return Err(ApiError::bad_request("from is later than to"));
    }
    let filter = EventFilter { from: Some(from), to, ..EventFilter::default() };
    let scope = EventScope { organization: instance.organization, instance: Some(instance.id) };
    if asked.dry_run == Some(true) {
        return answer(app.store.count_replays(scope, filter, failed).await?, "");
    }
    let (by, now) = (caller.by(), app.clock.now());
    let replayed = app.store.replay_events(scope, filter, failed, by, now).await?;
    tracing::info!(instance = %instance.id, ?replayed, "Replay asked for");
    answer(replayed, "")
}

fn answer(replayed: Replayed, id: &str) -> Result<Json<ReplayAnswer>, ApiError> {
    let conflict = |message: &str| Err(ApiError::new(StatusCode::CONFLICT, message));
    match replayed {
        Replayed::Accepted(count) => Ok(Json(ReplayAnswer { count })),
        Replayed::Unknown => Err(unknown(id)),
        Replayed::Waiting => conflict("it has not arrived yet, and is still to be sent anyway"),
        Replayed::NoCallback => conflict(
            "the instance has no event.notification.callback.url or event.notification.sink that anything could be sent to",
        ),
        Replayed::TooMany => Err(ApiError::bad_request(format!(
            "more than {MOST_REPLAYS} notifications, or too many to look through; narrow from and to"
        ))),
    }
}

fn status(word: &str) -> Result<EventStatus, ApiError> {
    one_of("status", word, EventStatus::ALL, EventStatus::as_str)
}

fn kind(word: &str) -> Result<EventKind, ApiError> {
    one_of("eventType", word, EventKind::ALL, EventKind::as_str)
}

fn one_of<T: Copy, const N: usize>(
    name: &str,
    word: &str,
    known: [T; N],
    name_of: fn(T) -> &'static str,
) -> Result<T, ApiError> {
    let found = known.into_iter().find(|one| name_of(*one).eq_ignore_ascii_case(word));
    found.ok_or_else(|| {
        let known = known.map(name_of).join(", ");
        ApiError::bad_request(format!("{name}: `{word}` was found; one of {known} was expected"))
    })
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no event `{id}`"))
}

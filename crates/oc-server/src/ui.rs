//! The web page below `/ui/`: whatever it shows and does goes through the API.

mod activity;
mod assets;
mod chart;
mod connectors;
mod consent;
mod create;
mod event;
mod fields;
mod instance;
mod instances;
mod kept_up;
mod known_event;
mod known_instance;
mod layout;
mod problem;
mod receivers;
mod sign_in;
mod table;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn};
use axum::response::{Redirect, Response};
use axum::routing::{any, get, post};
use oc_egress::Clock;
use oc_store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::api::Inside;
use crate::app::App;
use problem::Problem;

/// Nothing runs and nothing is loaded but our own files, and nobody frames the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'";

/// Where signed-in visitors begin.
const HOME: &str = "/ui/instances";

/// The most that follow the activity at a time; others load it again.
const FOLLOWERS: usize = 100;

/// What pages have: sessions, and the API. They reach nothing else of the program.
#[derive(Clone)]
struct Ui {
    store: Store,
    clock: Clock,
    public_url: Url,
    api: Inside,
    /// The end of the program, which streams do not outlive.
    stop: CancellationToken,
    /// How many may follow the activity at a time.
    followers: Arc<Semaphore>,
}

/// The page's routes.
pub(crate) fn routes(app: &App, api: Inside, stop: CancellationToken) -> Router {
    let ui = Ui {
        store: app.store.clone(),
        clock: app.clock.clone(),
        public_url: app.settings.public_url.clone(),
        api,
        stop,
        followers: Arc::new(Semaphore::new(FOLLOWERS)),
    };
    let home = || async { Redirect::to(HOME) };
    Router::new()
        .route("/ui", get(home))
        .route("/ui/", get(home))
        .route("/ui/assets/{version}/{name}", get(assets::serve))
        .route("/ui/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/ui/sign-out", post(sign_in::leave))
        .route("/ui/connectors", get(connectors::list))
        .route("/ui/connectors/{key}/new", get(create::new).post(create::create))
        .route("/ui/connectors/{key}/preview", post(create::show_preview))
        .route("/ui/connectors/{key}/callback-test", post(create::test_callback))
        .route("/ui/signature-key", post(create::signature_key))
        .route("/ui/consent", get(consent::leave))
        .route("/oauth/callback", get(consent::arrive))
        .route("/ui/instances", get(instances::list))
        .route("/ui/instances/{id}", get(instance::show))
        .route("/ui/instances/{id}/standing", get(instance::standing))
        .route("/ui/instances/{id}/reactivate", post(instance::actions::reactivate))
        .route("/ui/instances/{id}/deletions", post(instance::task::answer))
        .route("/ui/instances/{id}/edit", get(create::edit).post(create::change))
        .route("/ui/instances/{id}/poll", post(instance::actions::poll))
        .route("/ui/instances/{id}/enable", post(instance::actions::enable))
        .route("/ui/instances/{id}/disable", post(instance::actions::disable))
        .route(
            "/ui/instances/{id}/delete",
            get(instance::actions::ask).post(instance::actions::delete),
        )
        .route(
            "/ui/instances/{id}/replay",
            get(instance::replay::ask).post(instance::replay::replay),
        )
        .route("/ui/receivers", get(receivers::list))
        .route("/ui/receivers/reactivate", post(receivers::reactivate))
        .route("/ui/activity", get(activity::list))
        .route("/ui/activity/live", get(activity::live::follow))
        .route("/ui/events/{id}", get(event::show))
        .route("/ui/events/{id}/deliveries", get(event::deliveries))
        .route("/ui/events/{id}/replay", post(event::replay))
        .route("/ui/{*rest}", any(|| async { Problem::Missing }))
        .layer(from_fn(guard))
        .with_state(ui)
}

/// What every answer tells the browser.
async fn guard(request: Request, next: Next) -> Response {
    let is_part = request.headers().contains_key("hx-request");
    let mut response = next.run(request).await;
    // Of a part the browser would follow the redirect by itself; the whole page has to go there.
    if is_part && let Some(place) = response.headers_mut().remove(LOCATION) {
        response.headers_mut().insert("hx-redirect", place);
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let headers: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Forms would come without their origin under a stricter one.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

//! CORS: which web pages may call the API, and which headers they see.

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::settings::Origins;

/// instances.md, "Errors and headers".
const EXPOSED: [&str; 7] = [
    "elements-request-id",
    "elements-next-page-token",
    "elements-returned-count",
    "elements-total-count",
    "elements-element-instance-id",
    "elements-dropped-deliveries",
    "elements-trace-id",
];

/// `None` when no page may. Cookies are never accepted from another origin; callers prove
/// themselves with `Authorization`.
pub(super) fn layer(origins: &Origins) -> Option<CorsLayer> {
    let allowed: AllowOrigin = match origins {
        Origins::Any => Any.into(),
        Origins::These(list) if list.is_empty() => return None,
        Origins::These(list) => {
            list.iter().filter_map(|one| HeaderValue::try_from(one).ok()).collect::<Vec<_>>().into()
        }
    };
    let exposed = EXPOSED.map(HeaderName::from_static).into_iter().chain([RETRY_AFTER]);
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(methods)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.collect::<Vec<_>>())
        .max_age(Duration::from_secs(3_600));
    Some(layer)
}

//! The metrics of requests to the API, by the pattern of their call.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use oc_telemetry as table;

use super::PREFIX;

/// Counts a request once it is answered.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = known(request.method());
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = pattern.as_ref().map_or("none", |pattern| route(pattern.as_str()));
    let status = table::status_class(Some(response.status().as_u16()));
    table::API_REQUESTS.add(&[method, route, status], 1);
    table::API_SECONDS.took(&[route], began.elapsed());
    response
}

/// Anybody may make up a method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The pattern as the API's description has it: the same below its prefix and without.
fn route(pattern: &str) -> &str {
    pattern.strip_prefix(PREFIX).unwrap_or(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_counts_as_one_wherever_it_is_found() {
        assert_eq!(route("/elements/api-v2/instances/{id}"), "/instances/{id}");
        assert_eq!(route("/instances/{id}"), "/instances/{id}");
    }

    #[test]
    fn a_method_that_somebody_has_made_up_is_no_series_of_its_own() {
        assert_eq!(known(&Method::from_bytes(b"FROB").unwrap()), "other");
        assert_eq!(known(&Method::DELETE), "DELETE");
    }
}

//! What a caller is told when a request fails (instances.md, "Errors and headers").

use std::time::Duration;

use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oc_config::Diagnostic;
use oc_hub::HubError;
use oc_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Names the recorded authentication of an answer.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("elements-trace-id");

/// The body of a failed request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorBody {
    /// Also in the header `Elements-Request-Id` and in the log.
    pub(super) request_id: String,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// The provider's own words, when it said some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) provider_message: Option<String>,
}

/// A failed request. Its body gets the request's id on the way out.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// The provider's own words.
    pub(super) provider_message: Option<String>,
    retry_after: Option<u64>,
    /// The methods that there are instead.
    allowed: Option<String>,
    /// The recorded authentication that failed.
    trace: Option<Uuid>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            provider_message: None,
            retry_after: None,
            allowed: None,
            trace: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// With the provider's own words.
    pub(crate) fn said(mut self, provider: Option<String>) -> Self {
        self.provider_message = provider;
        self
    }

    /// With the recording of what failed.
    pub(crate) fn traced(mut self, trace: Option<Uuid>) -> Self {
        self.trace = trace;
        self
    }

    /// With a time after which it may be tried again.
    pub(crate) fn retry_after(mut self, pause: Duration) -> Self {
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// All faults of a configuration at once.
    pub(crate) fn faults(faults: &[Diagnostic]) -> Self {
        let list: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Self::bad_request(list.join("; "))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allowed) = self.allowed.as_ref().and_then(|allowed| allowed.parse().ok()) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        if let Some(trace) = self.trace.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
            response.headers_mut().insert(TRACE_ID, trace);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Conflict) {
            return Self::new(StatusCode::CONFLICT, error.to_string());
        }
        tracing::error!(%error, "Storage failed");
        let message = "the request could not be stored; the operator's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<HubError> for ApiError {
    fn from(error: HubError) -> Self {
        let status = match &error {
            HubError::UnknownResource { .. } => StatusCode::NOT_FOUND,
            HubError::UnknownMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            HubError::Request(_) => StatusCode::BAD_REQUEST,
            HubError::NeedsAuthentication { .. } => StatusCode::UNAUTHORIZED,
            HubError::Provider { status, .. } => match status.as_u16() {
                404 => StatusCode::NOT_FOUND,
                403 => StatusCode::FORBIDDEN,
                409 => StatusCode::CONFLICT,
                400..=499 => StatusCode::BAD_REQUEST,
                // A redirect of a write, say.
                _ => StatusCode::BAD_GATEWAY,
            },
            HubError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            HubError::Faulty { .. } => StatusCode::BAD_GATEWAY,
            HubError::NoAnswer(_) => StatusCode::GATEWAY_TIMEOUT,
        };
        let mut failed = Self::new(status, error.to_string());
        match &error {
            HubError::RateLimited { retry_after, .. } => {
                failed = failed.retry_after(*retry_after);
            }
            HubError::UnknownMethod { allowed, .. } => failed.allowed = Some(allowed.clone()),
            _ => {}
        }
        failed.said(error.provider_text().map(str::to_owned))
    }
}

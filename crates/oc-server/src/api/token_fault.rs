//! What a caller is told when the provider gives no tokens.

use axum::http::StatusCode;
use oc_oauth::TokenFault;

use super::error::ApiError;

/// What was sent, in the words of a message.
pub(super) struct Sent {
    refused: &'static str,
    lost: &'static str,
}

pub(super) const EXCHANGED: Sent = Sent {
    refused: "the provider refused the code; codes are good once and for a few minutes, so send the user there again",
    lost: "send the user there again, as the code may be used up",
};
pub(super) const REFRESHED: Sent = Sent {
    refused: "configuration.oauth.user.refresh_token: the provider refused the refresh token; authorize again and hand over the new one",
    lost: "authorize again, as the refresh token may be used up",
};

pub(super) fn refused(fault: TokenFault, sent: &Sent) -> ApiError {
    match fault {
        TokenFault::Refused { text, .. } => ApiError::bad_request(sent.refused).said(Some(text)),
        TokenFault::Unavailable(reason) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            format!("the provider's token endpoint is not available: {reason}"),
        ),
        TokenFault::Lost(reason) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            format!("the provider's answer was lost ({reason}); {}", sent.lost),
        ),
    }
}

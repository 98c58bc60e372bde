//! The metrics of refreshes.

use oc_telemetry as table;

use crate::TokenError;

/// A refresh ended, however it did.
pub(crate) fn refreshed(ended: &Result<(), TokenError>) {
    let result = match ended {
        Ok(()) => "done",
        Err(TokenError::NeedsAuthentication(_)) => "refused",
        Err(_) => "unavailable",
    };
    table::TOKEN_REFRESHES.add(&[result], 1);
}

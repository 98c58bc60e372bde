//! The metrics of requests to providers.

use std::time::Duration;

use http::StatusCode;
use oc_telemetry as table;

/// A request ended, with this answer or none.
pub(crate) fn requested(connector: &str, status: Option<StatusCode>, took: Duration) {
    let status = table::status_class(status.map(|status| status.as_u16()));
    table::PROVIDER_REQUESTS.add(&[connector, status], 1);
    table::PROVIDER_SECONDS.took(&[connector], took);
}

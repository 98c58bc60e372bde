//! What providers tell by themselves: checked, kept durably, and only then answered.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use oc_config::{Connector, Webhooks};
use oc_hub::is_signed;
use oc_store::{Received, Receiver};

use super::body::read;
use super::calls::{Call, Calls, Record, Wants};
use super::error::ApiError;
use crate::app::App;
use crate::telemetry;

/// Where deliveries arrive, below the API.
const PATH: &str = "/events/{connectorKey}/{suffix}";
/// The longest body.
const LARGEST: usize = 1 << 20;
/// What a provider is asked to wait when too much waits here.
const FULL: Duration = Duration::from_secs(30);

pub(super) fn calls() -> Calls {
    let summary = "For providers: a record that was made, changed or removed, signed as the connector says; 200 when it is kept";
    let call =
        Call::new("webhooks", summary, Wants::Nothing).takes::<Record>().fails(&[401, 404, 503]);
    Calls::new().on(&Method::POST, PATH, receive, call)
}

/// Whether a path is one of providers, who prove themselves in another way than callers do.
pub(super) fn is_delivery(path: &str) -> bool {
    let path = path.strip_prefix(super::PREFIX).unwrap_or(path);
    path.starts_with("/events/")
}

/// Which instance.
type Place = Path<(String, String)>;

async fn receive(
    State(app): State<App>,
    Path((key, suffix)): Place,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let receiver = app.store.receiver(&suffix).await?;
    let known = receiver.as_ref().filter(|known| known.connector.key == key).and_then(with_table);
    let (receiver, connector, webhooks) = known.ok_or_else(|| {
        ApiError::not_found("nobody receives events here; the subscription can be deleted")
    })?;
    let body = read(body, LARGEST).await?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = header(&webhooks.signature.header).unwrap_or_default();
    if !is_signed(&webhooks.signature, &receiver.secret, signature, &body) {
        telemetry::delivered(&connector.key, "refused");
        let name = &webhooks.signature.header;
        return Err(ApiError::unauthorized(format!("{name} does not sign this body")));
    }
    let event = header(&webhooks.event).unwrap_or_default();
    let Some(meaning) = webhooks.meaning(event) else {
        telemetry::delivered(&connector.key, "ignored");
        return Ok(StatusCode::OK);
    };
    let received = app.store.receive(receiver, meaning, body, app.clock.now()).await?;
    answered(connector, receiver, received)
}

fn with_table(receiver: &Receiver) -> Option<(&Receiver, &Connector, &Webhooks)> {
    let connector = &*receiver.connector;
    Some((receiver, connector, connector.webhooks.as_ref()?))
}

fn answered(
    connector: &Connector,
    receiver: &Receiver,
    received: Received,
) -> Result<StatusCode, ApiError> {
    let result = match received {
        Received::Kept => "kept",
        Received::Unwanted => "ignored",
        Received::Full => "full",
    };
    telemetry::delivered(&connector.key, result);
    if received == Received::Full {
        tracing::warn!(instance = %receiver.instance, "An inbox is full; the provider has to repeat");
        let message = "too many records wait to be worked off; send this one again later";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(FULL));
    }
    Ok(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paths_of_providers_are_deliveries() {
        assert!(is_delivery("/elements/api-v2/events/salesloft/abc"));
        assert!(is_delivery("/events/salesloft/abc"));
        assert!(!is_delivery("/elements/api-v2/instances/7/events"));
        assert!(!is_delivery("/eventsource"));
    }
}

//! What every notification carries beside its body, however it travels (notifications.md, "Headers").

use oc_config::{SignatureKey, Timestamp};
use oc_telemetry::TRACEPARENT;

use crate::notification::envelope;
use crate::{Outgoing, signature};

/// The headers of an attempt that is made now: ids, the attempt's number, and the signatures.
pub fn heading(
    notification: &Outgoing,
    keys: &[SignatureKey],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let (id, seconds) = (notification.id.hyphenated().to_string(), now.seconds());
    let body = &notification.body;
    let elements = signature::elements(keys, body);
    let standard = signature::standard(keys, &id, seconds, body);
    let replay = notification.replay.then(|| "true".to_owned());
    let always = [
        ("Content-Type", envelope::content_type(body).to_owned()),
        ("Elements-Webhook-Id", id.clone()),
        ("Elements-Delivery-Attempt", notification.attempt.to_string()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds.to_string()),
    ];
    let trace = notification.trace.as_ref().map(ToString::to_string);
    let sometimes = [
        (TRACEPARENT, trace),
        ("Elements-Replay", replay),
        ("Elements-Webhook-Signature", elements),
        ("webhook-signature", standard),
    ];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(sometimes).collect()
}

//! What every notification carries beside its body, however it travels (notifications.md, "Headers").

use oc_config::{SignatureKey, Timestamp};
use oc_telemetry::TRACEPARENT;

use crate::notification::envelope;
use crate::{Outgoing, signature};

/// The name of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadingName {
    /// As it is documented, and as sinks have it.
    pub text: &'static str,
    /// In lower case, as the names of HTTP are kept: nothing has to be read or copied.
    pub lower: &'static str,
}

const CONTENT_TYPE: HeadingName = HeadingName { text: "Content-Type", lower: "content-type" };
const ID: HeadingName = HeadingName { text: "Elements-Webhook-Id", lower: "elements-webhook-id" };
const ATTEMPT: HeadingName =
    HeadingName { text: "Elements-Delivery-Attempt", lower: "elements-delivery-attempt" };
const REPLAY: HeadingName = HeadingName { text: "Elements-Replay", lower: "elements-replay" };
const SIGNATURE: HeadingName =
    HeadingName { text: "Elements-Webhook-Signature", lower: "elements-webhook-signature" };
const STANDARD_ID: HeadingName = HeadingName::in_lower_case("webhook-id");
const STANDARD_TIMESTAMP: HeadingName = HeadingName::in_lower_case("webhook-timestamp");
const STANDARD_SIGNATURE: HeadingName = HeadingName::in_lower_case("webhook-signature");
const TRACE: HeadingName = HeadingName::in_lower_case(TRACEPARENT);

impl HeadingName {
    const fn in_lower_case(name: &'static str) -> Self {
        Self { text: name, lower: name }
    }
}

/// The headers of an attempt that is made now: ids, the attempt's number, and the signatures.
pub fn heading(
    notification: &Outgoing,
    keys: &[SignatureKey],
    now: Timestamp,
) -> Vec<(HeadingName, String)> {
    let (id, seconds) = (notification.id.hyphenated().to_string(), now.seconds());
    let body = &notification.body;
    let elements = signature::elements(keys, body);
    let standard = signature::standard(keys, &id, seconds, body);
    let replay = notification.replay.then(|| "true".to_owned());
    let always = [
        (CONTENT_TYPE, envelope::content_type(body).to_owned()),
        (ID, id.clone()),
        (ATTEMPT, notification.attempt.to_string()),
        (STANDARD_ID, id),
        (STANDARD_TIMESTAMP, seconds.to_string()),
    ];
    let trace = notification.trace.as_ref().map(ToString::to_string);
    let sometimes =
        [(TRACE, trace), (REPLAY, replay), (SIGNATURE, elements), (STANDARD_SIGNATURE, standard)];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(sometimes).collect()
}

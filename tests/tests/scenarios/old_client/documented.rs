//! What the documentation says of answers and notifications.

use oc_tests::Instance;
use oc_tests::receiver::Delivery;
use serde_json::{Value, json};

use super::MASK;

/// What the documentation masks, and the client has given.
const SECRETS: [&str; 5] = [
    "oauth.api.key",
    "oauth.api.secret",
    "oauth.user.token",
    "oauth.user.refresh_token",
    "event.notification.signature.key",
];

/// Everything that the documentation says of the connector within an instance.
fn assert_element_is_documented(element: &Value) {
    let fixed = [
        ("id", json!(5127)),
        ("name", json!("SalesLoft")),
        ("key", json!("salesloft")),
        ("hookName", json!("Salesloft")),
        ("active", json!(true)),
        ("deleted", json!(false)),
        ("typeOauth", json!(false)),
        ("trialAccount", json!(false)),
        ("transformationsEnabled", json!(true)),
        ("bulkDownloadEnabled", json!(false)),
        ("bulkUploadEnabled", json!(false)),
        ("cloneable", json!(false)),
        ("extendable", json!(false)),
        ("beta", json!(false)),
        ("extended", json!(false)),
        ("hub", json!("crm")),
        ("protocolType", json!("http")),
        ("private", json!(false)),
    ];
    for (member, value) in fixed {
        assert_eq!(element[member], value, "element.{member} of {element}");
    }
    for member in ["resources", "defaultTransformations", "objectMetadata", "parameters"] {
        assert!(element[member].is_array(), "element.{member} of {element}");
    }
    assert!(element["description"].is_string(), "{element}");
    // The documentation shows a text; the shipped connector has no image, and says so with null.
    let image = element.get("image");
    assert!(image.is_some_and(|image| image.is_null() || image.is_string()), "{element}");
    assert_eq!(element["authentication"]["type"], "oauth2", "{element}");
}

/// Everything that the documentation says of an instance that was made of the sample body.
pub(super) fn assert_is_documented(answer: &Value) {
    for member in ["id", "elementId"] {
        assert!(answer[member].is_u64(), "{member} of {answer}");
    }
    for member in ["token", "createdDate", "name"] {
        assert!(answer[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    let fixed = [
        ("elementId", json!(5127)),
        ("tags", json!(["Docs"])),
        ("provisionInteractions", json!([])),
        ("valid", json!(true)),
        ("disabled", json!(false)),
        ("maxCacheSize", json!(0)),
        ("cacheTimeToLive", json!(0)),
        ("eventsEnabled", json!(true)),
        ("traceLoggingEnabled", json!(false)),
        ("cachingEnabled", json!(false)),
        ("externalAuthentication", json!("none")),
    ];
    for (member, value) in fixed {
        assert_eq!(answer[member], value, "{member} of {answer}");
    }
    assert!(answer.get("providerData").is_none(), "{answer}");
    assert!(answer["user"]["id"].is_u64(), "{answer}");
    for member in ["emailAddress", "firstName", "lastName"] {
        assert!(answer["user"][member].is_string(), "user.{member} of {answer}");
    }
    assert_element_is_documented(&answer["element"]);
    let configuration = &answer["configuration"];
    let mut values = configuration.as_object().into_iter().flat_map(|all| all.values());
    assert!(values.all(|value| value.is_string() || value.is_null()), "{answer}");
    for secret in SECRETS {
        assert_eq!(configuration[secret], MASK, "{secret}");
    }
    assert!(configuration["base.url"].is_string());
    assert_eq!(configuration["oauth.user.refresh_interval"], "7200");
    assert_eq!(configuration["event.notification.enabled"], "true");
}

/// Everything that the documentation says of the notification of one new person.
pub(super) fn assert_tells_of(delivery: &Delivery, instance: &Instance, person: &str) {
    let (body, message) = (&delivery.body, &delivery.body["message"]);
    for (member, value) in
        [("topic", "elements"), ("severity", "low"), ("action", "event"), ("user", "system")]
    {
        assert_eq!(body[member], value, "{member} of {body}");
    }
    for (member, value) in [
        ("elementKey", json!("salesloft")),
        ("instanceId", json!(instance.id)),
        ("instance_id", json!(instance.id)),
        ("instanceName", json!("API Instance with Polling")),
        ("instanceTags", json!(["Docs"])),
    ] {
        assert_eq!(message[member], value, "message.{member} of {body}");
    }
    for member in ["accountId", "companyId", "userId"] {
        assert!(message[member].is_u64(), "message.{member} of {body}");
    }
    assert!(body["id"].is_string() && body["createdDate"].is_string(), "{body}");
    let event = &message["events"][0];
    for (member, value) in [
        ("objectType", "contacts"),
        ("objectId", person),
        ("eventType", "CREATED"),
        ("elementKey", "salesloft"),
        ("hubKey", "crm"),
    ] {
        assert_eq!(event[member], value, "{member} of {event}");
    }
    assert!(event["date"].is_string() && event["pollDate"].is_string(), "{event}");
    let raw = &message["raw"];
    assert_eq!((&raw["objectType"], &raw["events"]), (&json!("contacts"), &message["events"]));
    assert_eq!(raw["eventId"], message["eventId"]);
    assert_eq!(raw["instance_id"], instance.id.to_string());
    assert_eq!(raw["contacts"][0]["id"].to_string(), person);
    // The receiver has checked the signature itself.
    let told = |name: &str| delivery.headers.get(name).map_or("", |it| it.to_str().unwrap_or(""));
    assert_eq!(told("elements-webhook-id"), message["eventId"]);
    assert!(told("elements-webhook-signature").starts_with("sha256="));
    assert!(told("content-type").starts_with("application/json"));
}

//! The webhooks of Salesloft, and the mistakes in such a table.

use super::*;
use crate::Connector;

const SALESLOFT: &str = include_str!("../../../connectors/salesloft.toml");

fn salesloft() -> Webhooks {
    Connector::parse(SALESLOFT).unwrap().webhooks.unwrap()
}

#[test]
fn an_event_says_what_has_happened_to_which_resource() {
    let webhooks = salesloft();
    for (event, meaning) in [
        ("person_created", Some(("contacts", WebhookKind::Created))),
        ("person_deleted", Some(("contacts", WebhookKind::Deleted))),
        ("task_completed", Some(("tasks", WebhookKind::Updated))),
        ("cadence_membership_updated", Some(("cadence-memberships", WebhookKind::Updated))),
        ("bulk_job_completed", None),
    ] {
        assert_eq!(webhooks.meaning(event), meaning, "{event}");
    }
    let events: Vec<&str> = webhooks.events_of("contacts").collect();
    assert_eq!(events, ["person_created", "person_updated", "person_deleted"]);
    assert_eq!(webhooks.events_of("steps").count(), 0);
    assert!(webhooks.tells_of_deletions("notes") && !webhooks.tells_of_deletions("calls"));
}

#[test]
fn a_subscription_names_the_event_the_url_and_the_secret() {
    let webhooks = salesloft();
    let secret = SecretString::from("s3cret");
    let body = webhooks.subscribe.body("person_created", "https://x.example/y", &secret);
    let expected = serde_json::json!({"event_type": "person_created",
        "callback_url": "https://x.example/y", "callback_token": "s3cret"});
    assert_eq!(body, expected);
    assert_eq!(webhooks.unsubscribe.path("7"), "/webhook_subscriptions/7");
    assert_eq!(webhooks.list.unwrap().path, "/webhook_subscriptions");
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let table = [
        ("hmac = \"sha1\"", "hmac = \"md5\"", "webhooks.signature.hmac: `md5` was found"),
        ("callback_token = \"{secret}\"", "callback_token = \"x\"", "`{secret}` is nowhere"),
        ("/webhook_subscriptions/{id}", "/webhook_subscriptions", "a path with one `{id}`"),
        ("notes = {", "letters = {", "there is no resource `letters`"),
        ("\"person_updated\"", "\"person_created\"", "is an event of `contacts` already"),
        ("event       = \"x-salesloft-event\"", "event = \"a b\"", "a header's name was expected"),
        ("[webhooks.events]", "[webhooks.happenings]", "happenings"),
    ];
    for (from, to, says) in table {
        let text = SALESLOFT.replacen(from, to, 1);
        assert_ne!(text, SALESLOFT, "{from}");
        let faults: Vec<String> =
            Connector::parse(&text).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|fault| fault.contains(says)), "{says}: {faults:?}");
    }
}

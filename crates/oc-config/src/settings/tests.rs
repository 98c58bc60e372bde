//! Settings by what a client sends and what comes of it.

use serde_json::json;

use super::*;
use crate::Catalogue;

fn read(values: &Json) -> Result<(InstanceSettings, Vec<Diagnostic>), Vec<Diagnostic>> {
    let catalogue = Catalogue::built_in().unwrap();
    let connector = catalogue.find("salesloft").unwrap();
    let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
    InstanceSettings::read(&configuration, connector, Duration::from_secs(60))
}

fn fault_paths(values: &Json) -> Vec<String> {
    read(values).unwrap_err().into_iter().map(|fault| fault.path).collect()
}

#[test]
fn without_values_the_connectors_defaults_hold() {
    let (settings, warnings) = read(&json!({})).unwrap();
    assert!(!settings.events_enabled && settings.drop_nulls && warnings.is_empty());
    assert_eq!(settings.interval, Duration::from_secs(900));
    assert_eq!(settings.resources[0].name, "contacts");
    assert_eq!(settings.base.as_str(), "https://api.salesloft.com/v2");
}

#[test]
fn an_interval_below_the_floor_is_raised_with_a_warning() {
    let (settings, warnings) = read(&json!({"event.poller.refresh_interval": "0.1"})).unwrap();
    assert_eq!(settings.interval, Duration::from_secs(60));
    assert_eq!(warnings[0].path, "configuration.event.poller.refresh_interval");
}

#[test]
fn the_interval_is_adaptive_only_where_the_instance_asks_for_it() {
    assert!(!read(&json!({})).unwrap().0.adaptive);
    assert!(read(&json!({"event.poller.adaptive": "true"})).unwrap().0.adaptive);
    assert_eq!(
        fault_paths(&json!({"event.poller.adaptive": "sometimes"})),
        ["configuration.event.poller.adaptive"]
    );
}

#[test]
fn an_instance_can_point_elsewhere() {
    let (settings, _) = read(
        &json!({"base.url": "http://127.0.0.1:9/v2", "oauth.token.url": "http://127.0.0.1:9/t"}),
    )
    .unwrap();
    assert_eq!(settings.base.as_str(), "http://127.0.0.1:9/v2");
    assert_eq!(settings.oauth2.unwrap().token, "http://127.0.0.1:9/t");
}

#[test]
fn every_fault_is_told_at_once_with_its_key() {
    let paths = fault_paths(
        &json!({"event.vendor.type": "pigeon", "event.notification.callback.url": "ftp://x",
        "base.url": "http://user:pass@x/", "filter.response.nulls": "maybe", "event.notification.format": "pigeon"}),
    );
    let keys = [
        "event.notification.callback.url",
        "event.notification.format",
        "event.vendor.type",
        "filter.response.nulls",
        "base.url",
    ];
    assert_eq!(paths, keys.map(|key| format!("configuration.{key}")));
}

#[test]
fn the_legacy_form_and_the_selection_of_objects_work() {
    let (settings, _) = read(&json!({"event.poller.urls": "contacts"})).unwrap();
    assert_eq!(settings.resources.len(), 1);
    let poller =
        r#"{"a": {"url": "/accounts", "idField": "id"}, "b": {"url": "/users", "idField": "id"}}"#;
    let (settings, _) =
        read(&json!({"event.poller.configuration": poller, "event.objects": "b"})).unwrap();
    assert_eq!(settings.resources[0].name, "b");
    assert_eq!(fault_paths(&json!({"event.objects": "nobody"})), ["configuration.event.objects"]);
}

#[test]
fn the_failure_policy_is_the_operators_unless_the_instance_has_its_own() {
    let key = "notification.webhook.failure.policy";
    assert_eq!(read(&json!({})).unwrap().0.failure_policy, None);
    let queue = read(&json!({(key): "queue"})).unwrap().0;
    assert_eq!(queue.failure_policy, Some(FailurePolicy::Queue));
    let fault = read(&json!({(key): "drop"})).unwrap_err().remove(0).to_string();
    assert!(fault.contains(key), "{fault}");
    assert!(fault.contains("`drop` was found; retry or queue was expected"), "{fault}");
}

#[test]
fn a_sink_stands_for_a_callback_and_never_beside_one() {
    let (settings, _) = read(&json!({"event.notification.sink": " bus "})).unwrap();
    assert_eq!(settings.destination().as_deref(), Some("sink:bus"));
    let callback = "https://host/hook?key=s3cret";
    let (settings, _) = read(&json!({"event.notification.callback.url": callback})).unwrap();
    assert_eq!(settings.destination().as_deref(), Some("https://host"));
    assert_eq!(read(&json!({})).unwrap().0.destination(), None);
    let both =
        json!({"event.notification.sink": "bus", "event.notification.callback.url": callback});
    assert_eq!(fault_paths(&both), ["configuration.event.notification.sink"]);
}

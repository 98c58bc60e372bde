//! Instances as the old service lists them.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;

fn settings() -> Settings {
    let command = clap::Command::new("oc-server").args(crate::settings::arguments());
    Settings::read(&command.try_get_matches_from(["oc-server"]).unwrap()).unwrap()
}

/// An instance as its owner sees it there.
fn listed(changes: &Json) -> Json {
    let mut configuration = json!({
        "base.url": "https://api.salesloft.com/v2",
        "oauth.api.key": "********",
        "oauth.api.secret": "********",
        "oauth.callback.url": "https://app.example/callback",
        "oauth.user.token": "********",
        "oauth.user.refresh_token": "********",
        "oauth.user.refresh_time": "1568647470000",
        "event.notification.enabled": "true",
        "event.vendor.type": "polling",
        "event.notification.callback.url": "https://receiver.example/hook",
        "event.notification.signature.key": null,
        "event.poller.refresh_interval": "15",
    });
    for (key, value) in changes.as_object().unwrap() {
        configuration[key] = value.clone();
    }
    json!({"id": 12345, "name": "My <i>first</i> one", "token": "t0ken=", "tags": ["Docs"],
        "element": {"id": 5127, "key": "salesloft"}, "elementId": 5127, "valid": true,
        "disabled": false, "configuration": configuration, "user": {"id": 1}})
}

fn carried(instance: &Json) -> Carried {
    Carried::new(instance, &oc_config::Catalogue::built_in().unwrap(), &settings())
}

#[test]
fn an_instance_becomes_a_request_with_what_must_be_filled_in() {
    let one = carried(&listed(&json!({})));
    assert_eq!(one.errors, Vec::<String>::new());
    assert_eq!(one.fill_in, ["oauth.api.key", "oauth.api.secret"]);
    assert!(one.reauthenticate);
    assert_eq!(one.request["providerData"], json!({"code": ""}));
    assert_eq!((&one.request["tags"], one.id), (&json!(["Docs"]), Some(12345)));
    let text = one.request.to_string();
    assert!(!text.contains("t0ken") && !text.contains("oauth.user."), "{text}");
}

#[test]
fn an_api_key_needs_no_new_authorization() {
    let one = carried(&listed(&json!({"salesloft.api.key": "********"})));
    assert!(!one.reauthenticate && one.fill_in.contains(&"salesloft.api.key".to_owned()));
    assert!(one.request.get("providerData").is_none());
}

#[test]
fn what_cannot_be_carried_over_says_why() {
    let table = [
        (listed(&json!({"event.vendor.type": "pigeon"})), "event.vendor.type"),
        (
            listed(
                &json!({"event.poller.configuration": "{\"people\":{\"url\":\"/people\",\"idField\":\"id\"}}"}),
            ),
            "people",
        ),
        (
            json!({"id": 1, "element": {"key": "hubspot"}, "configuration": {}}),
            "no connector `hubspot`",
        ),
        (json!({"id": 1, "name": "x"}), "hydrate"),
        (json!("text"), "configuration"),
    ];
    for (instance, word) in table {
        let errors = carried(&instance).errors.join("; ");
        assert!(errors.contains(word), "{word} is not in {errors}");
    }
}

#[test]
fn files_are_written_for_their_owner_and_never_over_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("instances.json");
    let wrong = listed(&json!({"event.vendor.type": "pigeon"}));
    std::fs::write(&file, json!([listed(&json!({})), wrong]).to_string()).unwrap();
    let output = folder.path().join("requests");
    let options = Options { file, output: Some(output.clone()), json: true };
    let ended = run(&options, &settings()).unwrap();
    assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::FAILURE), "one cannot be");
    let written = output.join("12345-my-i-first-i-one.json");
    let mode = std::fs::metadata(&written).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let request: Json = serde_json::from_slice(&std::fs::read(&written).unwrap()).unwrap();
    assert_eq!(request["element"]["key"], "salesloft");
    assert_eq!(std::fs::read_dir(&output).unwrap().count(), 1);
    assert!(run(&options, &settings()).is_err());
}

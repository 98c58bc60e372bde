//! What an exported element becomes, and what is told about the rest of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{OperationKind, Verb};

const DESKHELP: &str = include_str!("../../tests/elements/deskhelp.json");

fn imported(text: &str) -> (Connector, Vec<String>) {
    let imported = import_element(text).unwrap();
    assert!(imported.faults.is_empty(), "{:?}\n{}", imported.faults, imported.definition);
    let left_out = imported.left_out.iter().map(ToString::to_string).collect();
    (Connector::parse(&imported.definition).unwrap(), left_out)
}

fn changed(change: impl FnOnce(&mut Json)) -> ImportedElement {
    let mut element: Json = serde_json::from_str(DESKHELP).unwrap();
    change(&mut element);
    import_element(&element.to_string()).unwrap()
}

#[test]
fn who_and_where_the_provider_is_comes_over() {
    let (desk, _) = imported(DESKHELP);
    assert_eq!((desk.key.as_str(), desk.id, desk.hub.as_str()), ("deskhelp", 81234, "helpdesk"));
    assert_eq!(desk.base, "https://api.deskhelp.example/v3");
    assert_eq!(desk.logo.as_deref(), Some("deskhelp"));
    let oauth2 = desk.oauth2.as_ref().unwrap();
    assert_eq!(oauth2.token, "https://id.deskhelp.example/token");
    assert_eq!(
        (oauth2.client, oauth2.lifetime.as_secs()),
        (crate::ClientAuthentication::Basic, 7200)
    );
    let keys: Vec<&str> = desk.configuration.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(
        keys,
        ["oauth.api.key", "oauth.api.secret", "oauth.callback.url", "oauth.scope", "region"]
    );
    assert!(desk.is_secret("oauth.api.secret") && desk.configuration[0].required);
    assert_eq!(desk.configuration[0].help.as_deref(), Some("The client id of your app."));
    assert_eq!(desk.interval.as_secs(), 600);
}

#[test]
fn lists_and_calls_come_over_with_their_paths_and_roots() {
    let (desk, _) = imported(DESKHELP);
    assert_eq!(
        (desk.paging.page.as_str(), desk.paging.size.as_str(), desk.paging.largest),
        ("page_number", "per_page", 50)
    );
    let tickets = &desk.resources["tickets"];
    assert_eq!(
        (tickets.path.as_str(), tickets.items.to_string()),
        ("/tickets.json", "tickets".to_owned())
    );
    assert_eq!(
        (tickets.id.to_string(), &tickets.local),
        ("number".to_owned(), &vec!["changed".to_owned()])
    );
    let call = |kind| &tickets.operations[&kind];
    let update = call(OperationKind::Update);
    assert_eq!((update.verb, update.path("7").as_str()), (Verb::Put, "/tickets/7.json"));
    assert_eq!(
        (update.wrap.as_deref(), update.record.to_string()),
        (Some("ticket"), "ticket".to_owned())
    );
    assert_eq!(call(OperationKind::Create).path(""), "/tickets.json");
    assert_eq!(call(OperationKind::One).wrap, None);
    assert_eq!(call(OperationKind::Delete).verb, Verb::Delete);
    let users = &desk.resources["users"];
    assert_eq!(users.operations.keys().collect::<Vec<_>>(), [&OperationKind::One]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(users.query, [pair("role", "all"), pair("view", "full")]);
    assert_eq!(tickets.query, [pair("archived", "1"), pair("view", "full")]);
}

#[test]
fn what_has_no_counterpart_is_told_with_its_path() {
    let (_, left_out) = imported(DESKHELP);
    let expected = [
        "configuration[10].options",
        "configuration[10].groupControl",
        "configuration[10].type",
        "configuration[13].defaultValue",
        "configuration[14]",
        "configuration[18].defaultValue.tickets.url",
        "configuration[9].type",
        "parameters[3]",
        "resources[0].hooks[0]",
        "resources[0].parameters[0]",
        "resources[5].paginationType",
        "resources[7].path",
        "resources[8].type",
    ];
    let mut paths: Vec<&str> = left_out.iter().map(|one| one.split(": ").next().unwrap()).collect();
    paths.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(paths, expected, "{left_out:#?}");
}

#[test]
fn the_default_polls_can_be_carried_out() {
    let (desk, _) = imported(DESKHELP);
    let json: Json = serde_json::from_str(&desk.poller_configuration).unwrap();
    let polls = crate::PollerConfiguration::read(&json, &|_| None);
    assert!(!polls.is_refused() && polls.resources.len() == 1);
}

#[test]
fn a_key_in_a_header_becomes_the_connectors_key() {
    let imported = changed(|element| {
        element["authentication"]["type"] = json!("customApiKey");
        element["parameters"] = json!([{"type": "value", "name": "Token ${configuration.desk.key}",
            "vendorType": "header", "vendorName": "X-Auth"}]);
        element["configuration"] = json!([{"key": "desk.key", "name": "Key", "type": "TEXTFIELD_128"},
            {"key": "base.url", "defaultValue": "https://{site}.deskhelp.example"}]);
    });
    let desk = Connector::parse(&imported.definition).unwrap();
    let key = desk.api_key.as_ref().unwrap();
    assert_eq!((key.header.as_str(), key.value.as_str()), ("X-Auth", "Token {key}"));
    assert!(desk.is_secret("desk.key") && desk.base == NOWHERE);
    assert!(imported.left_out.iter().any(|one| one.path == "configuration[1].defaultValue"));
}

#[test]
fn a_secret_of_several_lines_stays_both() {
    let imported = changed(|element| {
        let more = json!({"key": "desk.key", "name": "Key", "type": "TEXTAREA", "encrypt": true});
        element["configuration"].as_array_mut().unwrap().push(more);
    });
    let desk = Connector::parse(&imported.definition).unwrap();
    let lines = desk.configuration.iter().filter(|entry| entry.multiline);
    assert_eq!(lines.map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["desk.key"]);
    assert!(desk.is_secret("desk.key"));
}

#[test]
fn what_the_definition_still_lacks_is_told_with_its_line() {
    let imported = changed(|element| element["authentication"]["type"] = json!("awsv4"));
    assert!(imported.left_out.iter().any(|one| one.path == "authentication.type"));
    assert_eq!(imported.faults[0].path, "auth");
    let error = import_element("{\"name\": \"x\"}").unwrap_err();
    assert_eq!(error.path, "key");
    assert!(import_element("[").is_err() && import_element("[]").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_an_element_holds_it_is_read_without_panic(
        number in 0..200_usize,
        value in prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!([{}])), Just(json!({"a": 1})),
            "[a-z/{}|.$? ]{0,9}".prop_map(|text| json!(text))],
    ) {
        let mut element: Json = serde_json::from_str(DESKHELP).unwrap();
        let mut left = number;
        replace(&mut element, &mut left, &value);
        let _ = import_element(&element.to_string());
    }
}

/// Puts a value in the place of the one that many steps into a document.
fn replace(document: &mut Json, left: &mut usize, value: &Json) {
    let inner: Vec<&mut Json> = match document {
        Json::Object(members) => members.values_mut().collect(),
        Json::Array(elements) => elements.iter_mut().collect(),
        _ => return,
    };
    for one in inner {
        if *left == 0 {
            *one = value.clone();
            *left = usize::MAX;
            return;
        }
        *left -= 1;
        replace(one, left, value);
    }
}

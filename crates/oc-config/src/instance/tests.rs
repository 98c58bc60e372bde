//! The published bodies, and bodies that are wrong.

use secrecy::ExposeSecret;

use super::*;

const CURL: &[u8] = include_bytes!("../../tests/vectors/salesloft_bodies/published_curl.json");
const MISPLACED: &[u8] = include_bytes!("../../tests/vectors/salesloft_bodies/published_json.json");

fn code(request: &InstanceRequest) -> Option<&str> {
    request.provider_data.as_ref()?.code.as_ref().map(ExposeSecret::expose_secret)
}

fn fault(body: &str) -> Diagnostic {
    InstanceRequest::parse(body.as_bytes()).unwrap_err().remove(0)
}

#[test]
fn the_published_curl_body_is_read() {
    let request = InstanceRequest::parse(CURL).unwrap();
    assert_eq!(request.connector.as_deref(), Some("salesloft"));
    assert_eq!(request.name.as_deref(), Some("API Instance with Polling"));
    assert_eq!(request.tags.as_deref(), Some(&["Docs".to_owned()][..]));
    assert_eq!(code(&request), Some("<INSERT>"));
    assert!(request.warnings.is_empty());
}

#[test]
fn the_published_body_with_misplaced_braces_is_read_with_warnings() {
    let request = InstanceRequest::parse(MISPLACED).unwrap();
    assert_eq!(code(&request), Some("XXXXXXXXXXXXXXXXXX"));
    assert_eq!(request.name, None);
    assert_eq!(request.tags.as_deref(), Some(&[][..]));
    let paths: Vec<&str> = request.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["configuration.event.poller.configuration.providerData", "name", "tags.0"]);
}

#[test]
fn a_body_that_is_not_json_says_line_and_column() {
    assert!(fault("{\n  oops").message.contains("line 2 column 3"));
    assert!(fault("[]").message.contains("object"));
}

#[test]
fn members_of_the_wrong_kind_are_refused_with_their_path() {
    let table = [
        (r#"{"name": 5}"#, "name"),
        (r#"{"tags": "a"}"#, "tags"),
        (r#"{"tags": [1]}"#, "tags.0"),
        (r#"{"configuration": []}"#, "configuration"),
        (r#"{"element": {}}"#, "element"),
        (r#"{"providerData": {"code": {}}}"#, "providerData.code"),
        (r#"{"providerData": {"debug": 1}}"#, "providerData.debug"),
        (r#"{"retrieveObjectsAfterInstantiation": []}"#, "retrieveObjectsAfterInstantiation"),
        (r#"{"externalAuthentication": "always"}"#, "externalAuthentication"),
    ];
    for (body, path) in table {
        assert_eq!(fault(body).path, path, "{body}");
    }
    assert_eq!(fault(&format!(r#"{{"name": "{}"}}"#, "x".repeat(257))).path, "name");
}

#[test]
fn a_refusal_and_other_callback_parameters_are_kept() {
    let body = br#"{"providerData": {"error": "access_denied", "context": "c", "state": "s", "debug": true}}"#;
    let data = InstanceRequest::parse(body).unwrap().provider_data.unwrap();
    assert_eq!((data.error.as_deref(), data.debug), (Some("access_denied"), true));
    assert_eq!(data.others, [("context".to_owned(), "c".to_owned())]);
}

#[test]
fn wishes_are_read_as_truth_values_or_texts() {
    let read = |body: &str| {
        let request = InstanceRequest::parse(body.as_bytes()).unwrap();
        (request.hands_over_tokens, request.with_objects)
    };
    let body =
        r#"{"externalAuthentication": "Initial", "retrieveObjectsAfterInstantiation": "true"}"#;
    assert_eq!(read(body), (true, true));
    assert_eq!(read(r#"{"externalAuthentication": "none"}"#), (false, false));
    assert_eq!(read(r#"{"retrieveObjectsAfterInstantiation": true}"#), (false, true));
}

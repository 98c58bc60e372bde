//! The built-in definition holds the provider's facts, and mistakes are told with their place.

use super::*;

const SALESLOFT: &str = include_str!("../../connectors/salesloft.toml");

fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(SALESLOFT.contains(from), "{from}");
    let faults = Connector::parse(&SALESLOFT.replacen(from, to, 1)).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn salesloft_is_read_with_its_resources() {
    let salesloft = Connector::parse(SALESLOFT).unwrap();
    assert_eq!(
        (salesloft.key.as_str(), salesloft.id, salesloft.hub.as_str()),
        ("salesloft", 5127, "crm")
    );
    let names = [
        "contacts",
        "accounts",
        "users",
        "cadences",
        "cadence-memberships",
        "emails",
        "calls",
        "actions",
        "tasks",
        "notes",
        "steps",
        "successes",
        "crm-activities",
        "call-data-records",
        "email-templates",
        "account-stages",
        "person-stages",
    ];
    assert_eq!(salesloft.resources.len(), names.len());
    assert!(names.iter().all(|name| salesloft.resources.contains_key(*name)));
    assert!(salesloft.resources["contacts"].keyset && !salesloft.resources["tasks"].keyset);
    assert_eq!(salesloft.resources["notes"].lag, Duration::from_secs(60));
}

#[test]
fn deep_pages_cost_more() {
    let limits = Connector::parse(SALESLOFT).unwrap().limits.unwrap();
    let costs = [1, 100, 101, 150, 151, 250, 251, 500, 501, 9_999].map(|page| limits.cost_of(page));
    assert_eq!(costs, [1, 1, 3, 3, 8, 8, 10, 10, 30, 30]);
}

#[test]
fn secrets_are_known_by_their_kind() {
    let salesloft = Connector::parse(SALESLOFT).unwrap();
    assert!(salesloft.is_secret("salesloft.api.key") && !salesloft.is_secret("oauth.scope"));
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    let told = faults("[paging]", "[paging]\ncolour = 1");
    assert!(told[0].starts_with("line ") && told[0].contains("colour"), "{told:?}");
}

#[test]
fn every_fault_of_meaning_is_told_at_once() {
    let text = SALESLOFT
        .replace("share     = 0.75", "share = 7")
        .replace("\">\" = \"gt\"", "\"~\" = \"gt\"");
    let faults =
        Connector::parse(&text.replace("client    = \"body\"", "client = \"x\"")).unwrap_err();
    let mut paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["auth.oauth2.client", "filtering.ranges", "limits"]);
}

#[test]
fn urls_and_what_a_keyset_needs_are_checked() {
    let told = faults("https://api.salesloft.com/v2", "api.salesloft.com/v2");
    assert!(told[0].starts_with("http.base: "), "{told:?}");
    let told = faults("\">=\" = \"gte\", ", "");
    assert!(told.iter().any(|fault| fault.starts_with("resources.contacts.keyset: ")), "{told:?}");
}

//! The built-in definition holds the provider's facts, and mistakes are told with their place.

use proptest::prelude::*;

use super::*;

const SALESLOFT: &str = include_str!("../../connectors/salesloft.toml");

fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(SALESLOFT.contains(from), "{from}");
    let faults = Connector::parse(&SALESLOFT.replacen(from, to, 1)).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn ways_to_find_deletions_are_checked_against_what_the_resource_can() {
    let salesloft = include_str!("../../connectors/salesloft.toml");
    let faults = |contacts: &str| {
        let text = salesloft.replacen("deletes   = { kind = \"probe\" } ", contacts, 1);
        match Connector::parse(&text) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.message).collect(),
        }
    };
    assert!(faults("deletes = { kind = \"none\" }").is_empty());
    assert!(faults("deletes = { kind = \"feed\", from = \"notes\" }").is_empty());
    for (wrong, says) in [
        ("deletes = { kind = \"probe\", list = \"id\" }", "`id` is none of"),
        ("deletes = { kind = \"probe\", batch = 101 }", "1 to a page's 100"),
        ("deletes = { kind = \"feed\", from = \"bin\" }", "no resource `bin`"),
        ("one = false\ndeletes = { kind = \"snapshot\", confirm = true }", "needs the call `one`"),
    ] {
        let faults = faults(wrong);
        assert!(faults.iter().any(|fault| fault.contains(says)), "{wrong}: {faults:?}");
    }
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
    assert!(told[0].contains(": http.base: "), "{told:?}");
    let told = faults("\">=\" = \"gte\", ", "");
    assert!(told.iter().any(|fault| fault.contains("resources.contacts.keyset: ")), "{told:?}");
}

#[test]
fn private_members_are_taken_from_the_defaults_unless_a_resource_has_its_own() {
    let text = SALESLOFT.replacen("[defaults]", "[defaults]\nprivate = [\"/pin\"]", 1).replacen(
        "[resources.contacts]",
        "[resources.contacts]\nprivate = [\"/o/pin\", \"b\"]",
        1,
    );
    let resources = Connector::parse(&text).unwrap().resources;
    let private = |name: &str| -> Vec<String> {
        resources[name].private.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        (private("contacts"), private("users")),
        (vec!["o.pin".into(), "b".into()], vec!["pin".into()])
    );
    let told = faults("[resources.users]", "[resources.users]\nprivate = [\"\"]");
    assert!(told[0].contains("resources.users.private: a path to a member"), "{told:?}");
}

#[test]
fn what_reading_the_newest_first_needs_is_checked() {
    let users = |lines: &str| {
        let from = "keyset    = false\nquery     = { visible_only";
        let text = SALESLOFT.replacen(from, &format!("{lines}\nquery = {{ visible_only"), 1);
        let order = "order     = { sort_by = \"id\", sort_direction = \"ASC\" }\n";
        Connector::parse(&text.replacen(order, "", 1)).map(|read| read.resources["users"].clone())
    };
    let told = |lines: &str| {
        let faults = users(lines).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let descending = "order = { sort_by = \"updated_at\", sort_direction = \"DESC\" }";
    let good = format!("keyset = false\nnewest_first = true\n{descending}");
    let read = users(&good).unwrap();
    assert!(read.newest_first && !read.keyset);
    let both = told(&format!("newest_first = true\n{descending}"));
    assert!(both.contains("resources.users.newest_first: ") && both.contains("not both"), "{both}");
    let ascending = told("keyset = false\nnewest_first = true");
    assert!(ascending.contains("asks for `updated_at` ascending"), "{ascending}");
    let without = told("keyset = false\nnewest_first = true\norder = {}");
    assert!(without.contains("needs an order by `updated_at`"), "{without}");
    let undated = SALESLOFT.replacen(
        "updated   = \"updated_at\"\nkeyset    = true",
        "newest_first = true",
        1,
    );
    let faults = Connector::parse(&undated).unwrap_err();
    let places = faults.iter().filter(|fault| fault.message.contains("needs the updated field"));
    assert_eq!(places.count(), 17, "{faults:?}");
}

#[test]
fn single_records_are_read_everywhere_and_written_where_the_provider_takes_it() {
    use OperationKind::{Create, Delete, One, Update};
    let salesloft = Connector::parse(SALESLOFT).unwrap();
    let kinds = |name: &str| -> Vec<OperationKind> {
        salesloft.resources[name].operations.keys().copied().collect()
    };
    assert_eq!(kinds("contacts"), [One, Create, Update, Delete]);
    assert_eq!(kinds("accounts"), [One, Create, Update, Delete]);
    assert!(salesloft.resources.keys().all(|name| kinds(name).contains(&One)));
    assert_eq!(kinds("cadence-memberships"), [One]);
    let update = &salesloft.resources["contacts"].operations[&Update];
    assert_eq!((update.verb.as_str(), update.path("7").as_str()), ("PUT", "/people/7"));
    assert_eq!(salesloft.resources["accounts"].operations[&Create].path(""), "/accounts");
}

#[test]
fn a_call_may_have_a_method_path_record_and_wrapping_of_its_own() {
    let text = SALESLOFT.replacen(
        "update    = true ",
        "update = { method = \"PATCH\", path = \"/p/{id}/edit\", record = \"\", wrap = \"person\" } ",
        1,
    );
    let text = text.replacen("delete    = true ", "delete = false ", 1);
    let contacts = &Connector::parse(&text).unwrap().resources["contacts"];
    let update = &contacts.operations[&OperationKind::Update];
    assert_eq!((update.verb, update.path("7").as_str()), (Verb::Patch, "/p/7/edit"));
    assert_eq!((update.record.segments().len(), update.wrap.as_deref()), (0, Some("person")));
    assert!(!contacts.operations.contains_key(&OperationKind::Delete));
}

#[test]
fn faults_in_calls_are_told_with_their_place() {
    let call = |call: &str| faults("update    = true ", &format!("update = {call} "));
    let told = |call_text: &str| call(call_text).join("; ");
    assert!(told("{ method = \"GET\" }").contains("resources.contacts.update.method: `GET`"));
    assert!(told("{ path = \"/p\" }").contains("update.path: `/p` was found; a path with one"));
    assert!(told("{ path = \"p/{id}\" }").contains("begins with `/`"));
    assert!(told("{ path = \"/p/{id}/{x}\" }").contains("only `{id}`"));
    assert!(told("{ colour = 1 }").contains("colour"));
    assert!(told("7").contains("expected true, false, or a table"));
    let line = SALESLOFT.lines().position(|line| line.starts_with("update  ")).unwrap() + 1;
    assert!(told("{ method = \"GET\" }").starts_with(&format!("line {line}: ")));
    let told = faults(
        "[sorting]\nascending  = { sort_by = \"{field}\"",
        "[sorting]\nascending = { a = \"b\"",
    );
    assert!(told[0].contains("sorting.ascending: "), "{told:?}");
}

#[test]
fn mistakes_of_every_kind_are_told_together_each_with_its_line() {
    let text = SALESLOFT
        .replacen("[paging]", "[paging]\ncolour = 1", 1)
        .replacen("[filtering]", "[filtering]\nsmell = 2", 1)
        .replacen("points    = 600", "points = \"many\"", 1);
    let faults = Connector::parse(&text).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["limits.points", "paging.colour", "filtering.smell"]);
    for fault in &faults {
        let line = text.lines().nth(fault.line.unwrap() - 1).unwrap();
        let key = fault.path.rsplit('.').next().unwrap();
        assert!(line.starts_with(key), "{fault}: {line}");
    }
    let text = SALESLOFT
        .replacen("hub           = \"crm\"\n", "", 1)
        .replacen("points    = 600", "", 1)
        .replacen("pages     = [[101, 3]", "pages = [[101, \"x\"]", 1)
        .replacen("create    = true", "create = 1", 1);
    let faults = Connector::parse(&text).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["hub", "limits.points", "limits.pages", "resources.contacts.create"]);
    let text = SALESLOFT.replacen("[paging]", "[paging]\ncolour = 1", 1).replacen(
        "share     = 0.75",
        "share = 7.0",
        1,
    );
    let faults = Connector::parse(&text).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["limits", "paging.colour"]);
}

#[test]
fn broken_text_is_told_with_its_lines() {
    let faults = Connector::parse("format = 1\nkey = \nname = \"x\"\nhub = 'y\n").unwrap_err();
    let lines: Vec<Option<usize>> = faults.iter().map(|fault| fault.line).collect();
    assert!(lines.contains(&Some(2)) && lines.contains(&Some(4)), "{faults:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_definition_panics_and_every_mistake_has_a_place(
        at in 0..SALESLOFT.len(),
        length in 0..60_usize,
        other in "[a-z\\[\\]{}=\"' \\n0-9.]{0,8}",
    ) {
        let bounds = |at: usize| (at..=SALESLOFT.len()).find(|at| SALESLOFT.is_char_boundary(*at));
        let (from, to) = (bounds(at).unwrap(), bounds((at + length).min(SALESLOFT.len())).unwrap());
        let text = [&SALESLOFT[..from], &other, &SALESLOFT[to..]].concat();
        if let Err(faults) = Connector::parse(&text) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|one| one.line.is_some() || !one.path.is_empty()), "{:?}", faults);
        }
    }
}

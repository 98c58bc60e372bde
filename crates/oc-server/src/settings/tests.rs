//! Settings from flags and files; variables are the same to clap as flags.

use std::path::Path;

use clap::Command;

use super::*;

fn read(flags: &[&str], file: Option<&str>) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oc.toml");
    let mut all = vec!["oc-server".to_owned()];
    all.extend(flags.iter().map(|flag| (*flag).to_owned()));
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
        all.extend(["--config".to_owned(), path.display().to_string()]);
    }
    let command = Command::new("oc-server").args(arguments());
    Settings::read(&command.try_get_matches_from(all).unwrap())
}

#[test]
fn without_anything_the_defaults_hold() {
    let settings = read(&[], None).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(settings.database.file(), Some(Path::new("oc.db")));
    assert_eq!(settings.min_refresh_interval, Duration::from_secs(60));
    assert_eq!(settings.event_retention, Duration::from_secs(7 * 86_400));
}

#[test]
fn a_free_port_that_the_system_has_picked_is_the_one_of_the_public_url() {
    let picked = |flags: &[&str]| {
        let mut settings = read(&[&["--listen", "127.0.0.1:0"], flags].concat(), None).unwrap();
        settings.listens_on("127.0.0.1:4321".parse().unwrap());
        assert_eq!(settings.listen.port(), 4321);
        settings.public_url.to_string()
    };
    assert_eq!(picked(&[]), "http://127.0.0.1:4321/");
    let behind_a_proxy = "https://connectors.example/";
    assert_eq!(picked(&["--public-url", behind_a_proxy]), behind_a_proxy);
}

#[test]
fn a_secret_that_no_caller_could_send_is_refused_and_not_repeated() {
    let faults =
        read(&["--user-secret", "a,b"], Some("organization_secret = \"a b\"")).unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(faults[0].starts_with("--user-secret: ") && !faults[0].contains("a,b"), "{faults:?}");
    assert!(read(&["--user-secret", "a/+=b"], None).unwrap().user_secret.is_some());
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = "listen = \"127.0.0.1:1\"\npoll_concurrency = 3\nallow_networks = [\"127.0.0.0/8\", \"::1\"]";
    let settings = read(&["--listen", "127.0.0.1:2"], Some(file)).unwrap();
    assert_eq!((settings.listen.port(), settings.poll_concurrency), (2, 3));
    assert_eq!(settings.network.allowed.len(), 2);
}

#[test]
fn every_fault_is_told_with_its_place_and_what_is_allowed() {
    let file = "\nlistne = \"x\"\nlog_format = \"xml\"\npoll_concurrency = 0\nretry_schedule = \"9s,8s\"\nfailure_policy = \"drop\"";
    let faults = read(&["--database-url", "mysql://oc:s3cret@x/oc"], Some(file)).unwrap_err();
    let told = |part: &str| faults.iter().any(|fault| fault.contains(part));
    assert!(told("line 2 (listne): unknown key `listne`; the keys are: listen, "), "{faults:?}");
    assert!(told("line 3 (log_format): `xml` was found; text or json was expected"));
    assert!(told("line 4 (poll_concurrency): `0` was found; a number from 1 to 100000"));
    assert!(told("line 5 (retry_schedule)"));
    assert!(told("line 6 (failure_policy): `drop` was found; retry or queue was expected"));
    assert!(told("--database-url: expected sqlite:PATH or postgres://"));
    assert!(!told("s3cret"), "{faults:?}");
}

#[test]
fn the_database_is_a_file_or_postgresql() {
    let at = |url| read(&["--database-url", url], None).map(|settings| settings.database);
    assert_eq!(at("sqlite:///var/oc.db").unwrap().to_string(), "/var/oc.db");
    let postgres = at("postgres://oc:s3cret@db.example:5433/oc?sslmode=require").unwrap();
    assert_eq!(postgres.to_string(), "postgres://oc@db.example:5433/oc");
    for url in ["sqlite:", "sqlite::memory:", "oc.db", "postgres"] {
        assert!(at(url).is_err(), "{url}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line() {
    let faults = read(&[], Some("listen = \"a\"\nlisten")).unwrap_err();
    assert!(faults[0].contains("line 2"), "{faults:?}");
    assert!(read(&["--config", "/nowhere/oc.toml"], None).unwrap_err()[0].contains("/nowhere"));
}

#[test]
fn name_servers_have_a_port_or_the_usual_one() {
    let settings = read(&["--dns-servers", "10.0.0.2, [fd00::2]:5353,fd00::3"], None).unwrap();
    let servers: Vec<_> = settings.network.name_servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["10.0.0.2:53", "[fd00::2]:5353", "[fd00::3]:53"]);
    assert!(read(&[], None).unwrap().network.name_servers.is_empty());
    let faults = read(&["--dns-servers", "dns.example"], None).unwrap_err();
    assert!(faults[0].contains("addresses separated by commas"), "{faults:?}");
}

#[test]
fn the_operators_url_may_be_anywhere_but_holds_no_credentials() {
    let operator = |flags: &[&str]| read(flags, None).map(|settings| settings.operator);
    assert!(operator(&[]).unwrap().is_none());
    let url = "http://10.0.0.7/notices";
    let found = operator(&["--operator-url", url, "--operator-key", "s3cret"]).unwrap().unwrap();
    assert_eq!(found.url.as_str(), url);
    assert!(!format!("{found:?}").contains("s3cret"));
    let rotated = operator(&["--operator-url", url, "--operator-key", "new old"]).unwrap().unwrap();
    assert_eq!((found.keys.len(), rotated.keys.len()), (1, 2));
    let faults = operator(&["--operator-url", url, "--operator-key", "whsec_s3cret*"]).unwrap_err();
    assert_eq!(faults, ["OC_OPERATOR_KEY: base64 was expected after `whsec_`"]);
    let faults = operator(&["--operator-url", "http://me:s3cret@host/"]).unwrap_err();
    assert!(faults[0].contains("without credentials"), "{faults:?}");
    let faults = operator(&["--operator-key", "s3cret"]).unwrap_err();
    assert_eq!(faults, ["OC_OPERATOR_KEY: OC_OPERATOR_URL is missing"]);
}

#[test]
fn secrets_do_not_print() {
    let settings = read(&["--user-secret", "s3cret", "--secret-key", "s3cret"], None).unwrap();
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn a_queue_needs_servers_and_a_database_that_can_be_shared() {
    let postgres = ["--database-url", "postgres://oc@db.example/oc"];
    let with = |flags: &[&str]| read(&[&postgres[..], flags].concat(), None);
    assert!(with(&[]).unwrap().queue.is_none());
    let queue = with(&["--nats-url", "tls://oc:s3cret@one.example:4222,tls://two.example:4222"]);
    let queue = queue.unwrap().queue.unwrap();
    assert_eq!((queue.replicas, queue.max_ack_pending), (3, 1_024));
    let faults = with(&["--nats-url", "http://oc:s3cret@one.example", "--nats-replicas", "6"]);
    let faults = faults.unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("--nats-replicas: `6` was found; a number from 1 to 5"));
    assert!(faults[1].starts_with("OC_NATS_URL: expected urls as nats://HOST:4222 or tls://"));
    let faults = read(&["--nats-url", "nats://s3cret@one.example"], None).unwrap_err();
    assert!(faults[0].contains("a SQLite file has one server; set OC_DATABASE_URL to postgres://"));
    assert!(!format!("{faults:?} {queue:?}").contains("s3cret"));
}

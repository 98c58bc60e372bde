//! The one table of settings, and where each value was found.

use std::collections::BTreeMap;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use oc_sinks::SinkTable;
use secrecy::SecretString;

use super::file;

/// A setting: its name as a flag, its default, whether it is a secret, and what it means. The
/// variable is `OC_` and the name in capitals; the key in `oc.toml` has underscores.
struct Setting(&'static str, Option<&'static str>, bool, &'static str);

#[rustfmt::skip]
const SETTINGS: [Setting; 38] = [
    Setting("listen", Some("127.0.0.1:8080"), false, "Address of the API"),
    Setting("public-url", None, false, "The API's url as clients see it [default: from listen]"),
    Setting("database-url", Some("sqlite:oc.db"), true, "sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE for any number of servers"),
    Setting("nats-url", None, true, "NATS JetStream that hands out deliveries to servers that share PostgreSQL, as nats://HOST:4222, several separated by commas [default: they look into the database]"),
    Setting("nats-replicas", Some("3"), false, "NATS servers that keep the queue, from 1 to 5"),
    Setting("nats-max-ack-pending", Some("1024"), false, "Deliveries that the queue has handed out at the same time, to all servers together"),
    Setting("secret-key", None, true, "32 bytes as base64; encrypts secrets at rest"),
    Setting("secret-key-file", None, false, "File with the secret key [default: beside the SQLite file, made at the first start]"),
    Setting("user-secret", None, true, "Secret of the first user [default: made and printed at the first start]"),
    Setting("organization-secret", None, true, "Secret of the first organization [default: likewise]"),
    Setting("allow-networks", Some(""), false, "Networks beyond the public internet that requests may reach"),
    Setting("dns-servers", Some(""), false, "Name servers that are asked for hosts, as 10.0.0.2 or [fd00::2]:5353, separated by commas [default: as the machine does]"),
    Setting("connectors-dir", None, false, "Folder with more connector definitions"),
    Setting("min-refresh-interval", Some("60s"), false, "Shortest poll interval"),
    Setting("poll-concurrency", Some("64"), false, "Instances polled at the same time"),
    Setting("dispatch-concurrency", Some("256"), false, "Deliveries at the same time"),
    Setting("dispatch-per-destination", Some("16"), false, "Of these, to one destination"),
    Setting("retry-schedule", Some("8s,64s,512s,4096s,32768s"), false, "When a failed delivery is repeated, from the first failure on"),
    Setting("failure-policy", Some("retry"), false, "What a failed delivery means where an instance does not say: retry or queue"),
    Setting("probe-interval", Some("5m"), false, "When deliveries that have queued are tried again; then after twice the time; 0s is never"),
    Setting("probe-most", Some("1d"), false, "The longest time between two such tries"),
    Setting("provider-retry-pause", Some("1s"), false, "First pause before a failed provider request is repeated"),
    Setting("callback-timeout", Some("30s"), false, "Deadline of a whole callback request"),
    Setting("poll-failure-threshold", Some("100"), false, "Consecutive failed polls before polling stops"),
    Setting("event-retention", Some("7d"), false, "How long delivered notifications are kept"),
    Setting("operator-url", None, false, "Where the operator is told what needs somebody [default: nowhere]"),
    Setting("operator-key", None, true, "Signs what is sent there"),
    Setting("max-connections", Some("1024"), false, "Connections to the API at the same time; further ones wait"),
    Setting("head-timeout", Some("30s"), false, "How long the head of a request may take to arrive"),
    Setting("api-rate", Some("6000"), false, "Requests a minute of one caller; 0 is no limit"),
    Setting("api-failure-rate", Some("60"), false, "Requests a minute with wrong secrets from one address; 0 is no limit"),
    Setting("cors-origins", Some(""), false, "Origins of web pages that may call the API, separated by commas; * is any"),
    Setting("trusted-proxies", Some(""), false, "Networks of proxies whose X-Forwarded-For says where requests come from, separated by commas"),
    Setting("otlp-endpoint", None, false, "Collector that takes traces over OTLP/HTTP, as http://127.0.0.1:4318 [default: no traces]"),
    Setting("otlp-headers", Some(""), true, "Headers for the collector, as name=value, separated by commas"),
    Setting("otlp-sample-ratio", Some("1"), false, "Part of the traces that is sent, from 0 to 1"),
    Setting("log", Some("info"), false, "What is logged, as info or oc_poll=debug"),
    Setting("log-format", Some("text"), false, "text or json"),
];

/// Settings that are documented and that this version does not carry out.
const UNSUPPORTED: [&str; 2] = ["OC_TLS_CERT", "OC_TLS_KEY"];

/// What other programs call a setting too.
const STANDARD: [(&str, &str); 1] = [("otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT")];

/// The value of a variable that is not ours alone, and its name.
fn standard(name: &str) -> Option<(String, String)> {
    let (_, variable) = STANDARD.iter().find(|(setting, _)| *setting == name)?;
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
    Some((value, (*variable).to_owned()))
}

impl Setting {
    fn variable(&self) -> String {
        format!("OC_{}", self.0.replace('-', "_").to_uppercase())
    }
}

/// The flags, for all commands.
pub(crate) fn arguments() -> Vec<Arg> {
    let mut arguments: Vec<Arg> = SETTINGS
        .iter()
        .map(|setting| {
            let Setting(name, default, secret, help) = setting;
            let help = match default {
                Some(default) if !default.is_empty() => format!("{help} [default: {default}]"),
                _ => (*help).to_owned(),
            };
            Arg::new(*name)
                .long(*name)
                .env(setting.variable())
                .hide_env_values(*secret)
                .value_name("VALUE")
                .global(true)
                .help_heading("Settings")
                .help(help)
        })
        .collect();
    let help = "Settings file [default: oc.toml in the working directory, when it is there]";
    arguments.push(Arg::new("config").long("config").value_name("FILE").global(true).help(help));
    arguments
}

/// Names and defaults of all settings.
#[cfg(test)]
pub(super) fn defaults() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    SETTINGS.iter().map(|setting| (setting.0, setting.1))
}

/// The values that were found, and the faults met on the way.
#[derive(Debug, Default)]
pub(super) struct Found {
    values: BTreeMap<&'static str, (String, String)>,
    pub(super) sinks: SinkTable,
    pub(super) faults: Vec<String>,
}

impl Found {
    /// Looks at flags, variables, the file and the defaults.
    pub(super) fn collect(matches: &ArgMatches) -> Result<Self, Vec<String>> {
        let mut found = Self::default();
        let given = matches.get_one::<String>("config").map(Path::new);
        let mut file = file::read(given)?;
        for setting in &SETTINGS {
            let Setting(name, default, ..) = setting;
            let from_file = file.values.remove(&name.replace('-', "_"));
            let value = match matches.get_one::<String>(name) {
                Some(value) => {
                    let flag = matches.value_source(name) == Some(ValueSource::CommandLine);
                    let place = if flag { format!("--{name}") } else { setting.variable() };
                    Some((value.clone(), place))
                }
                None => from_file
                    .or_else(|| standard(name))
                    .or_else(|| Some(((*default)?.to_owned(), "default".to_owned()))),
            };
            if let Some(value) = value {
                found.values.insert(*name, value);
            }
        }
        match file.sinks.map(|(sinks, name)| (SinkTable::read(sinks), name)) {
            Some((Ok(sinks), _)) => found.sinks = sinks,
            Some((Err(faults), name)) => {
                found.faults.extend(faults.iter().map(|fault| format!("{name} {fault}")));
            }
            None => {}
        }
        let known =
            SETTINGS.iter().map(|one| one.0.replace('-', "_")).collect::<Vec<_>>().join(", ");
        for (key, (_, place)) in file.values {
            found.faults.push(format!("{place}: unknown key `{key}`; the keys are: {known}"));
        }
        for name in UNSUPPORTED {
            if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
                found.faults.push(format!("{name}: this version does not carry it out; unset it"));
            }
        }
        Ok(found)
    }

    /// A value that is there, or has a default.
    pub(super) fn parse<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, place) = self.values.get(name)?;
        let parsed = parse(text.trim());
        if parsed.is_none() {
            self.faults.push(format!("{place}: `{text}` was found; {expected} was expected"));
        }
        parsed
    }

    /// A value that may be missing.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.values.contains_key(name).then(|| self.parse(name, expected, parse)).flatten()
    }

    /// A value that no message repeats.
    pub(super) fn secret_parse<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, place) = self.values.get(name)?;
        let parsed = parse(text.trim());
        if parsed.is_none() {
            self.faults.push(format!("{place}: expected {expected}"));
        }
        parsed
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|(text, _)| text.clone()).filter(|text| !text.is_empty())
    }

    /// A secret that callers send in `Authorization`, whose parts are separated by commas.
    pub(super) fn caller_secret(&mut self, name: &str) -> Option<SecretString> {
        let text = self.text(name)?;
        if text.chars().all(|letter| letter.is_ascii_graphic() && letter != ',') {
            return Some(SecretString::from(text));
        }
        let place = self.values.get(name).map_or(name, |(_, place)| place);
        self.faults.push(format!(
            "{place}: a secret of printable ASCII characters without blanks and commas was expected"
        ));
        None
    }

    /// A secret that is not empty.
    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }
}

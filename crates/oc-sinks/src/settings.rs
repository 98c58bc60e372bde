//! What the settings file says of sinks: `[sinks.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use toml::{Table, Value};

use crate::nats::Subject;
use crate::postgres::TableName;

/// The sinks by name, checked.
#[derive(Clone, Debug, Default)]
pub struct SinkTable(Arc<BTreeMap<String, SinkSettings>>);

#[derive(Clone, Debug)]
pub(crate) struct SinkSettings {
    organizations: Organizations,
    pub(crate) kind: Kind,
}

/// Who may use a sink.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "\"all\" or a list of organization ids was expected")]
enum Organizations {
    All(All),
    These(Vec<i64>),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum All {
    All,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    File(FileSettings),
    Nats(NatsSettings),
    Postgres(PostgresSettings),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSettings {
    /// Everything is written below it.
    pub(crate) folder: PathBuf,
    /// A file that would become longer is closed, and another one begun.
    #[serde(default = "usual_bytes")]
    pub(crate) rotate_bytes: u64,
    /// Whether that is done with every day (UTC) too.
    #[serde(default = "yes")]
    pub(crate) rotate_daily: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatsSettings {
    /// Urls separated by commas; user and password, or a token, in them.
    pub(crate) url: SecretString,
    #[serde(default)]
    pub(crate) subject: Subject,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostgresSettings {
    pub(crate) url: SecretString,
    #[serde(default)]
    pub(crate) table: TableName,
    /// Whether the table is made when it is not there.
    #[serde(default)]
    pub(crate) create_table: bool,
}

fn usual_bytes() -> u64 {
    128 << 20
}

fn yes() -> bool {
    true
}

impl SinkTable {
    /// Reads the member `sinks` of the settings.
    ///
    /// # Errors
    /// Every sink that cannot be read, by name, and what was expected of it.
    pub fn read(sinks: Value) -> Result<Self, Vec<String>> {
        let Value::Table(tables) = sinks else {
            return Err(vec!["a table for each sink was expected, as [sinks.NAME]".to_owned()]);
        };
        let (mut by_name, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, table) in tables {
            match named(&name).and_then(|()| SinkSettings::read(table)) {
                Ok(settings) => drop(by_name.insert(name, settings)),
                Err(fault) => faults.push(format!("[sinks.{name}]: {fault}")),
            }
        }
        if faults.is_empty() { Ok(Self(Arc::new(by_name))) } else { Err(faults) }
    }

    /// Why an organization cannot have its notifications put into this sink, for it to read; without
    /// an organization, whether there is such a sink.
    pub fn refusal(&self, name: &str, organization: Option<i64>) -> Option<String> {
        let is_open = |sink: &SinkSettings| organization.is_none_or(|id| sink.is_open_to(id));
        if self.0.get(name).is_some_and(is_open) {
            return None;
        }
        let open = self.0.iter().filter(|(_, sink)| is_open(sink)).map(|(name, _)| name.as_str());
        let open = open.collect::<Vec<_>>().join(", ");
        let there_are = match open.as_str() {
            "" => "there are none; the operator names them in the settings file".to_owned(),
            open => format!("there are: {open}"),
        };
        Some(format!("there is no sink `{name}` to be used; {there_are}"))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &SinkSettings)> {
        self.0.iter()
    }
}

/// Names stand in instances, in logs and in answers.
fn named(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        return Ok(());
    }
    Err("a name of at most 64 letters, digits, `-` and `_` was expected".to_owned())
}

impl SinkSettings {
    fn read(sink: Value) -> Result<Self, String> {
        let Value::Table(mut table) = sink else {
            return Err("a table was expected".to_owned());
        };
        let kind = table.remove("kind").unwrap_or(Value::String(String::new()));
        let organizations = table.remove("organizations").ok_or(
            "organizations: \"all\" or a list of organization ids was expected, for who may use it",
        )?;
        let organizations: Organizations =
            organizations.try_into().map_err(|fault| format!("organizations: {}", told(&fault)))?;
        let kind = match kind.as_str().unwrap_or_default() {
            "file" => Kind::File(parse(table)?),
            "nats" => Kind::Nats(with_url(table, "nats://127.0.0.1:4222")?),
            "postgres" => {
                Kind::Postgres(with_url(table, "postgres://user:password@host/database")?)
            }
            _ => return Err("kind: file, nats or postgres was expected".to_owned()),
        };
        let settings = Self { organizations, kind };
        settings.check_url()?;
        Ok(settings)
    }

    /// Errors of the readers repeat what they have read, which holds passwords: so they are not told.
    fn check_url(&self) -> Result<(), String> {
        let is_read = match &self.kind {
            Kind::File(_) => true,
            Kind::Nats(nats) => crate::nats::NatsServers::read(&nats.url).is_some(),
            Kind::Postgres(postgres) => crate::postgres::config(&postgres.url).is_some(),
        };
        if is_read {
            Ok(())
        } else {
            Err("url: it cannot be read as the url of a server".to_owned())
        }
    }

    fn is_open_to(&self, organization: i64) -> bool {
        match &self.organizations {
            Organizations::All(All::All) => true,
            Organizations::These(ids) => ids.contains(&organization),
        }
    }
}

/// The settings of a server: its `url`, or the file that has it, as secrets are handed to containers.
fn with_url<'de, T: Deserialize<'de>>(mut table: Table, example: &str) -> Result<T, String> {
    if let Some(file) = table.remove("url_file") {
        if table.contains_key("url") {
            return Err("url or url_file was expected, not both".to_owned());
        }
        let path = file.as_str().ok_or("url_file: the path of a file was expected")?;
        let url =
            std::fs::read_to_string(path).map_err(|error| format!("url_file: {path}: {error}"))?;
        table.insert("url".to_owned(), Value::String(url.trim().to_owned()));
    }
    if !table.get("url").is_some_and(Value::is_str) {
        return Err(format!("url or url_file: a url as {example} was expected"));
    }
    parse(table)
}

fn parse<'de, T: Deserialize<'de>>(table: Table) -> Result<T, String> {
    Value::Table(table).try_into().map_err(|fault| told(&fault))
}

fn told(fault: &toml::de::Error) -> String {
    fault.to_string().trim().replace('\n', " ")
}

#[cfg(test)]
mod tests;

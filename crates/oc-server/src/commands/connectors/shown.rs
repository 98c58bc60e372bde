//! A connector as the commands show it.

use std::io::{self, Write};

use oc_config::{Connector, Operation, OperationKind, Resource};
use serde::Serialize;
use serde_json::Value as Json;

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'c> {
    key: &'c str,
    id: u32,
    name: &'c str,
    hub: &'c str,
    description: &'c str,
    documentation: Option<&'c str>,
    logo: Option<&'c str>,
    base: &'c str,
    authentication: Vec<&'static str>,
    configuration: Vec<Entry<'c>>,
    resources: Vec<ShownResource<'c>>,
    poll_minutes: f64,
    poller_configuration: Json,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'c> {
    key: &'c str,
    name: &'c str,
    #[serde(rename = "type")]
    kind: &'static str,
    multiline: bool,
    required: bool,
    hidden: bool,
    default: Option<&'c str>,
    help: Option<&'c str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownResource<'c> {
    name: &'c str,
    calls: Vec<ShownCall<'c>>,
    /// Fields that the provider filters by.
    filters: Vec<&'c str>,
    /// Fields that are filtered by here.
    local_filters: &'c [String],
    sorts: &'c [String],
}

/// A call of the hub, and the provider's behind it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownCall<'c> {
    kind: &'static str,
    provider_method: &'static str,
    provider_path: &'c str,
}

impl<'c> Shown<'c> {
    pub(super) fn of(connector: &'c Connector) -> Self {
        let kinds =
            [(connector.oauth2.is_some(), "oauth2"), (connector.api_key.is_some(), "apiKey")];
        Self {
            key: &connector.key,
            id: connector.id,
            name: &connector.name,
            hub: &connector.hub,
            description: &connector.description,
            documentation: connector.documentation.as_deref(),
            logo: connector.logo.as_deref(),
            base: &connector.base,
            authentication: kinds
                .into_iter()
                .filter(|(has, _)| *has)
                .map(|(_, kind)| kind)
                .collect(),
            configuration: connector.configuration.iter().map(entry).collect(),
            resources: connector.resources.iter().map(|(name, one)| resource(name, one)).collect(),
            poll_minutes: connector.interval.as_secs_f64() / 60.0,
            poller_configuration: serde_json::from_str(&connector.poller_configuration)
                .unwrap_or_default(),
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{} ({}, {}), hub {}", self.name, self.key, self.id, self.hub)?;
        for text in [Some(self.description), self.documentation].into_iter().flatten() {
            writeln!(out, "{text}")?;
        }
        writeln!(out, "\nBase: {}", self.base)?;
        writeln!(out, "Authentication: {}", self.authentication.join(", "))?;
        let polled = self.poller_configuration.as_object();
        let polled: Vec<&str> =
            polled.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        writeln!(out, "Polled every {} minutes: {}", self.poll_minutes, polled.join(", "))?;
        writeln!(out, "\nConfiguration:")?;
        let width = self.configuration.iter().map(|entry| entry.key.len()).max().unwrap_or(0);
        for entry in &self.configuration {
            let required = if entry.required { ", required" } else { "" };
            writeln!(out, "  {:width$}  {} ({}{required})", entry.key, entry.name, entry.kind)?;
        }
        writeln!(out, "\nResources:")?;
        self.resources.iter().try_for_each(|resource| resource.print(out))
    }
}

impl ShownResource<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "  {}", self.name)?;
        for call in &self.calls {
            writeln!(out, "    {:7} {} {}", call.kind, call.provider_method, call.provider_path)?;
        }
        let lists = [
            ("filters", self.filters.join(", ")),
            ("filtered here", self.local_filters.join(", ")),
            ("sorts", self.sorts.join(", ")),
        ];
        for (what, fields) in lists.into_iter().filter(|(_, fields)| !fields.is_empty()) {
            writeln!(out, "    {what}: {fields}")?;
        }
        Ok(())
    }
}

fn entry(entry: &oc_config::Entry) -> Entry<'_> {
    Entry {
        key: &entry.key,
        name: &entry.name,
        kind: entry.kind.as_str(),
        multiline: entry.multiline,
        required: entry.required,
        hidden: entry.hidden,
        default: entry.default.as_deref(),
        help: entry.help.as_deref(),
    }
}

fn resource<'c>(name: &'c str, resource: &'c Resource) -> ShownResource<'c> {
    let list = ShownCall { kind: "list", provider_method: "GET", provider_path: &resource.path };
    let call = |(kind, operation): (&OperationKind, &'c Operation)| ShownCall {
        kind: kind.as_str(),
        provider_method: operation.verb.as_str(),
        provider_path: operation.path_template(),
    };
    let filters = [&resource.range, &resource.list, &resource.equal];
    ShownResource {
        name,
        calls: std::iter::once(list).chain(resource.operations.iter().map(call)).collect(),
        filters: filters.into_iter().flatten().map(String::as_str).collect(),
        local_filters: &resource.local,
        sorts: &resource.sort,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_shown_with_its_calls_and_without_a_secret_of_anybody() {
        let catalogue = oc_config::Catalogue::built_in().unwrap();
        let shown = Shown::of(catalogue.find("salesloft").unwrap());
        let mut text = Vec::new();
        shown.print(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("    update  PUT /people/{id}\n"), "{text}");
        let json = serde_json::to_value(&shown).unwrap();
        let contacts =
            json["resources"].as_array().unwrap().iter().find(|one| one["name"] == "contacts");
        assert_eq!(contacts.unwrap()["calls"][1]["providerPath"], "/people/{id}");
        assert_eq!(json["pollMinutes"], 15.0);
    }
}

//! `check`: what an instance JSON or a poller configuration would do. Talks to nobody.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use oc_config::{
    Configuration, Connector, DateReader, Diagnostic, InstanceId, InstanceRequest,
    InstanceSettings, ResourceConfig, Timestamp, Zone,
};
use oc_egress::Clock;
use oc_hub::Target;
use serde_json::{Map, Value as Json, json};

use crate::app::catalogue;
use crate::command_line::File;
use crate::commands::diagnostics::print;
use crate::preview::preview;
use crate::settings::Settings;

#[derive(Args)]
pub(crate) struct Options {
    /// The file; `-` is standard input
    file: File,
    /// When the poll begins [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    at: Option<Timestamp>,
    /// When the last poll began [default: one interval before]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    last_poll: Option<Timestamp>,
    /// The connector, when the file names none
    #[arg(long, default_value = "salesloft")]
    connector: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let read = DateReader::any(Zone::gmt()).read_text(text);
    read.ok_or_else(|| "an instant as 2026-11-24T12:00:00Z was expected".to_owned())
}

pub(crate) fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let text = read(options)?;
    let catalogue = catalogue(settings)?;
    let document: Option<Json> = serde_json::from_str(&text).ok().map(whole);
    let checked = request(&text, document.as_ref()).and_then(|request| {
        let key = request.connector.as_deref().unwrap_or(&options.connector);
        let connector = catalogue.find(key).ok_or_else(|| {
            let known: Vec<&str> = catalogue.iter().map(|one| one.key.as_str()).collect();
            let message = format!("there is no connector `{key}`; there are: {}", known.join(", "));
            vec![Diagnostic::error("element.key", message)]
        })?;
        Checked::new(request, connector, settings)
    });
    match checked {
        Ok(checked) => {
            print(&checked.warnings, document.as_ref())?;
            checked.show(options)
        }
        Err(faults) => {
            print(&faults, document.as_ref())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn read(options: &Options) -> anyhow::Result<String> {
    if options.file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(&options.file).with_context(|| options.file.display().to_string())
}

/// An instance request; a bare poller configuration is made one.
fn whole(document: Json) -> Json {
    let is_bare = document.as_object().is_some_and(|members| {
        !members.contains_key("configuration") && !members.contains_key("element")
    });
    if !is_bare {
        return document;
    }
    json!({"configuration": {"event.poller.configuration": document}})
}

fn request(text: &str, document: Option<&Json>) -> Result<InstanceRequest, Vec<Diagnostic>> {
    match document {
        Some(document) => InstanceRequest::parse(document.to_string().as_bytes()),
        // The text is not JSON, and its reader says where.
        None => InstanceRequest::parse(text.as_bytes()),
    }
}

/// A request that would be accepted.
struct Checked {
    connector: Arc<Connector>,
    configuration: Configuration,
    settings: InstanceSettings,
    warnings: Vec<Diagnostic>,
}

impl Checked {
    fn new(
        request: InstanceRequest,
        connector: &Arc<Connector>,
        settings: &Settings,
    ) -> Result<Self, Vec<Diagnostic>> {
        let members = request.configuration.unwrap_or_default();
        let (configuration, faults) = Configuration::from_json(&members, connector);
        let configuration = configuration.with_defaults(connector);
        let read = InstanceSettings::read(&configuration, connector, settings.min_refresh_interval);
        let (settings, more) = read.map_err(|mut all| {
            all.splice(0..0, faults.clone());
            all
        })?;
        if !faults.is_empty() {
            return Err(faults);
        }
        let warnings = request.warnings.into_iter().chain(more).collect();
        Ok(Self { connector: Arc::clone(connector), configuration, settings, warnings })
    }

    fn show(&self, options: &Options) -> anyhow::Result<ExitCode> {
        let now = options.at.unwrap_or_else(|| Clock::system().now());
        let last_poll = options.last_poll.unwrap_or_else(|| now.minus(self.settings.interval));
        let mut resources = Map::new();
        let mut failed = false;
        for resource in &self.settings.resources {
            let shown = self.resource(resource, last_poll, now);
            failed |= shown.get("error").is_some();
            resources.insert(resource.name.clone(), shown);
        }
        let mut out = std::io::stdout().lock();
        let configuration = self.configuration.masked();
        if options.json {
            let all = json!({"configuration": configuration, "resources": resources,
                "intervalSeconds": self.settings.interval.as_secs_f64()});
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        } else {
            writeln!(out, "Connector: {}", self.connector.name)?;
            writeln!(
                out,
                "Events: {}",
                if self.settings.events_enabled { "enabled" } else { "not enabled" }
            )?;
            writeln!(out, "Interval: {}", humantime::format_duration(self.settings.interval))?;
            writeln!(out, "\nConfiguration:")?;
            for (key, value) in &configuration {
                writeln!(out, "  {key} = {}", value.as_str().unwrap_or("null"))?;
            }
            writeln!(out, "\nAt {now}, last polled at {last_poll}:")?;
            for (name, resource) in &resources {
                writeln!(out, "  {name}")?;
                for (key, value) in resource.as_object().into_iter().flatten() {
                    writeln!(out, "    {key}: {}", value.as_str().unwrap_or_default())?;
                }
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// A resource's rendered url, and the provider request it becomes.
    fn resource(&self, config: &ResourceConfig, last_poll: Timestamp, now: Timestamp) -> Json {
        let target = Target {
            instance: InstanceId(0),
            connector: Arc::clone(&self.connector),
            base: self.settings.base.clone(),
            account: String::new(),
            drop_nulls: self.settings.drop_nulls,
        };
        match preview(&target, config, &self.configuration, last_poll, now) {
            Ok(shown) => json!({"url": shown.url, "request": format!("GET {}", shown.request)}),
            Err(fault) => json!({"error": fault.to_string()}),
        }
    }
}

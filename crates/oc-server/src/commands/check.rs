//! `check`: what an instance JSON or a poller configuration would do. Talks to nobody.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use oc_config::{DateReader, Diagnostic, InstanceRequest, Timestamp, Zone};
use oc_egress::Clock;
use serde_json::{Map, Value as Json, json};

use crate::app::catalogue;
use crate::command_line::File;
use crate::commands::checked::{Checked, connector};
use crate::commands::diagnostics::print;
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
    let text = text_of(&options.file)?;
    let catalogue = catalogue(settings)?;
    let document: Option<Json> = serde_json::from_str(&text).ok().map(whole);
    let checked = request(&text, document.as_ref()).and_then(|request| {
        let key = request.connector.as_deref().unwrap_or(&options.connector);
        let connector = connector(&catalogue, key)?;
        Checked::new(request, connector, settings)
    });
    match checked {
        Ok(checked) => {
            let masks: Vec<_> = checked.configuration.masks().map(Diagnostic::masked).collect();
            print(&[masks, checked.warnings.clone()].concat(), document.as_ref())?;
            show(&checked, options)
        }
        Err(faults) => {
            print(&faults, document.as_ref())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A file's text; `-` is standard input.
pub(super) fn text_of(file: &File) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
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

fn show(checked: &Checked, options: &Options) -> anyhow::Result<ExitCode> {
    let now = options.at.unwrap_or_else(|| Clock::system().now());
    let last_poll = options.last_poll.unwrap_or_else(|| now.minus(checked.settings.interval));
    let mut resources = Map::new();
    let mut failed = false;
    for resource in &checked.settings.resources {
        let shown = checked.resource(resource, last_poll, now);
        failed |= shown.get("error").is_some();
        resources.insert(resource.name.clone(), shown);
    }
    let mut out = std::io::stdout().lock();
    let configuration = checked.configuration.masked();
    if options.json {
        let all = json!({"configuration": configuration, "resources": resources,
            "intervalSeconds": checked.settings.interval.as_secs_f64()});
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        writeln!(out, "Connector: {}", checked.connector.name)?;
        writeln!(
            out,
            "Events: {}",
            if checked.settings.events_enabled { "enabled" } else { "not enabled" }
        )?;
        writeln!(out, "Interval: {}", humantime::format_duration(checked.settings.interval))?;
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

//! `connectors`: the catalogue, and the files that connectors are defined in.

mod check;
mod import;
mod shown;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use crate::app::catalogue;
use crate::command_line::File;
use crate::settings::Settings;
use shown::Shown;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Asked {
    /// Lists the connectors there are
    #[command(after_help = "Example: oc-server connectors list --json")]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Shows a connector: its configuration, resources and calls
    #[command(after_help = "Example: oc-server connectors show salesloft")]
    Show {
        /// Its key, or its number
        key: String,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Tells every mistake in a definition file, each with its line
    #[command(after_help = "Example: oc-server connectors check connectors/example.toml")]
    Check {
        /// The file; `-` is standard input
        file: File,
    },
    /// Writes an exported element.json in the native form, and tells what has no counterpart
    #[command(
        after_help = "Example: oc-server connectors import element.json --output connectors/example.toml"
    )]
    Import {
        /// The file; `-` is standard input
        file: File,
        /// Write to this new file instead of standard output
        #[arg(long, value_name = "FILE")]
        output: Option<File>,
    },
}

pub(crate) fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    match &options.asked {
        Asked::List { json } => list(settings, *json),
        Asked::Show { key, json } => show(settings, key, *json),
        Asked::Check { file } => check::run(file, settings),
        Asked::Import { file, output } => import::run(file, output.as_deref()),
    }
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<ExitCode> {
    let catalogue = catalogue(settings)?;
    let mut out = std::io::stdout().lock();
    if json {
        let all: Vec<Shown<'_>> = catalogue.iter().map(|one| Shown::of(one)).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = catalogue.iter().map(|one| one.key.len()).max().unwrap_or_default();
    for one in catalogue.iter() {
        let (key, resources) = (&one.key, one.resources.len());
        writeln!(
            out,
            "{key:width$}  {}  {} ({}), {resources} resources",
            one.id, one.name, one.hub
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(settings: &Settings, key: &str, json: bool) -> anyhow::Result<ExitCode> {
    let catalogue = catalogue(settings)?;
    let Some(connector) = catalogue.find(key) else {
        let known: Vec<&str> = catalogue.iter().map(|one| one.key.as_str()).collect();
        bail!("there is no connector `{key}`; there are: {}", known.join(", "));
    };
    let shown = Shown::of(connector);
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&shown)?)?;
    } else {
        shown.print(&mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A file's text; `-` is standard input.
fn read(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

//! `import`: instances of the old service, as its `GET /instances` lists them, become requests that
//! can be sent here. Talks to nobody.

mod carried;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value as Json;

use crate::app::catalogue;
use crate::command_line::File;
use crate::commands::check::text_of;
use crate::settings::Settings;
use carried::Carried;

#[derive(Args)]
pub(crate) struct Options {
    /// The instances: one JSON object, or an array; `-` is standard input
    file: File,
    /// Write each request into a file of this folder, to be filled in and sent
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let text = text_of(&options.file)?;
    let catalogue = catalogue(settings)?;
    let found = match serde_json::from_str(&text).context("the file is not JSON")? {
        Json::Array(found) => found,
        one @ Json::Object(_) => vec![one],
        _ => bail!("an instance, or an array of instances, was expected"),
    };
    let mut carried: Vec<Carried> =
        found.iter().map(|instance| Carried::new(instance, &catalogue, settings)).collect();
    if let Some(folder) = &options.output {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        for (at, one) in carried.iter_mut().enumerate().filter(|(_, one)| one.errors.is_empty()) {
            one.file = Some(write(folder, at, one)?);
        }
    }
    show(options, &carried)?;
    let all = carried.iter().all(|one| one.errors.is_empty());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A request is for its owner only, and never takes the place of one that may be filled in already.
fn write(folder: &Path, at: usize, one: &Carried) -> anyhow::Result<PathBuf> {
    let number = one.id.map_or_else(|| (at + 1).to_string(), |id| id.to_string());
    let file = folder.join(format!("{number}-{}.json", slug(&one.name)));
    let place = || file.display().to_string();
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let mut out = opened.with_context(place)?;
    serde_json::to_writer_pretty(&mut out, &one.request).with_context(place)?;
    out.write_all(b"\n").with_context(place)?;
    Ok(file)
}

/// A name as part of a file's name.
fn slug(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' });
    let words: String = letters.collect();
    let words: Vec<&str> = words.split_whitespace().take(8).collect();
    let slug: String = words.join("-").to_lowercase().chars().take(60).collect();
    if slug.is_empty() { "instance".to_owned() } else { slug }
}

fn show(options: &Options, carried: &[Carried]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(carried)?)?;
        return Ok(());
    }
    for one in carried {
        let id = one.id.map_or_else(String::new, |id| format!("{id}, "));
        writeln!(out, "{} ({id}{})", one.name, one.element)?;
        for error in &one.errors {
            writeln!(out, "  cannot be carried over: {error}")?;
        }
        for warning in &one.warnings {
            writeln!(out, "  warning: {warning}")?;
        }
        if one.errors.is_empty() {
            if !one.fill_in.is_empty() {
                writeln!(out, "  fill in: {}", one.fill_in.join(", "))?;
            }
            if one.reauthenticate {
                writeln!(out, "  authorize again: providerData.code")?;
            }
            match &one.file {
                Some(file) => writeln!(out, "  request: {}", file.display())?,
                None => writeln!(out, "{}", serde_json::to_string_pretty(&one.request)?)?,
            }
        }
    }
    let good = carried.iter().filter(|one| one.errors.is_empty()).count();
    writeln!(out, "{good} of {} can be carried over", carried.len())?;
    Ok(())
}

#[cfg(test)]
mod tests;

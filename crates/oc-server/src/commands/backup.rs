//! `backup`: a consistent copy of the database, also while a server runs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use oc_store::backup;
use serde_json::json;

use super::progress;
use crate::command_line::File;
use crate::secret_key_file::{self, Place};
use crate::settings::Settings;

#[derive(Args)]
pub(crate) struct Options {
    /// The copy; it must not be there yet
    file: File,
    /// Copy the secret key as well, to FILE.key; whoever has both has every secret
    #[arg(long)]
    with_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let file = settings.database.file().context(
        "`backup` copies a SQLite file; make backups of PostgreSQL with its own tools, as `pg_dump`, and keep the secret key beside them",
    )?;
    let key = match secret_key_file::place(settings) {
        Place::Setting => None,
        Place::Given(path) | Place::Beside(path) => Some(path),
    };
    let key_copy = PathBuf::from(format!("{}.key", options.file.display()));
    if options.with_key {
        let Some(key) = &key else { bail!("--with-key: the key is in OC_SECRET_KEY and no file") };
        ensure!(key.is_file(), "--with-key: there is no {}", key.display());
        ensure!(!key_copy.exists(), "{} is there already; name another file", key_copy.display());
    }
    let bar = progress::bar("{binary_bytes} of about {binary_total_bytes}");
    let shown = bar.clone();
    let copied = backup(file, &options.file, move |done, total| {
        progress::show(&shown, done, total);
    });
    bar.finish_and_clear();
    let bytes = copied?;
    if let Some(key) = key.as_ref().filter(|_| options.with_key) {
        secret_key_file::copy(key, &key_copy)?;
    }
    let place = if options.with_key { Some(key_copy) } else { key };
    let place = place.map_or_else(|| "OC_SECRET_KEY".to_owned(), |key| key.display().to_string());
    let (copy, mut out) = (options.file.display().to_string(), std::io::stdout().lock());
    if options.json {
        writeln!(out, "{}", json!({"file": copy, "bytes": bytes, "key": place}))?;
    } else {
        writeln!(out, "{copy} is a copy of {} ({bytes} bytes)", file.display())?;
        writeln!(out, "it opens only with the secret key in {place}")?;
    }
    Ok(ExitCode::SUCCESS)
}

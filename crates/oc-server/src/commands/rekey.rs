//! `rekey`: another secret key for the database.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use oc_egress::Clock;
use oc_store::{Rekeyed, SecretKey, rekey};
use serde_json::json;

use super::{database, progress};
use crate::command_line::File;
use crate::secret_key_file::{self, Place};
use crate::settings::Settings;

#[derive(Args)]
pub(crate) struct Options {
    /// File with the new secret key; one is made when the file is not there
    #[arg(long, env = "OC_NEW_SECRET_KEY_FILE", value_name = "FILE")]
    new_key_file: File,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The new key is durable before the database has it, and the old one stays; interrupted at any
/// moment, it can be run again.
pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    database::present(settings)?;
    let place = secret_key_file::place(settings);
    if let Place::Given(present) | Place::Beside(present) = &place {
        ensure!(
            !is_same(present, &options.new_key_file),
            "--new-key-file: {} is where the present key is; name another file",
            present.display()
        );
    }
    let old = secret_key_file::load(settings)?;
    let new = secret_key_file::load_or_make(&options.new_key_file)?;
    let bar = progress::bar("{pos} of {len} values");
    let (shown, keys) = (bar.clone(), (old.clone(), new.clone()));
    let done = rekey(&settings.database, keys, Clock::system().now(), move |done, total| {
        progress::show(&shown, done, total);
    });
    let done = done.await;
    bar.finish_and_clear();
    let done = done.map_err(|error| database::explained(error, "rekey"))?;
    let former = match &place {
        Place::Beside(present) if old.name() != new.name() => {
            Some(take_over(present, &old, &options.new_key_file)?)
        }
        _ => None,
    };
    tell(options, done, &place, former.as_deref(), &new)?;
    Ok(ExitCode::SUCCESS)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

/// Puts the new key where the next server looks for it. The old one is kept under its name first.
fn take_over(present: &Path, old: &SecretKey, new: &Path) -> anyhow::Result<PathBuf> {
    let former = PathBuf::from(format!("{}.{}", present.display(), old.name()));
    secret_key_file::copy(present, &former)?;
    secret_key_file::copy(new, present)?;
    Ok(former)
}

fn tell(
    options: &Options,
    done: Rekeyed,
    place: &Place,
    former: Option<&Path>,
    new: &SecretKey,
) -> anyhow::Result<()> {
    let Rekeyed { values, already } = done;
    let file = match place {
        Place::Beside(present) => present,
        Place::Given(_) | Place::Setting => &options.new_key_file,
    };
    let (file, mut out) = (file.display().to_string(), std::io::stdout().lock());
    if options.json {
        let former = former.map(|former| former.display().to_string());
        let line = json!({"values": values, "already": already, "key": new.name(),
            "keyFile": file, "formerKeyFile": former});
        writeln!(out, "{line}")?;
        return Ok(());
    }
    if already {
        writeln!(out, "the database has the new key already ({})", new.name())?;
    } else {
        writeln!(out, "{values} values were sealed with the new key ({})", new.name())?;
    }
    match (place, former) {
        (Place::Beside(_), Some(former)) => {
            writeln!(out, "{file} holds the new key, {} the one before", former.display())?;
            let given = options.new_key_file.display();
            writeln!(out, "{given} holds the new key as well, and is not needed any more")?;
        }
        (Place::Beside(_), None) => writeln!(out, "{file} holds the new key")?,
        (Place::Given(_) | Place::Setting, _) => writeln!(
            out,
            "start the server with OC_SECRET_KEY_FILE={file} and without OC_SECRET_KEY from now on"
        )?,
    }
    writeln!(out, "keep the key before for as long as you keep backups that were made with it")?;
    Ok(())
}

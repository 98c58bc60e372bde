//! `migrate`: the schema of the database, brought up to date.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use oc_store::{Schema, migrate, schema};
use serde_json::json;

use super::database::explained;
use crate::settings::Settings;

#[derive(Args)]
pub(crate) struct Options {
    /// Only tell; exit code 1 when there is something to do
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let database = &settings.database;
    let looked = if options.check { schema(database).await } else { migrate(database).await };
    let Schema { found, known } = looked.map_err(|error| explained(error, "migrate"))?;
    let (name, is_old) = (database, found < known);
    let mut out = std::io::stdout().lock();
    if options.json {
        let line = json!({"from": found, "to": known, "changed": is_old && !options.check});
        writeln!(out, "{line}")?;
    } else if !is_old {
        writeln!(out, "the schema of {name} is up to date ({known})")?;
    } else if options.check {
        writeln!(out, "the schema of {name} is {found}, and `oc-server migrate` makes it {known}")?;
    } else {
        writeln!(out, "the schema of {name} was {found} and is {known} now")?;
    }
    Ok(if is_old && options.check { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

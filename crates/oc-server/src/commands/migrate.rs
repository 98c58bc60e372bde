//! `migrate`: the schema of the database, brought up to date; or everything of a file into PostgreSQL.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use oc_store::{Location, Schema, copy, migrate, schema};
use serde_json::json;

use super::database::explained;
use super::progress;
use crate::settings::{self, Settings};

#[derive(Args)]
pub(crate) struct Options {
    /// Only tell; exit code 1 when there is something to do
    #[arg(long)]
    check: bool,
    /// A SQLite file, as sqlite:oc.db, that is copied into PostgreSQL; no server may run on either
    #[arg(long, value_name = "URL", conflicts_with = "check", value_parser = settings::database)]
    from: Option<Location>,
    /// The empty PostgreSQL database that it is copied to [default: OC_DATABASE_URL]
    #[arg(long, value_name = "URL", requires = "from", value_parser = settings::database)]
    to: Option<Location>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    if let Some(from) = &options.from {
        return copy_over(options, from, options.to.as_ref().unwrap_or(&settings.database)).await;
    }
    let database = &settings.database;
    let looked = if options.check { schema(database).await } else { migrate(database).await };
    let Schema { found, known } = looked.map_err(|error| explained(error, "migrate"))?;
    let (name, is_old) = (database, found < known);
    let mut out = std::io::stdout().lock();
    if options.json {
        let line = json!({"from": found, "to": known, "changed": is_old && !options.check});
        writeln!(out, "{line}")?;
    } else if found > known {
        writeln!(
            out,
            "the schema of {name} is {found}, of a newer program; this one knows {known} and works with it"
        )?;
    } else if !is_old {
        writeln!(out, "the schema of {name} is up to date ({known})")?;
    } else if options.check {
        writeln!(out, "the schema of {name} is {found}, and `oc-server migrate` makes it {known}")?;
    } else {
        writeln!(out, "the schema of {name} was {found} and is {known} now")?;
    }
    Ok(if is_old && options.check { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn copy_over(options: &Options, from: &Location, to: &Location) -> anyhow::Result<ExitCode> {
    let (Location::File(file), Location::Postgres(url)) = (from, to) else {
        bail!(
            "`migrate --from` copies a SQLite file into PostgreSQL: --from sqlite:PATH, and --to or OC_DATABASE_URL postgres://..."
        );
    };
    let bar = progress::bar("{pos} of {len} rows, copied and compared");
    let shown = bar.clone();
    let copied = copy(file, url, move |done, total| progress::show(&shown, done, total)).await;
    bar.finish_and_clear();
    let copied = copied.map_err(|error| explained(error, "migrate"))?;
    let mut out = std::io::stdout().lock();
    if options.json {
        let line = json!({"rows": copied.rows, "tables": copied.tables, "from": from.to_string(), "to": to.to_string()});
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} rows of {} tables are in {to} now, read again and compared",
        copied.rows, copied.tables
    )?;
    writeln!(
        out,
        "start servers with OC_DATABASE_URL naming it and with the same secret key; {from} is as it was, and no server may run on it any more: it would poll and send once more"
    )?;
    Ok(ExitCode::SUCCESS)
}

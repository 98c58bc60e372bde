//! The command line: what is asked for, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{check, connectors, events, import, poll, serve};
use crate::logs;
use crate::settings::{self, Settings};

/// Polls SaaS providers for changes and delivers each one, signed, to a callback url.
#[derive(Parser)]
#[command(
    name = "oc-server",
    version,
    after_help = "Settings come from flags, then OC_* variables, then oc.toml, then defaults.\n\nExample: OC_ALLOW_NETWORKS=127.0.0.0/8 oc-server serve"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the API, the poller and the dispatcher
    #[command(after_help = "Example: oc-server serve --listen 0.0.0.0:8080 --role api,poll")]
    Serve(serve::Options),
    /// Shows what an instance JSON or a poller configuration would do; talks to nobody
    #[command(
        after_help = "Example: oc-server check instance.json --last-poll 2026-11-24T12:00:00Z"
    )]
    Check(check::Options),
    /// Shows what of another service's instances can be created here; talks to nobody
    #[command(after_help = "Example: oc-server import instances.json --output requests")]
    Import(import::Options),
    /// Polls an instance now and shows the events
    #[command(after_help = "Example: oc-server poll 1 contacts --dry-run")]
    Poll(poll::Options),
    /// Lists, shows, checks and imports connectors
    #[command(after_help = "Example: oc-server connectors show salesloft")]
    Connectors(connectors::Options),
    /// Follows, lists and sends again what a running server has told
    #[command(after_help = "Example: oc-server events tail")]
    Events(events::Options),
}

/// Runs the program. Exit codes: 0 good, 1 it failed, 2 it was asked wrongly.
pub fn run() -> ExitCode {
    let command = Arguments::command().args(settings::arguments());
    let matches = command.get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let settings = match Settings::read(&matches) {
        Ok(settings) => settings,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("error: {fault}"));
            return ExitCode::from(2);
        }
    };
    let asked = arguments.command.unwrap_or(Command::Serve(serve::Options::default()));
    match logs::start(&settings.log, settings.log_format).and_then(|()| start(asked, settings)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command, settings: Settings) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(options) => serve::run(&options, settings).await,
            Command::Check(options) => check::run(&options, &settings),
            Command::Import(options) => import::run(&options, &settings),
            Command::Poll(options) => poll::run(&options, settings).await,
            Command::Connectors(options) => connectors::run(&options, &settings),
            Command::Events(options) => events::run(&options, &settings).await,
        }
    })
}

/// A file on the command line.
pub(crate) type File = PathBuf;

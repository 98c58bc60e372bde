//! The command line: what is asked for, and how it ends.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    audit, backup, check, completions, connectors, events, health, import, manual, migrate, poll,
    rekey, serve, user,
};
use crate::settings::{self, Settings};
use crate::{logs, traces};

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
    /// Adds, lists, rotates and removes users and organizations; with SQLite while no server runs
    #[command(
        after_help = "Example: oc-server user add --organization Acme --email jane@acme.example"
    )]
    User(user::Options),
    /// Lists who changed what in the last 90 days; with SQLite while no server runs
    #[command(after_help = "Example: oc-server audit --since 24h --json")]
    Audit(audit::Options),
    /// Brings the schema of the database up to date; with SQLite while no server runs
    #[command(after_help = "Example: oc-server migrate --check")]
    Migrate(migrate::Options),
    /// Makes a consistent copy of a SQLite file, also while a server runs
    #[command(after_help = "Example: oc-server backup /backups/oc-2026-11-24.db --with-key")]
    Backup(backup::Options),
    /// Changes the secret key: seals every secret anew; while no server runs
    #[command(after_help = "Example: oc-server rekey --new-key-file /run/secrets/oc.key.new")]
    Rekey(rekey::Options),
    /// Asks whether the server on this machine does its work
    #[command(after_help = "Example: oc-server health --listen 127.0.0.1:8080")]
    Health(health::Options),
    /// Prints a completion script for a shell
    #[command(
        after_help = "Example: oc-server completions bash > /etc/bash_completion.d/oc-server"
    )]
    Completions(completions::Options),
    /// Writes the manual pages into a folder, for packages
    #[command(hide = true)]
    Manual(manual::Options),
}

/// Runs the program. Exit codes: 0 good, 1 it failed, 2 it was asked wrongly.
pub fn run() -> ExitCode {
    let command = Arguments::command().args(settings::arguments());
    let matches = command.get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    // What describes the program is wanted however the settings are.
    let described = Arguments::command().args(settings::arguments());
    match &arguments.command {
        Some(Command::Completions(options)) => return ended(completions::run(options, described)),
        Some(Command::Manual(options)) => return ended(manual::run(options, described)),
        _ => {}
    }
    let settings = match Settings::read(&matches) {
        Ok(settings) => settings,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("error: {fault}"));
            return ExitCode::from(2);
        }
    };
    let asked = arguments.command.unwrap_or(Command::Serve(serve::Options::default()));
    ended(start(asked, settings))
}

fn ended(with: anyhow::Result<ExitCode>) -> ExitCode {
    match with {
        Ok(code) => code,
        // Whoever reads, as `head`, has enough.
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// How long threads may take that are still at work when a command has ended.
const LEFT: Duration = Duration::from_secs(1);

fn start(command: Command, settings: Settings) -> anyhow::Result<ExitCode> {
    // Commands end before a trace would be of use.
    let is_server = matches!(command, Command::Serve(_));
    let traces = settings.tracing.as_ref().filter(|_| is_server).map(traces::start).transpose()?;
    let (tracer, exporter) = traces.unzip();
    logs::start(&settings.log, settings.log_format, tracer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match command {
            Command::Serve(options) => serve::run(&options, settings, exporter).await,
            Command::Check(options) => check::run(&options, &settings),
            Command::Import(options) => import::run(&options, &settings),
            Command::Poll(options) => poll::run(&options, settings).await,
            Command::Connectors(options) => connectors::run(&options, &settings),
            Command::Events(options) => events::run(&options, &settings).await,
            Command::User(options) => user::run(&options, &settings).await,
            Command::Audit(options) => audit::run(&options, &settings).await,
            Command::Migrate(options) => migrate::run(&options, &settings).await,
            Command::Backup(options) => backup::run(&options, &settings),
            Command::Rekey(options) => rekey::run(&options, &settings).await,
            Command::Health(options) => health::run(&options, &settings).await,
            // They need no settings and are answered before these are read.
            Command::Completions(_) | Command::Manual(_) => Ok(ExitCode::SUCCESS),
        }
    });
    // What waits for a database that does not answer is waited for no longer: it would be undone.
    runtime.shutdown_timeout(LEFT);
    ended
}

/// A file on the command line.
pub(crate) type File = PathBuf;

//! The simulated Salesloft at work: alone, in a demonstration, or as the other side of benchmarks.

mod bench;
mod demo;
mod run;
mod with_server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A simulated Salesloft and a receiver of notifications.
#[derive(Parser)]
#[command(name = "oc-sim")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run both, for trying the server by hand
    Run(run::Options),
    /// Show events arrive, from the change at the provider to the callback
    Demo(demo::Options),
    /// Measure
    Bench(bench::Options),
    /// Run a command beside a server with instances, and end with its exit code
    WithServer(with_server::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Run(options) => run::run(options).await?,
        Command::Demo(options) => demo::run(options).await?,
        Command::Bench(options) => bench::run(options).await?,
        Command::WithServer(options) => return with_server::run(options).await,
    }
    Ok(ExitCode::SUCCESS)
}

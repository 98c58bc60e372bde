//! The simulated Salesloft at work: alone, in a demonstration, or as the other side of benchmarks.

mod bench;
mod demo;
mod run;

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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(options) => run::run(options).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Bench(options) => bench::run(options).await,
    }
}

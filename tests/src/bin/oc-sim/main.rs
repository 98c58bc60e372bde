//! The simulated Salesloft at work: alone, in a demonstration, or as the other side of benchmarks.

mod bench;
mod compare;
mod demo;
mod run;
mod simulate;
mod with_server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// That of the server: some benchmarks run its parts in here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Measure beside others' tools, and beside the limits of single parts
    Compare(compare::Options),
    /// Send requests as fast as a client can
    #[command(hide = true)]
    Post(compare::PostOptions),
    /// Play seeds of the simulation
    Simulate(simulate::Options),
    /// Run a command beside a server with instances, and end with its exit code
    WithServer(with_server::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        // It has runtimes of its own, one for each process that it simulates.
        Command::Simulate(options) => {
            simulate::run(&options)?;
            Ok(ExitCode::SUCCESS)
        }
        command => serve(command),
    }
}

#[tokio::main]
async fn serve(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(options) => run::run(options).await?,
        Command::Demo(options) => demo::run(options).await?,
        Command::Bench(options) => bench::run(options).await?,
        Command::Compare(options) => compare::run(options).await?,
        Command::Post(options) => compare::post(options).await?,
        Command::Simulate(_) => {}
        Command::WithServer(options) => return with_server::run(options).await,
    }
    Ok(ExitCode::SUCCESS)
}

//! The project's own commands; whatever cargo does by itself is not repeated here.

mod test;

use clap::{Parser, Subcommand};

/// Commands of the Open Connectors workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests
    Test,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test => test::run(),
    }
}

//! The project's own commands; whatever cargo does by itself is not repeated here.

mod compare;
mod dist;
mod fuzz_api;
mod packages;
mod paint;
mod python;
mod screenshots;
mod sim;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use sim::Profile;

/// Commands of the Open Connectors workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests, and `tidy` before them
    Test,
    /// Hold the API to its own description with generated requests; part of `test`
    FuzzApi,
    /// Check layering and files
    Tidy,
    /// Make the pictures of the web page in docs/pictures anew
    Screenshots,
    /// Show events arrive: simulated provider, server, receiver
    #[command(after_help = "Example: cargo xtask demo --keep")]
    Demo {
        /// Leave it running until Ctrl-C
        #[arg(long)]
        keep: bool,
    },
    /// Run the simulated provider and the receiver alone
    #[command(after_help = "Example: cargo xtask sim --people 1000 --change-every 1")]
    Sim {
        /// Options of `oc-sim run`; `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Play seeds of the simulation: changes, faults and crashes around the real code
    #[command(
        after_help = "Example: cargo xtask sim-test --seeds 20000\n         cargo xtask sim-test --from 4711 --seeds 1"
    )]
    SimTest {
        /// How many seeds
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// The first one
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Tell changes over three servers on PostgreSQL that are killed, paused and cut off all the time
    #[command(after_help = "Example: cargo xtask siege --changes 20000 --seed 4711")]
    Siege {
        /// How many changes
        #[arg(long, default_value_t = 100_000)]
        changes: usize,
        /// What befalls the servers, and in which order
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measure: a (scan), b (deliver), c (idle), d (poll that finds nothing), f, i (first paint),
    /// j (PostgreSQL); e, g and h have to be asked for
    #[command(after_help = "Example: cargo xtask bench a d")]
    Bench {
        /// Only these
        only: Vec<String>,
    },
    /// Measure beside dlt, airbyte-cdk and singer-sdk, and beside the limits of single parts
    #[command(after_help = "Example: cargo xtask compare tools scan --people 20000")]
    Compare {
        /// tools, scan, deliver, commit; options of `oc-sim compare`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Pack a static binary: a tarball, a Debian package and their checksums
    #[command(
        after_help = "Example: cargo xtask dist\n         cargo xtask dist --check-reproducible"
    )]
    Dist(dist::Options),
}

fn main() -> anyhow::Result<()> {
    let with = |command: &str, options: Vec<String>| {
        std::iter::once(command.to_owned()).chain(options).collect::<Vec<_>>()
    };
    match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Tidy => tidy::run(),
        Command::Screenshots => screenshots::run(),
        Command::FuzzApi => fuzz_api::run(),
        Command::Demo { keep } => {
            let options = if keep { vec!["--keep".to_owned()] } else { vec![] };
            sim::run(Profile::Dev, &with("demo", options))
        }
        Command::Sim { options } => sim::run(Profile::Dev, &with("run", options)),
        Command::SimTest { seeds, from } => {
            let options = vec![format!("--seeds={seeds}"), format!("--from={from}")];
            sim::run(Profile::Release, &with("simulate", options))
        }
        Command::Compare { options } => compare::run(&options),
        Command::Siege { changes, seed } => test::siege(changes, seed),
        Command::Dist(options) => dist::run(&options),
        Command::Bench { only } => bench(only, with),
    }
}

/// All measurements, or those that are named; that of the web page needs a browser.
fn bench(only: Vec<String>, with: impl Fn(&str, Vec<String>) -> Vec<String>) -> anyhow::Result<()> {
    let is_all = only.is_empty();
    let (paint, others): (Vec<_>, Vec<_>) = only.into_iter().partition(|name| name == "i");
    if is_all || !others.is_empty() {
        sim::run(Profile::Release, &with("bench", others))?;
    }
    if is_all || !paint.is_empty() { paint::run() } else { Ok(()) }
}

/// The cargo that runs this.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

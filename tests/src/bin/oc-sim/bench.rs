//! `bench`: what polling, delivery and idling cost, measured from outside on the real binary.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

mod backlog;
pub(crate) mod deliver;
mod idle;
mod inside;
mod isolation;
pub(crate) mod measure;
mod million;
mod scale;
pub(crate) mod scan;
mod shared;

use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// Only these: a (scan), b (deliver), c (idle), d (poll that finds nothing), e (a million people;
    /// takes 8 GB of memory for the provider), f (dead and slow destinations), g (a backlog of a million
    /// notifications), h (100,000 instances; half an hour), j (polls and deliveries on PostgreSQL); e, g
    /// and h have to be asked for
    #[arg(value_parser = ["a", "b", "c", "d", "e", "f", "g", "h", "j"])]
    only: Vec<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|one| one == name);
    println!("The server's own CPU time and memory, from /proc; {} cores", measure::cores());
    if wanted("a") {
        scan::run().await?;
    }
    if wanted("b") {
        deliver::run().await?;
    }
    if wanted("c") {
        idle::many().await?;
    }
    if wanted("d") {
        idle::nothing().await?;
    }
    if options.only.iter().any(|one| one == "e") {
        million::run().await?;
    }
    if wanted("f") {
        isolation::run().await?;
    }
    if options.only.iter().any(|one| one == "g") {
        backlog::run().await?;
    }
    if options.only.iter().any(|one| one == "h") {
        scale::run().await?;
    }
    if wanted("j") {
        shared::run().await?;
    }
    Ok(())
}

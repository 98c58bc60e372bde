//! `compare`: the server beside others' tools and beside the limits of its parts, in one run on one machine.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

mod commit;
mod parse;
mod post;
mod tool;

use std::path::PathBuf;

use clap::Args;
use oc_tests::{Options as ServerOptions, Salesloft, Server};

use crate::bench::measure::{self, Cost};
use crate::bench::{deliver, scan};
pub(crate) use post::Options as PostOptions;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder with a Python environment for each tool
    #[arg(long)]
    tools: PathBuf,
    /// How many people are read
    #[arg(long, default_value_t = 100_000)]
    people: u32,
    /// Only these: tools, scan, deliver, commit
    #[arg(value_parser = ["tools", "scan", "deliver", "commit"])]
    only: Vec<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|one| one == name);
    println!("{} cores; times of programs are their own, from /proc", measure::cores());
    // First, while the heap is small: it has to hold all people afterwards.
    if wanted("scan") {
        parse::run()?;
    }
    if wanted("tools") {
        tools(&options).await?;
    }
    if wanted("deliver") {
        deliveries().await?;
    }
    if wanted("commit") {
        commit::run().await?;
    }
    Ok(())
}

/// Sends requests and does nothing else; what the deliveries are measured by.
pub(crate) async fn post(options: PostOptions) -> anyhow::Result<()> {
    post::run(options).await
}

/// Reading the same people from the same provider.
async fn tools(options: &Options) -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    let bytes = scan::fill(&salesloft, options.people);
    println!("\n{} people of {bytes} bytes, 100 a page", options.people);
    println!("| who | records per CPU second | per second | peak MB |\n| --- | --- | --- | --- |");
    // The harness lifts the provider's rate limit, for whoever reads.
    drop(Server::start(&salesloft, ServerOptions::default().role("api")).await?);
    let mut others = Vec::new();
    for tool in tool::TOOLS {
        let (version, cost) = tool.read(&options.tools, &salesloft.api(), options.people).await?;
        row(&format!("{} ({version}), reading only", tool.name), &cost);
        others.push((tool.name, cost));
    }
    let ours = scan::costs(&salesloft, options.people).await?;
    for (what, cost) in &ours {
        row(&format!("Open Connectors, {what}"), cost);
    }
    println!("\nTimes as many records per CPU second:");
    for (what, cost) in &ours {
        for (name, other) in &others {
            println!("- {what}: {:.1} × {name}", cost.per_cpu_second() / other.per_cpu_second());
        }
    }
    Ok(())
}

fn row(who: &str, cost: &Cost) {
    println!(
        "| {who} | {:.0} | {:.0} | {:.0} |",
        cost.per_cpu_second(),
        cost.per_second(),
        cost.peak
    );
}

/// As many as the dispatcher sends to one destination in the measurement.
const AT_A_TIME: usize = 64;

/// The dispatcher beside a client that has nothing to look up, to sign or to record.
async fn deliveries() -> anyhow::Result<()> {
    let sink = deliver::Sink::start().await?;
    let ours = deliver::cost(1, &sink).await?;
    let bytes = sink.mean_bytes();
    let in_a_loop = post::cost(sink.port, ours.count, bytes, 1).await?;
    let at_once = post::cost(sink.port, ours.count, bytes, AT_A_TIME).await?;
    println!("\n{:.0} notifications of {bytes} bytes to one destination", ours.count);
    println!("| who | per CPU second | per second | peak MB |\n| --- | --- | --- | --- |");
    row("a bare hyper client in a loop", &in_a_loop);
    row(&format!("{AT_A_TIME} such loops at once"), &at_once);
    row("Open Connectors, durable, in order, signed", &ours);
    for (what, bare) in [("A loop", in_a_loop), ("So many loops", at_once)] {
        println!(
            "\n{what}: {:.2} times as many a second, {:.2} times as many a CPU second",
            bare.per_second() / ours.per_second(),
            bare.per_cpu_second() / ours.per_cpu_second()
        );
    }
    Ok(())
}

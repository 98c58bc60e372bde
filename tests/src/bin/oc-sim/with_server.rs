//! `with-server`: a server, a simulated provider and two instances, for as long as a command runs.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use oc_tests::salesloft::World;
use oc_tests::{Options as ServerOptions, Receiver, Salesloft, Server};
use serde_json::json;
use tokio::process::Command;

#[derive(Args)]
pub(crate) struct Options {
    /// The command; `{url}`, `{platform}` and `{element}` in it stand for the server's url and for
    /// values of `Authorization`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let (salesloft, receiver) = (Salesloft::start().await?, Receiver::start().await?);
    // Whoever tries everything fails often.
    let patient = ServerOptions::default().with("OC_API_FAILURE_RATE", "0");
    let server = Server::start(&salesloft, patient).await?;
    salesloft.change(|world, now| {
        for at in 0..30 {
            world.add_person(now + at);
        }
    });
    let hourly = json!({"event.poller.refresh_interval": 60});
    let instance = server.create(&salesloft, &receiver.url("hook"), &hourly).await?;
    // One that is there when the other was deleted, with something to tell.
    server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    salesloft.change(World::add_person);
    receiver.until("an event", |receiver| !receiver.told().is_empty()).await?;
    let platform = server.api.platform();
    let element = format!("{platform}, Element {}", instance.token);
    let filled = options.command.iter().map(|word| {
        word.replace("{url}", server.api.url())
            .replace("{platform}", &platform)
            .replace("{element}", &element)
    });
    let words: Vec<String> = filled.collect();
    let (program, arguments) = words.split_first().context("a command was expected")?;
    let status = Command::new(program).args(arguments).status().await;
    let status = status.with_context(|| program.clone())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

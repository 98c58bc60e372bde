//! The simulated Salesloft and a receiver, alone: for trying the server by hand.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use oc_tests::{Receiver, Salesloft};

/// Runs a simulated Salesloft and a receiver that prints what it gets.
#[derive(Parser)]
struct Arguments {
    /// Where the provider listens
    #[arg(long, default_value = "127.0.0.1:9080")]
    provider: SocketAddr,
    /// Where the receiver listens
    #[arg(long, default_value = "127.0.0.1:9081")]
    receiver: SocketAddr,
    /// How many people there are at the start
    #[arg(long, default_value_t = 100)]
    people: u64,
    /// Change somebody every so many seconds; 0 never does
    #[arg(long, default_value_t = 5)]
    change_every: u64,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program for a terminal")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let salesloft = Salesloft::start_at(arguments.provider).await?;
    let receiver = Receiver::start_at(arguments.receiver).await?;
    salesloft.change(|world, now| {
        for back in (0..arguments.people.cast_signed()).rev() {
            world.add_person(now - 3_600_000_000 - back * 1_000_000);
        }
    });
    println!("Provider   base.url                = {}", salesloft.api());
    println!("           oauth.token.url         = {}", salesloft.token_url());
    println!("           oauth.authorization.url = {}", salesloft.authorize_url());
    println!("           a code for providerData = {}", salesloft.code());
    println!("Receiver   event.notification.callback.url = {}", receiver.url("hook"));
    let mut shown = 0;
    let mut ticks = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        ticks += 1;
        if arguments.change_every > 0 && ticks % arguments.change_every == 0 {
            salesloft.change(|world, now| {
                let ids = world.ids("people");
                if let Some(id) = ids.get(rand::random_range(0..ids.len().max(1))) {
                    world.touch_person(*id, now);
                    println!("person {id} changed");
                }
            });
        }
        let deliveries = receiver.deliveries();
        for delivery in &deliveries[shown..] {
            println!("notification {} {}", delivery.id, delivery.body["message"]["events"]);
        }
        shown = deliveries.len();
    }
}

//! `run`: provider and receiver, alone.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use oc_tests::{Receiver, Salesloft};

#[derive(Args)]
pub(crate) struct Options {
    /// Where the provider listens
    #[arg(long, default_value = "127.0.0.1:9080")]
    provider: SocketAddr,
    /// Where the receiver listens
    #[arg(long, default_value = "127.0.0.1:9081")]
    receiver: SocketAddr,
    /// How many people there are at the start
    #[arg(long, default_value_t = 100)]
    people: i64,
    /// Change somebody every so many seconds; 0 never does
    #[arg(long, default_value_t = 5)]
    change_every: u64,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let salesloft = Salesloft::start_at(options.provider).await?;
    let receiver = Receiver::start_at(options.receiver).await?;
    salesloft.change(|world, now| {
        for back in (0..options.people).rev() {
            world.add_person(now - 3_600_000_000 - back * 1_000_000);
        }
    });
    println!("Provider   base.url                = {}", salesloft.api());
    println!("           oauth.token.url         = {}", salesloft.token_url());
    println!("           oauth.authorization.url = {}", salesloft.authorize_url());
    println!("           a code for providerData = {} (good once)", salesloft.code());
    println!("Receiver   event.notification.callback.url = {}", receiver.url("hook"));
    println!(
        "Change somebody: curl -X PUT {}/people/1 -H 'Authorization: Bearer v2_ak_any' \\",
        salesloft.api()
    );
    println!("                   -H 'Content-Type: application/json' -d '{{\"title\": \"New\"}}'");
    let (mut shown, mut seconds) = (0, 0);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
        if options.change_every > 0 && seconds % options.change_every == 0 {
            change_somebody(&salesloft);
        }
        let deliveries = receiver.deliveries();
        for delivery in &deliveries[shown..] {
            println!("notification {} {}", delivery.id, delivery.body["message"]["events"]);
        }
        shown = deliveries.len();
    }
}

fn change_somebody(salesloft: &Salesloft) {
    salesloft.change(|world, now| {
        let ids = world.ids("people");
        if let Some(id) = ids.get(rand::random_range(0..ids.len().max(1))) {
            world.touch_person(*id, now);
            println!("person {id} changed");
        }
    });
}

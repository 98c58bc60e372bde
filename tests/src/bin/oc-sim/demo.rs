//! `demo`: the main job once through, on free ports and a temporary database.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::time::Duration;

use clap::Args;
use oc_tests::receiver::Delivery;
use oc_tests::salesloft::World;
use oc_tests::server::body;
use oc_tests::{Instance, Options as ServerOptions, Receiver, Salesloft, Server};
use serde_json::{Value, json};

#[derive(Args)]
pub(crate) struct Options {
    /// Leave it running until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    step("Starting a simulated Salesloft, a receiver, and oc-server on a new SQLite file");
    let options_of_server = ServerOptions::default().with("OC_MIN_REFRESH_INTERVAL", "1s");
    let (salesloft, receiver, server) = Server::house(options_of_server).await?;
    println!("   Salesloft  {}", salesloft.api());
    println!("   Receiver   {}", receiver.url("hook"));
    println!("   oc-server  {}   (database in {})", server.api.url(), server.folder().display());
    salesloft.change(|world, now| {
        for back in (1..=40).rev() {
            world.add_person(now - back * 60_000_000);
        }
    });

    step("Creating a connector instance with the documented body: POST /elements/api-v2/instances");
    let minutes = json!({"event.poller.refresh_interval": "0.02"});
    let request = body(&salesloft, &receiver.url("hook"), &minutes);
    println!("{}", indented(&request)?);
    let reply = server.api.post("/instances", &request).await?;
    anyhow::ensure!(reply.status == 200, "{}: {}", reply.status, reply.text);
    let instance = Instance::read(&reply.body)?;
    println!(
        "   200: instance {}, valid: {}; its 40 people are there already, so that nothing is sent",
        instance.id, reply.body["valid"]
    );

    let mut shown = 0;
    step("Three people are added at Salesloft");
    salesloft.change(|world, now| (0..3).map(|at| world.add_person(now + at)).max());
    show(&receiver, &mut shown, 3).await?;
    step("One of them, and one of the old ones, change");
    salesloft.change(|world, now| {
        world.touch_person(3, now);
        world.touch_person(41, now + 1);
    });
    show(&receiver, &mut shown, 5).await?;
    step("Twelve people change at once: at most ten events a notification");
    salesloft.change(|world, now| {
        (0..12).for_each(|at| world.touch_person(5 + at, now + at.cast_signed()));
    });
    show(&receiver, &mut shown, 17).await?;
    step("The receiver answers 503 for a moment; the notification is sent again, with the same id");
    receiver.answer_next([oc_tests::Answer::Status(503)]);
    println!("   (the retry schedule begins with 8 s; a moment, please)");
    salesloft.change(World::add_person);
    show(&receiver, &mut shown, 18).await?;

    anyhow::ensure!(receiver.faults().is_empty(), "the receiver found: {:?}", receiver.faults());
    step("Done: 18 changes, 18 events, every signature right");
    println!("   What to try next:");
    println!("     cargo xtask demo --keep         the same, and it stays for you to play with");
    println!("     cargo xtask sim                 only the simulated provider and the receiver");
    println!("     cargo run --release -p oc-server -- --help");
    println!("     docs/operations.md, docs/migrating.md");
    if options.keep {
        keep(&salesloft, &receiver, &server, &instance, shown).await?;
    }
    Ok(())
}

async fn keep(
    salesloft: &Salesloft,
    receiver: &Receiver,
    server: &Server,
    instance: &Instance,
    mut shown: usize,
) -> anyhow::Result<()> {
    let url = server.api.url();
    step("It stays until Ctrl-C; somebody changes every five seconds");
    println!("   export AUTH='{}'", server.api.platform());
    println!("   curl -H \"Authorization: $AUTH\" {url}/elements/api-v2/instances/{}", instance.id);
    println!(
        "   curl -H \"Authorization: $AUTH\" {url}/elements/api-v2/instances/{}/event-poller-records",
        instance.id
    );
    println!(
        "   curl -H 'Authorization: User user-s3cret, Element {}' '{url}/elements/api-v2/hubs/crm/contacts?pageSize=2'",
        instance.token
    );
    println!(
        "   curl -X PUT {}/people/1 -H 'Authorization: Bearer v2_ak_any' -H 'Content-Type: application/json' -d '{{\"title\": \"New\"}}'",
        salesloft.api()
    );
    println!("   curl {url}/metrics");
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
        salesloft.change(|world, now| world.touch_person(1 + rand::random_range(0..40), now));
        let deliveries = receiver.deliveries();
        deliveries[shown..].iter().for_each(print);
        shown = deliveries.len();
    }
}

/// Prints what comes until so many events have been accepted.
async fn show(receiver: &Receiver, shown: &mut usize, events: usize) -> anyhow::Result<()> {
    receiver.until("the events", |receiver| receiver.told().len() >= events).await?;
    let deliveries = receiver.deliveries();
    deliveries[*shown..].iter().for_each(print);
    *shown = deliveries.len();
    Ok(())
}

fn print(delivery: &Delivery) {
    let header = |name: &str| {
        delivery.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned()
    };
    println!(
        "   notification {}  attempt {}  answered {}  {}",
        delivery.id,
        header("elements-delivery-attempt"),
        delivery.answered,
        header("elements-webhook-signature"),
    );
    for told in &delivery.told {
        println!("     {:7}  contacts {:>3}  updated_at {}", told.kind, told.object, told.updated);
    }
}

fn step(title: &str) {
    println!("\n== {title}");
}

fn indented(value: &Value) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n"))
}

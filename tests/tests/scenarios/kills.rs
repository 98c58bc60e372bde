//! SIGKILL at any moment: nothing is lost, and every repeat carries the same id.

use oc_tests::receiver::repeats;
use oc_tests::{Options, Receiver, Salesloft};

use crate::story::{check_story, house, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing_and_repeat_only_with_the_same_ids() -> anyhow::Result<()> {
    let (salesloft, receiver, mut server, _) = house(Options::default()).await?;
    let ids: Vec<u64> =
        salesloft.change(|world, now| (0..300).map(|_| world.add_person(now)).collect());
    for _ in 0..100 {
        salesloft.change(|world, now| {
            for _ in 0..40 {
                world.touch_person(ids[rand::random_range(0..ids.len())], now);
            }
        });
        let (asked, delivered) = seen(&salesloft, &receiver);
        let more = rand::random_range(0..12);
        let enough = |receiver: &Receiver| {
            let (asked_now, delivered_now) = seen(&salesloft, receiver);
            asked_now + delivered_now >= asked + delivered + more
        };
        // After so many requests and deliveries, whichever they are, in the middle of whatever
        // comes next: nothing may depend on the moment.
        receiver.until(&format!("{more} more requests or deliveries"), enough).await?;
        server.kill().await?;
        server.start_again().await?;
    }
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    let counts = repeats(&receiver.deliveries());
    let repeated = counts.values().filter(|count| **count > 1).count();
    println!("{} notifications, {repeated} of them repeated after a kill", counts.len());
    Ok(())
}

/// Requests that reached the provider, and notifications that reached the receiver.
fn seen(salesloft: &Salesloft, receiver: &Receiver) -> (usize, usize) {
    (salesloft.with(|provider| provider.asked.len()), receiver.deliveries().len())
}

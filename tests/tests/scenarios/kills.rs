//! SIGKILL at any moment: nothing is lost, and every repeat carries the same id.

use std::time::Duration;

use oc_tests::Options;
use oc_tests::receiver::repeats;

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
        // The moment is random; whether polling or delivering, nothing may depend on it.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..250))).await;
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

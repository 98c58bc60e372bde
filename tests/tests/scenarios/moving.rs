//! Ten thousand rows that move and vanish while they are paged: none is lost, none told twice.

use oc_tests::salesloft::{Meanwhile, World};
use oc_tests::{Options, Receiver, Salesloft};

use crate::story::{check_story, house, until_told};

const ROWS: i64 = 10_000;
/// More than one reading of all rows takes.
const REQUESTS: usize = 130;

/// What happens before each request for as long as there are some left.
fn before_each(
    salesloft: &Salesloft,
    mut change: impl FnMut(&mut World, i64) + Send + 'static,
) -> Meanwhile {
    let (mut at, mut left) = (salesloft.with(|provider| provider.now()), REQUESTS);
    Box::new(move |world| {
        if left > 0 {
            left -= 1;
            at += 1_000;
            change(world, at);
        }
    })
}

/// Rows that appear at once while somebody polls, and change with each request from then on.
async fn rows_that_move(
    change: impl FnMut(&mut World, i64) + Send + 'static,
) -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    let meanwhile = before_each(&salesloft, change);
    let before = salesloft.with(|provider| {
        let now = provider.now();
        for number in 0..ROWS {
            provider.world.add_person(now - ROWS + number);
        }
        provider.meanwhile = Some(meanwhile);
        provider.asked.len()
    });
    let calm =
        |_: &Receiver| salesloft.with(|provider| provider.asked.len() > before + REQUESTS + 1);
    receiver.until("the rows to come to rest", calm).await?;
    // Ten events a notification; each part may take its minute on a busy machine.
    for part in 1..=9 {
        let enough = |receiver: &Receiver| receiver.count() >= part * 100;
        receiver.until(&format!("{} notifications", part * 100), enough).await?;
    }
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

/// A row that has not been removed.
fn any_row(world: &World) -> u64 {
    loop {
        let id = rand::random_range(1..=ROWS.cast_unsigned());
        if world.has(id) {
            return id;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_update_for_each_request_loses_no_row() -> anyhow::Result<()> {
    rows_that_move(|world, at| world.touch_person(any_row(world), at)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_updates_and_a_removal_for_each_request_lose_no_row() -> anyhow::Result<()> {
    rows_that_move(|world, at| {
        for _ in 0..5 {
            world.touch_person(any_row(world), at);
        }
        world.delete_person(any_row(world));
    })
    .await
}

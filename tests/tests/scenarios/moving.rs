//! Ten thousand rows that move and vanish while they are paged: none is lost, none told twice.

use anyhow::Context as _;
use oc_tests::salesloft::{Meanwhile, World};
use oc_tests::{Options, Receiver};

use crate::story::{check_story, house, until_told};

const ROWS: i64 = 10_000;
/// More than one reading of all rows takes.
const REQUESTS: usize = 130;

/// What happens before each request for as long as there are some left, at instants after `at`.
fn before_each(mut at: i64, mut change: impl FnMut(&mut World, i64) + Send + 'static) -> Meanwhile {
    let mut left = REQUESTS;
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
    let (salesloft, receiver, server, _) = house(Options::default()).await?;
    let before = salesloft.with(|provider| {
        // From now on and not up to now: what is older than the instance is not told.
        let now = provider.now();
        for number in 0..ROWS {
            provider.world.add_person(now + number);
        }
        provider.meanwhile = Some(before_each(now + ROWS, change));
        provider.asked.len()
    });
    let calm =
        |_: &Receiver| salesloft.with(|provider| provider.asked.len() > before + REQUESTS + 1);
    receiver.until("the rows to come to rest", calm).await?;
    until_told(&receiver, &salesloft, 0).await.with_context(|| server.log())?;
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

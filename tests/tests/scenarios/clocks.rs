//! Clocks that jump and dates in many zones: nothing is lost, and nothing told twice.

use oc_tests::{Options, Receiver, Salesloft};

use crate::story::{check_story, house, until_told};

const HOUR: i64 = 3_600_000_000;

/// People appear and change, and are told once each; a few polls later still only once.
async fn changes_are_told(receiver: &Receiver, salesloft: &Salesloft) -> anyhow::Result<()> {
    let added = salesloft.change(|world, now| [(); 3].map(|()| world.add_person(now)));
    until_told(receiver, salesloft, 0).await?;
    salesloft.change(|world, now| {
        for id in added {
            world.touch_person(id, now);
        }
    });
    until_told(receiver, salesloft, 0).await?;
    let asked = salesloft.with(|provider| provider.asked.len());
    let polled = |_: &Receiver| salesloft.with(|provider| provider.asked.len() > asked + 2);
    receiver.until("two more polls", polled).await?;
    check_story(receiver, salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_whose_clock_jumps_ahead_by_hours_and_comes_back_loses_and_repeats_nothing()
-> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    changes_are_told(&receiver, &salesloft).await?;
    for offset in [3 * HOUR, 0, 5 * HOUR, HOUR, 0] {
        salesloft.with(|provider| provider.clock_offset = offset);
        changes_are_told(&receiver, &salesloft).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_was_behind_by_hours_and_is_set_right_loses_and_repeats_nothing()
-> anyhow::Result<()> {
    let (salesloft, receiver, server) = oc_tests::Server::house(Options::default()).await?;
    salesloft.with(|provider| provider.clock_offset = -4 * HOUR);
    server.create(&salesloft, &receiver.url("hook"), &serde_json::json!({})).await?;
    changes_are_told(&receiver, &salesloft).await?;
    for offset in [-2 * HOUR, 0, 2 * HOUR] {
        salesloft.with(|provider| provider.clock_offset = offset);
        changes_are_told(&receiver, &salesloft).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_may_show_its_dates_with_many_offsets() -> anyhow::Result<()> {
    let (salesloft, receiver, _server, _) = house(Options::default()).await?;
    salesloft.with(|provider| {
        provider.world.zones = vec!["Etc/GMT+5", "Etc/GMT+4", "Asia/Kolkata", "UTC"];
    });
    salesloft.change(|world, now| {
        for number in 0..250 {
            world.add_person(now + number);
        }
    });
    changes_are_told(&receiver, &salesloft).await?;
    for _ in 0..5 {
        salesloft.change(|world, now| {
            for id in world.ids("people").into_iter().step_by(3) {
                world.touch_person(id, now);
            }
        });
        changes_are_told(&receiver, &salesloft).await?;
    }
    for offset in ["-05:00", "-04:00", "+05:30", "Z"] {
        assert!(receiver.told().iter().any(|told| told.updated.ends_with(offset)), "{offset}");
    }
    Ok(())
}

//! How soon each page is painted, and what comes for it: `cargo xtask bench i` prints it, over a
//! store as large as a busy one.

use std::time::Duration;

use oc_tests::Options;
use serde_json::{Value as Json, json};

use crate::browser::Browser;
use crate::house::House;
use crate::pages::{newest, pages};

/// The most bytes that come for a page to a browser that has nothing of it yet.
const HEAVIEST: u64 = 200_000;
/// Visits of which the middle one is told.
const VISITS: usize = 7;

const PAINTED: &str = "
const painted = performance.getEntriesByName('first-contentful-paint')[0];
if (!painted) return null;
const entries = performance.getEntriesByType('navigation')
  .concat(performance.getEntriesByType('resource'));
return {
  milliseconds: painted.startTime,
  bytes: entries.reduce((sum, one) => sum + one.transferSize, 0),
};";

/// What stands in the store.
struct Size {
    people: usize,
    instances: usize,
}

#[tokio::test]
async fn what_comes_for_a_page_is_little() {
    let is_bench = std::env::var_os("OC_PAINT").is_some();
    let size = if is_bench {
        Size { people: 100_000, instances: 200 }
    } else {
        Size { people: 60, instances: 2 }
    };
    let house = House::with(Options::default()).await.unwrap();
    let instance = filled(&house, &size).await.unwrap();
    let event = newest(&house).await.unwrap();
    house.browser.sign_in().await.unwrap();
    if is_bench {
        println!(
            "| page | empty cache, ms | bytes | again, ms | bytes |\n| --- | --- | --- | --- | --- |"
        );
    }
    for (name, path, shown) in pages(instance, &event) {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..if is_bench { VISITS } else { 1 } {
            house.browser.forget_files().await.unwrap();
            for visits in [&mut first, &mut again] {
                visits.push(visit(&house.browser, &path, shown).await.unwrap());
            }
        }
        let heaviest = first.iter().chain(&again).map(|(_, bytes)| *bytes).max();
        assert!(heaviest.is_some_and(|bytes| bytes <= HEAVIEST), "{name}: {heaviest:?} bytes");
        if is_bench {
            let [first, again] = [first, again].map(middle);
            println!("| {name} | {:.0} | {} | {:.0} | {} |", first.0, first.1, again.0, again.1);
        }
    }
    house.browser.close().await.unwrap();
}

/// Everybody was told, and there are other instances which rest.
async fn filled(house: &House, size: &Size) -> anyhow::Result<i64> {
    let busy = house.telling("Sales of Example").await?;
    let rests = json!({"event.notification.enabled": false});
    for at in 1..size.instances {
        house.instance_with(&format!("Account {at}"), &json!(["Docs", "Sales"]), &rests).await?;
    }
    house.salesloft.change(|world, now| {
        for _ in 0..size.people {
            world.add_person(now);
        }
    });
    // A busy machine needs longer than other tests have to wait.
    for _ in 0..1_200 {
        if house.receiver.told().len() >= size.people {
            return Ok(busy.id);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("{} of {} were told", house.receiver.told().len(), size.people)
}

/// Opens a page; tells after how many milliseconds something was painted, and what had come.
async fn visit(browser: &Browser, path: &str, shown: &str) -> anyhow::Result<(f64, u64)> {
    browser.go(path).await?;
    browser.see(shown).await?;
    for _ in 0..600 {
        let painted = browser.run(PAINTED).await?;
        if painted != Json::Null {
            let milliseconds = painted["milliseconds"].as_f64().unwrap_or_default();
            return Ok((milliseconds, painted["bytes"].as_u64().unwrap_or_default()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("{path} is not painted")
}

fn middle(mut visits: Vec<(f64, u64)>) -> (f64, u64) {
    visits.sort_by(|one, other| one.0.total_cmp(&other.0));
    visits[visits.len() / 2]
}

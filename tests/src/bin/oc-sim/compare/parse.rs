//! The limit of reading: a parser that only checks the same bytes, and picks nothing out of them.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::hint::black_box;

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use oc_config::FieldPath;
use oc_hub::{Page, PageForm, Picker};
use oc_tests::salesloft::World;
use rustix::time::{ClockId, clock_gettime};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const ROUNDS: u32 = 3_000;

pub(super) fn run() -> anyhow::Result<()> {
    let body = page()?;
    let field = |name: &str| FieldPath::parse(name).map_err(|fault| anyhow!("{fault:?}"));
    let (items, next) = (field("data")?, field("metadata.paging.next_page")?);
    let fields =
        Picker::new([Some(field("id")?), Some(field("updated_at")?), Some(field("created_at")?)]);
    let form =
        PageForm { items: &items, fields: &fields, next: Some(&next), echo: None, total: None };
    ensure!(Page::parse(body.clone(), &form)?.len() == 100, "the page has not 100 records");
    println!("\nA page of {} bytes with 100 records, one thread's CPU time", body.len());
    println!("| who | GB per second | µs a page |\n| --- | --- | --- |");
    let ours =
        timed("the scan: checked, cut into records, ids and dates picked", body.len(), || {
            Page::parse(black_box(body.clone()), &form).is_ok()
        })?;
    let limit = timed("sonic-rs, checking only", body.len(), || {
        sonic_rs::from_slice::<sonic_rs::LazyValue<'_>>(black_box(&body)).is_ok()
    })?;
    timed("sonic-rs, its own tree of values", body.len(), || {
        sonic_rs::from_slice::<sonic_rs::Value>(black_box(&body)).is_ok()
    })?;
    timed("serde_json, checking only", body.len(), || {
        serde_json::from_slice::<IgnoredAny>(black_box(&body)).is_ok()
    })?;
    timed("serde_json, its tree of values", body.len(), || {
        serde_json::from_slice::<Value>(black_box(&body)).is_ok()
    })?;
    println!("\nThe limit is {:.2} times as fast", ours / limit);
    Ok(())
}

/// Seconds a page, on this thread's own clock, so that other programs do not count.
fn timed(who: &str, bytes: usize, mut parse: impl FnMut() -> bool) -> anyhow::Result<f64> {
    let mut is_good = true;
    for _ in 0..ROUNDS / 10 {
        is_good &= parse();
    }
    let before = cpu();
    for _ in 0..ROUNDS {
        is_good &= parse();
    }
    let each = (cpu() - before) / f64::from(ROUNDS);
    ensure!(is_good, "{who} refuses the page");
    #[expect(clippy::cast_precision_loss, reason = "a page")]
    let gigabytes = bytes as f64 / each / 1e9;
    println!("| {who} | {gigabytes:.2} | {:.0} |", each * 1e6);
    Ok(each)
}

fn cpu() -> f64 {
    let at = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of one run")]
    let seconds = at.tv_sec as f64 + at.tv_nsec as f64 / 1e9;
    seconds
}

/// An answer as the simulated provider gives it.
fn page() -> anyhow::Result<Bytes> {
    let mut world = World::default();
    world.padding = 430;
    let mut people = Vec::new();
    for at in 0..100 {
        let id = world.add_person(1_700_000_000_000_000 + at);
        people.push(serde_json::from_str::<Value>(world.shown("people", id).context("a person")?)?);
    }
    let paging = json!({"per_page": 100, "current_page": 1, "next_page": 2});
    let answer = json!({"metadata": {"filtering": {}, "paging": paging}, "data": people});
    Ok(Bytes::from(answer.to_string()))
}

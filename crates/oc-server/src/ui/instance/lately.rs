//! The last hour of an instance, or of all: events and attempts to deliver them, minute by minute.

use maud::{Markup, html};
use serde::Deserialize;

use crate::api::Refused;
use crate::ui::chart::{Bar, Chart};
use crate::ui::visitor::Visitor;

/// The events of a minute.
#[derive(Deserialize)]
struct Minute {
    timestamp: String,
    records: Vec<Count>,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
    success: u64,
    failed: u64,
}

/// The attempts of a minute.
#[derive(Deserialize)]
struct Attempts {
    timestamp: String,
    attempts: u64,
    latency: u64,
}

/// The charts of an instance by its place in the API, or of all by that of all.
pub(in crate::ui) async fn charts(visitor: &Visitor, of: &str) -> Result<Markup, Refused> {
    let analytics = format!("{of}/events/analytics");
    let events: Vec<Minute> = visitor.api.read(&format!("{analytics}/instances")).await?;
    let attempts: Vec<Attempts> = visitor.api.read(&format!("{analytics}/attempts")).await?;
    let events = Chart {
        title: "Events by minute",
        unit: "events",
        kinds: &[("good", "arrived"), ("bad", "failed"), ("idle", "not sent yet")],
        bars: events.into_iter().map(Bar::from).collect(),
    };
    let latency = Chart {
        title: "How long receivers take",
        unit: "ms",
        kinds: &[("plain", "ms on the average")],
        bars: attempts.into_iter().map(Bar::from).collect(),
    };
    Ok(html! { div.charts { (events.show()) (latency.show()) } })
}

impl From<Minute> for Bar {
    fn from(minute: Minute) -> Self {
        let sum = |of: fn(&Count) -> u64| minute.records.iter().map(of).sum();
        let (all, arrived, failed): (u64, u64, u64) =
            (sum(|one| one.count), sum(|one| one.success), sum(|one| one.failed));
        let pieces = vec![arrived, failed, all.saturating_sub(arrived + failed)];
        Self { at: minute.timestamp, pieces }
    }
}

impl From<Attempts> for Bar {
    fn from(minute: Attempts) -> Self {
        // Less than a millisecond is to be seen, too.
        let latency = if minute.attempts == 0 { 0 } else { minute.latency.max(1) };
        Self { at: minute.timestamp, pieces: vec![latency] }
    }
}

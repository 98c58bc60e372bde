//! How many events there were (notifications.md, "Audit").

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use oc_config::Timestamp;
use oc_store::{Buckets, EventCount, EventScope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Caller, Scope};
use super::calls::{Call, Calls, Wants};
use super::error::ApiError;
use super::paging::instant;
use super::query::Parameters;
use crate::app::App;

/// The most buckets of an answer: a day by the minute, and some.
const MOST_BUCKETS: i64 = 1_500;
/// The most records in all buckets together.
const MOST_RECORDS: usize = 100_000;

pub(super) fn calls() -> Calls {
    let call = |summary, wants| Call::new("events", summary, wants).query::<Asked>();
    let instance = |summary| call(summary, Wants::Instance);
    Calls::new()
        .aimed(&Method::GET, "/events/analytics", totals, || {
            instance("Events by time").answers::<Vec<Total>>()
        })
        .aimed(&Method::GET, "/events/analytics/instances", by_instance, || {
            instance("Events by time and instance").answers::<Vec<Counts>>()
        })
        .aimed(&Method::GET, "/events/analytics/attempts", attempts, || {
            instance("Attempts to deliver, by the time at which their events were found")
                .answers::<Vec<Attempts>>()
        })
        .on(
            &Method::GET,
            "/instances/events/analytics/accounts",
            by_account,
            call("Events of the account by time and instance", Wants::Platform)
                .answers::<Vec<Counts>>(),
        )
}

/// Which time, in which pieces.
#[derive(Debug, Deserialize, IntoParams)]
struct Asked {
    /// In the first bucket [default: an hour, a day or a week before `to`, by the interval].
    from: Option<String>,
    /// In the last bucket [default: now].
    to: Option<String>,
    /// `minute`, `hour` or `day` [default: minute].
    interval: Option<String>,
}

/// The events of a bucket.
#[derive(Serialize, ToSchema)]
struct Total {
    /// How many.
    count: u64,
    /// When the bucket begins.
    timestamp: String,
}

/// The events of a bucket by instance.
#[derive(Serialize, ToSchema)]
struct Counts {
    /// How many of all instances.
    total: u64,
    /// When the bucket begins.
    timestamp: String,
    /// Instances with events in it.
    records: Vec<InstanceCount>,
}

/// The events of an instance in a bucket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InstanceCount {
    /// How many.
    count: u64,
    /// Of these, in notifications that have arrived.
    success: u64,
    /// Of these, in notifications that were tried and have not arrived.
    failed: u64,
    /// The instance.
    instance_id: i64,
    /// The account, as notifications name it.
    account_id: i64,
}

/// The attempts to deliver what was found in a bucket.
#[derive(Serialize, ToSchema)]
struct Attempts {
    /// When the bucket begins.
    timestamp: String,
    /// How many.
    attempts: u64,
    /// Those of them that failed.
    failures: u64,
    /// How long they took on the average, in milliseconds.
    latency: u64,
}

async fn totals(
    State(app): State<App>,
    Scope(scope, _): Scope,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Vec<Total>>, ApiError> {
    let buckets = asked.buckets(app.clock.now())?;
    let found = app.store.event_totals(scope, buckets).await?;
    let mut found = found.into_iter().peekable();
    let total = |at| {
        let here = found.next_if(|(bucket, _)| *bucket == at);
        Total { count: here.map_or(0, |(_, count)| count), timestamp: begin(buckets, at) }
    };
    Ok(Json((0..buckets.count).map(total).collect()))
}

async fn by_instance(
    State(app): State<App>,
    Scope(scope, _): Scope,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Vec<Counts>>, ApiError> {
    counts(&app, scope, &asked).await.map(Json)
}

async fn attempts(
    State(app): State<App>,
    Scope(scope, _): Scope,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Vec<Attempts>>, ApiError> {
    let buckets = asked.buckets(app.clock.now())?;
    let found = app.store.attempt_counts(scope, buckets).await?;
    let mut found = found.into_iter().peekable();
    let attempts = |at| {
        let here = found.next_if(|one| one.bucket == at);
        let timestamp = begin(buckets, at);
        here.map_or(
            Attempts { timestamp: timestamp.clone(), attempts: 0, failures: 0, latency: 0 },
            |one| {
                let (attempts, failures, latency) =
                    (one.count, one.failures, one.mean_took / 1_000);
                Attempts { timestamp, attempts, failures, latency }
            },
        )
    };
    Ok(Json((0..buckets.count).map(attempts).collect()))
}

/// An organization is one account.
async fn by_account(
    State(app): State<App>,
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Vec<Counts>>, ApiError> {
    let organization = caller.platform()?.organization;
    counts(&app, EventScope { organization, instance: None }, &asked).await.map(Json)
}

async fn counts(app: &App, scope: EventScope, asked: &Asked) -> Result<Vec<Counts>, ApiError> {
    let buckets = asked.buckets(app.clock.now())?;
    let found = app.store.event_counts(scope, buckets, MOST_RECORDS).await?;
    let found = found.ok_or_else(|| {
        let message = format!("more than {MOST_RECORDS} records; ask for less time at once");
        ApiError::bad_request(message)
    })?;
    let mut found = found.into_iter().peekable();
    let counts = |at| {
        let here = std::iter::from_fn(|| found.next_if(|one| one.bucket == at));
        let records: Vec<_> = here.map(|one| InstanceCount::new(one, scope)).collect();
        let total = records.iter().map(|one| one.count).sum();
        Counts { total, timestamp: begin(buckets, at), records }
    };
    Ok((0..buckets.count).map(counts).collect())
}

impl InstanceCount {
    fn new(found: EventCount, scope: EventScope) -> Self {
        let EventCount { count, success, failed, instance, .. } = found;
        let account_id = scope.organization.0;
        Self { count, success, failed, instance_id: instance.0, account_id }
    }
}

fn begin(buckets: Buckets, at: u32) -> String {
    buckets.first.plus(buckets.width * at).to_seconds_text()
}

impl Asked {
    /// Buckets begin at whole minutes, hours or days in UTC; those of both ends count.
    fn buckets(&self, now: Timestamp) -> Result<Buckets, ApiError> {
        const HOUR: u64 = 3_600;
        let (width, usual) = match self.interval.as_deref().unwrap_or("minute") {
            "minute" => (60, HOUR),
            "hour" => (HOUR, 24 * HOUR),
            "day" => (24 * HOUR, 7 * 24 * HOUR),
            other => {
                let message =
                    format!("interval: `{other}` was found; minute, hour or day was expected");
                return Err(ApiError::bad_request(message));
            }
        };
        let width = Duration::from_secs(width);
        let to = instant("to", self.to.as_deref())?.unwrap_or(now);
        let usual = to.minus(Duration::from_secs(usual));
        let from = instant("from", self.from.as_deref())?.unwrap_or(usual);
        if from > to {
            return Err(ApiError::bad_request("from is later than to"));
        }
        let micros = i64::try_from(width.as_micros()).unwrap_or(i64::MAX);
        let (first, last) = (from.0.div_euclid(micros), to.0.div_euclid(micros));
        let count = u32::try_from(last - first + 1).ok().filter(|_| last - first < MOST_BUCKETS);
        let count = count.ok_or_else(|| {
            let message =
                format!("more than {MOST_BUCKETS} buckets; choose a longer interval or less time");
            ApiError::bad_request(message)
        })?;
        Ok(Buckets { first: Timestamp(first * micros), width, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(from: &str, to: &str, interval: &str) -> Option<(String, u32)> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let asked = Asked { from: text(from), to: text(to), interval: text(interval) };
        let buckets = asked.buckets(Timestamp(1_795_549_236_500_000)).ok()?;
        Some((begin(buckets, 0), buckets.count))
    }

    #[test]
    fn an_hour_by_the_minute_has_buckets_at_both_ends() {
        let some = |begin: &str, count| Some((begin.to_owned(), count));
        let hour = buckets("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z", "minute");
        assert_eq!(hour, some("2026-11-24T12:00:00Z", 61));
        let odd = buckets("2026-11-24T12:59:59.9Z", "2026-11-24T13:00:00Z", "hour");
        assert_eq!(odd, some("2026-11-24T12:00:00Z", 2));
        assert_eq!(buckets("", "", ""), some("2026-11-24T18:40:00Z", 61));
        assert_eq!(buckets("", "", "day"), some("2026-11-17T00:00:00Z", 8));
        assert_eq!(
            buckets("1969-12-31T23:59:30Z", "1970-01-01", ""),
            some("1969-12-31T23:59:00Z", 2)
        );
    }

    #[test]
    fn a_reversed_range_another_interval_and_too_many_buckets_are_refused() {
        assert!(buckets("2026-11-24T13:00:00Z", "2026-11-24T12:00:00Z", "minute").is_none());
        assert!(buckets("", "", "week").is_none() && buckets("soon", "", "").is_none());
        assert!(buckets("2026-11-01", "2026-11-24", "minute").is_none());
    }
}

//! How the texts of settings are read.

use std::path::PathBuf;
use std::time::Duration;

use oc_dispatch::RetrySchedule;
use oc_store::Location;
use secrecy::SecretString;
use url::Url;

/// The most that is allowed of what is counted.
const MOST: u32 = 100_000;

pub(super) fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

pub(super) fn database(text: &str) -> Option<Location> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let is_file = !path.is_empty() && path != ":memory:";
        return is_file.then(|| Location::File(PathBuf::from(path)));
    }
    let url = Url::parse(text).ok()?;
    let is_postgres = matches!(url.scheme(), "postgres" | "postgresql");
    is_postgres.then(|| Location::Postgres(SecretString::from(text)))
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero())
}

pub(super) fn duration_or_none(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

pub(super) fn schedule(text: &str) -> Option<RetrySchedule> {
    let offsets = text.split(',').map(|part| duration(part.trim())).collect::<Option<Vec<_>>>()?;
    RetrySchedule::new(offsets).ok()
}

pub(super) fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| (1..=MOST).contains(count))
}

pub(super) fn count_or_none(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count <= MOST)
}

//! `audit`: who changed what.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use oc_config::Timestamp;
use oc_egress::Clock;
use oc_store::AuditEntry;
use serde_json::json;

use super::check::instant;
use super::database;
use crate::settings::Settings;

/// Entries that are read at once.
const PAGE: usize = 1_000;

#[derive(Args)]
pub(crate) struct Options {
    /// An instant, as 2026-11-24T12:00:00Z, or a time before now, as 24h [default: all there is]
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(before) = humantime::parse_duration(text) {
        return Ok(Clock::system().now().minus(before));
    }
    instant(text).map_err(|error| format!("{error}, or a time as 24h"))
}

pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let store = database::open(settings, "audit").await?;
    let since = options.since.unwrap_or(Timestamp::EPOCH);
    let (mut after, mut out) = (0, std::io::stdout().lock());
    loop {
        let page = store.audit(since, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        for entry in &page {
            writeln!(out, "{}", if options.json { line(entry) } else { words(entry) })?;
        }
    }
    store.leave().await?;
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &AuditEntry) -> String {
    let line = json!({
        "number": entry.number, "at": entry.at.to_string(), "action": entry.action,
        "subject": entry.subject, "organization": entry.organization, "user": entry.by.user,
        "requestId": entry.by.request_id, "details": entry.details,
    });
    line.to_string()
}

fn words(entry: &AuditEntry) -> String {
    let who = entry.by.user.map_or_else(|| "operator".to_owned(), |user| format!("user {user}"));
    let request = entry.by.request_id.as_deref().unwrap_or("-");
    let (at, action, subject) = (entry.at.to_seconds_text(), &entry.action, &entry.subject);
    format!("{at}  {action:20}  {subject:14}  {who:10}  {request}  {}", entry.details)
}

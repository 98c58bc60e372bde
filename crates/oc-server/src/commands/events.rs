//! `events`: follows, lists and sends again what the running server has told or is to tell.

mod tail;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value as Json;
use url::Url;
use uuid::Uuid;

use crate::own_api::OwnApi;
use crate::settings::Settings;

/// The most events of a request.
const PAGE: usize = 100;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
    /// Where the server is [default: from OC_PUBLIC_URL, else OC_LISTEN]
    #[arg(long, value_name = "URL", global = true)]
    server: Option<Url>,
    /// One JSON object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Follows new notifications until Ctrl-C
    #[command(after_help = "Example: oc-server events tail --instance 1")]
    Tail(tail::Options),
    /// Lists notifications, newest first
    #[command(
        after_help = "Example: oc-server events list --status NOTIFIED --from 2026-11-24T12:00:00Z --json"
    )]
    List(ListOptions),
    /// Sends a notification, or those of a time, again
    #[command(
        after_help = "Examples:\n  oc-server events replay 019ab3c4-5d6e-7f80-8123-456789abcdef\n  oc-server events replay --instance 1 --from 2026-11-24T12:00:00Z --failed"
    )]
    Replay(ReplayOptions),
}

#[derive(Args)]
struct ListOptions {
    /// Only this instance's
    #[arg(long, value_name = "NUMBER")]
    instance: Option<i64>,
    /// NEW, RECEIVED, DISPATCHED, CONSUMED or NOTIFIED
    #[arg(long)]
    status: Option<String>,
    /// Only those that tell such an event: CREATED, UPDATED or DELETED
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those of a resource
    #[arg(long, value_name = "NAME")]
    object_type: Option<String>,
    /// Made at or after
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Made at or before
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    limit: usize,
}

#[derive(Args)]
struct ReplayOptions {
    /// The event's id
    #[arg(required_unless_present = "from", conflicts_with_all = ["instance", "from", "to", "failed"])]
    event: Option<Uuid>,
    /// Those of this instance
    #[arg(long, value_name = "NUMBER", requires = "from")]
    instance: Option<i64>,
    /// Made at or after
    #[arg(long, value_name = "INSTANT", requires = "instance")]
    from: Option<String>,
    /// Made at or before
    #[arg(long, value_name = "INSTANT", requires = "from")]
    to: Option<String>,
    /// Only those whose last attempt has failed
    #[arg(long, requires = "from")]
    failed: bool,
}

pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let api = OwnApi::new(options.server.as_ref(), settings)?;
    match &options.command {
        Command::Tail(tail) => tail.run(&api, options.json).await?,
        Command::List(list) => list.run(&api, options.json).await?,
        Command::Replay(replay) => replay.run(&api, options.json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl ListOptions {
    async fn run(&self, api: &OwnApi, json: bool) -> anyhow::Result<()> {
        let path = path(self.instance);
        let filters = [
            ("status", &self.status),
            ("eventType", &self.event_type),
            ("objectType", &self.object_type),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let filters: Vec<(&str, &str)> =
            filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        let (mut left, mut next_page) = (self.limit, None::<String>);
        while left > 0 {
            let size = left.min(PAGE).to_string();
            let mut query = filters.clone();
            query.push(("pageSize", &size));
            query.extend(next_page.as_deref().map(|token| ("nextPage", token)));
            let answer = api.get(&path, &query).await?;
            let events = answer.body.as_array().map(Vec::as_slice).unwrap_or_default();
            events.iter().try_for_each(|event| show(event, json))?;
            left -= events.len().min(left);
            next_page = answer.next_page;
            if next_page.is_none() {
                break;
            }
        }
        Ok(())
    }
}

impl ReplayOptions {
    async fn run(&self, api: &OwnApi, json: bool) -> anyhow::Result<()> {
        let answer = match self.event {
            Some(event) => api.post(&format!("/instances/events/{event}/replay"), &[]).await?,
            None => {
                let path = format!("{}/replay", path(self.instance));
                let mut query = Vec::new();
                query.extend(self.from.as_deref().map(|from| ("from", from)));
                query.extend(self.to.as_deref().map(|to| ("to", to)));
                query.extend(self.failed.then_some(("status", "failed")));
                api.post(&path, &query).await?
            }
        };
        let mut out = std::io::stdout().lock();
        if json {
            writeln!(out, "{}", answer.body)?;
        } else {
            writeln!(out, "{} notifications are sent again", answer.body["count"])?;
        }
        Ok(())
    }
}

/// The events of an instance, or of the whole organization.
fn path(instance: Option<i64>) -> String {
    instance.map_or("/instances/events".to_owned(), |id| format!("/instances/{id}/events"))
}

/// One line for a notification.
fn show(event: &Json, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{event}")?;
        return Ok(());
    }
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let told = event["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |event: &Json, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let told: Vec<String> = told
        .iter()
        .map(|one| format!("{} {}", word(one, "eventType"), word(one, "objectId")))
        .collect();
    writeln!(
        out,
        "{}  {}  {:10}  instance {}  {}  {}",
        text("createdDate"),
        text("id"),
        text("status"),
        event["instanceId"],
        text("objectType"),
        told.join(", ")
    )?;
    Ok(())
}

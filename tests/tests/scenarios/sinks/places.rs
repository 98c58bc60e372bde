//! What is in a sink, read as its owner would read it.

use std::borrow::Borrow;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::{self, stream};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oc_tests::{Nats, Postgres, Server};
use serde_json::Value;
use tempfile::TempDir;

/// A notification in a sink.
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

/// A sink, as far as it can be read.
pub(super) trait Place {
    /// Everything in it, in its order.
    async fn read(&self) -> anyhow::Result<Vec<Taken>>;
}

/// Waits until an attempt has failed that the tenant can see.
pub(super) async fn until_refused(server: &Server, instance: i64) -> anyhow::Result<()> {
    let waiting = async {
        loop {
            let path = format!("/instances/{instance}/events?status=DISPATCHED");
            let events = server.api.get(&path).await?.body;
            let error = &events[0]["notifiedData"][0]["error"];
            if error.as_str().is_some_and(|error| error.starts_with("the sink `place` ")) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.context("nothing is refused")?
}

/// A table.
pub(super) struct Table<P> {
    pub(super) postgres: P,
    pub(super) url: String,
}

impl<P: Borrow<Postgres>> Table<P> {
    pub(super) async fn query(&self, sql: &str) -> anyhow::Result<String> {
        self.postgres.borrow().query(&self.url, sql).await
    }
}

impl<P: Borrow<Postgres>> Place for Table<P> {
    async fn read(&self) -> anyhow::Result<Vec<Taken>> {
        let sql = "SELECT event_id, headers->>'Elements-Webhook-Signature',
                     translate(encode(body_bytes, 'base64'), E'\\n', '')
                   FROM open_connectors_notification ORDER BY position";
        // Before the first notification there is no table.
        let rows = self.query(sql).await.unwrap_or_default();
        let row = |row: &str| {
            let [id, signature, body] = row.split('|').collect::<Vec<_>>()[..] else {
                anyhow::bail!("not three columns: {row}")
            };
            let (id, signature) = (id.to_owned(), signature.to_owned());
            Ok(Taken { id, signature, body: STANDARD.decode(body)? })
        };
        rows.lines().map(row).collect()
    }
}

/// A stream with three replicas.
pub(super) struct Stream {
    context: jetstream::Context,
}

impl Stream {
    pub(super) async fn make(nats: &Nats, subject: &str) -> anyhow::Result<Self> {
        let urls: Vec<String> = nats.url().split(',').map(str::to_owned).collect();
        let context = jetstream::new(async_nats::connect(&urls[..]).await?);
        let config = stream::Config {
            name: "events".to_owned(),
            subjects: vec![subject.to_owned()],
            num_replicas: 3,
            ..stream::Config::default()
        };
        context.create_stream(config).await?;
        Ok(Self { context })
    }

    async fn messages(&self) -> anyhow::Result<Vec<Taken>> {
        let stream = self.context.get_stream("events").await?;
        let last = stream.cached_info().state.last_sequence;
        let mut taken = Vec::new();
        for number in 1..=last {
            let message = stream.get_raw_message(number).await?;
            let header = |name: &str| message.headers.get(name).map(ToString::to_string);
            let id = header("Elements-Webhook-Id").context("a message without its id")?;
            ensure!(header("Nats-Msg-Id").as_ref() == Some(&id), "{id}: another message id");
            let signature = header("Elements-Webhook-Signature").unwrap_or_default();
            taken.push(Taken { id, signature, body: message.payload.to_vec() });
        }
        Ok(taken)
    }
}

impl Place for Stream {
    async fn read(&self) -> anyhow::Result<Vec<Taken>> {
        // While it elects a leader it does not answer.
        Ok(self.messages().await.unwrap_or_default())
    }
}

/// The files of an instance.
pub(super) struct Lines {
    pub(super) folder: TempDir,
    pub(super) instance: i64,
}

impl Lines {
    /// Leaves what a crash within a write leaves.
    pub(super) fn tear(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let path = self.folder.path().join(format!("{}.jsonl", self.instance));
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        Ok(file.write_all(b"{\"id\":\"torn")?)
    }

    fn files(&self) -> anyhow::Result<Vec<String>> {
        let entries = std::fs::read_dir(self.folder.path())?;
        let mut names: Vec<String> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<anyhow::Result<_>>()?;
        // Closed ones by their time, and by their number within a second; the open one is the last.
        names.sort_by_key(|name| {
            let open = name.split('.').count() == 2;
            let (time, number) =
                name.split_once('-').unwrap_or((name.trim_end_matches(".jsonl"), "0"));
            let number: u32 = number.trim_end_matches(".jsonl").parse().unwrap_or(0);
            (open, time.to_owned(), number)
        });
        Ok(names)
    }
}

impl Place for Lines {
    async fn read(&self) -> anyhow::Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for name in self.files()? {
            let text = std::fs::read_to_string(self.folder.path().join(name))?;
            // What is behind the last end of a line is being written, or torn.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines() {
                let line: Value = serde_json::from_str(line)?;
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let signature = text(&line["headers"]["Elements-Webhook-Signature"]);
                let body = text(&line["body"]).into_bytes();
                taken.push(Taken { id: text(&line["id"]), signature, body });
            }
        }
        Ok(taken)
    }
}

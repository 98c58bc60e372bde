//! The limit of storing: SQLite alone, with the same pragmas, rows and transactions.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use oc_tests::{Options, Salesloft, Server};
use rusqlite::{Connection, params};
use serde_json::json;
use tempfile::TempDir;

const PEOPLE: u32 = 20_000;
/// A load stores a page in a transaction.
const A_PAGE: u32 = 100;
const A_NOTIFICATION: u32 = 10;

pub(super) async fn run() -> anyhow::Result<()> {
    let commits = f64::from(PEOPLE / A_PAGE);
    let (seconds, bytes) = ours().await?;
    let bare = tokio::task::spawn_blocking(move || sqlite(bytes)).await??;
    println!(
        "\n{commits} transactions, each of {A_PAGE} fingerprints and {} notifications of {bytes} bytes",
        A_PAGE / A_NOTIFICATION
    );
    println!("| who | commits per second |\n| --- | --- |");
    println!("| SQLite alone, synchronous=FULL | {:.0} |", commits / bare);
    println!("| Open Connectors, loading from the provider | {:.0} |", commits / seconds);
    println!("\nThe limit is {:.2} times as fast", seconds / bare);
    Ok(())
}

/// A load of everything: seconds from its first to its last transaction, and the size of a notification.
async fn ours() -> anyhow::Result<(f64, usize)> {
    let salesloft = Salesloft::start().await?;
    crate::bench::scan::fill(&salesloft, PEOPLE);
    let mut server = Server::start(&salesloft, Options::default().role("api,poll")).await?;
    let contacts = json!({"contacts": {
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id", "initial": "all",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    }});
    let all = json!({"event.poller.configuration": contacts.to_string()});
    let instance = server.create(&salesloft, "http://127.0.0.1:9/", &all).await?;
    let path = format!("/instances/{}/event-poller-records", instance.id);
    let (mut began, patience) = (None, Instant::now());
    loop {
        let row = server.api.get(&path).await?.body[0].clone();
        if row["waiting"].as_u64().unwrap_or(0) > 0 {
            began.get_or_insert_with(Instant::now);
        }
        if row["task"]["state"] == "read" {
            break;
        }
        ensure!(patience.elapsed() < Duration::from_secs(300), "not loaded within five minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = began.context("nothing was stored")?.elapsed().as_secs_f64();
    server.terminate().await?;
    let database = Connection::open(server.folder().join("oc.db"))?;
    let sql = "SELECT CAST(avg(length(body)) AS INTEGER) FROM notification";
    let bytes: i64 = database.query_row(sql, [], |row| row.get(0))?;
    Ok((seconds, usize::try_from(bytes)?))
}

/// The same rows without anything around them; tells the seconds.
fn sqlite(bytes: usize) -> anyhow::Result<f64> {
    let folder = TempDir::new()?;
    let mut database = open(&folder.path().join("bare.db"))?;
    let body = vec![b'x'; bytes];
    let began = Instant::now();
    for page in 0..PEOPLE / A_PAGE {
        let transaction = database.transaction()?;
        for at in 0..A_PAGE {
            let id = (page * A_PAGE + at).to_string();
            let sql = "INSERT INTO fingerprint VALUES (1, ?1, 1700000000000000, NULL, 1)";
            transaction.prepare_cached(sql)?.execute([id])?;
        }
        for at in 0..A_PAGE / A_NOTIFICATION {
            let id = u128::from(page * A_PAGE + at).to_be_bytes();
            let sql = "INSERT INTO notification VALUES (NULL, ?1, 1, 1700000000000000, 10, ?2)";
            transaction.prepare_cached(sql)?.execute(params![id, body])?;
        }
        transaction.prepare_cached("UPDATE lane SET through = through + 10")?.execute([])?;
        transaction.commit()?;
    }
    Ok(began.elapsed().as_secs_f64())
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    database.execute_batch(
        "CREATE TABLE lane (through INTEGER NOT NULL);
         INSERT INTO lane VALUES (0);
         CREATE TABLE fingerprint (
           resource_id INTEGER NOT NULL, object_id TEXT NOT NULL, version INTEGER NOT NULL,
           previous INTEGER, poll INTEGER NOT NULL, PRIMARY KEY (resource_id, object_id)
         ) WITHOUT ROWID;
         CREATE TABLE notification (
           seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
           resource_id INTEGER NOT NULL, created INTEGER NOT NULL, events INTEGER NOT NULL,
           body BLOB NOT NULL
         );
         CREATE INDEX notification_lane ON notification (resource_id, seq);",
    )?;
    Ok(database)
}

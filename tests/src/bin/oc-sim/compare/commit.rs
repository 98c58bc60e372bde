//! The limits of storing: SQLite and PostgreSQL alone, with the same pragmas, rows and transactions.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use oc_tests::{Options, Postgres, Salesloft, Server};
use rusqlite::{Connection, params};
use serde_json::json;
use tempfile::TempDir;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Statement};

const PEOPLE: u32 = 50_000;
/// A load stores a page in a transaction.
const A_PAGE: u32 = 100;
const A_NOTIFICATION: u32 = 10;
/// The middle of so many counts, ours and the bare one by turns.
const ROUNDS: usize = 3;

pub(super) async fn run() -> anyhow::Result<()> {
    let salesloft = Salesloft::start().await?;
    crate::bench::scan::fill(&salesloft, PEOPLE);
    println!(
        "\n{} transactions, each of {A_PAGE} fingerprints and {} notifications",
        PEOPLE / A_PAGE,
        A_PAGE / A_NOTIFICATION
    );
    println!("| who | commits per second |\n| --- | --- |");
    let postgres = Postgres::start().await?;
    let (mut file, mut server) = (Pair::default(), Pair::default());
    for _ in 0..ROUNDS {
        let (seconds, bodies) = on_sqlite(&salesloft).await?;
        file.ours.push(seconds);
        file.bare.push(tokio::task::spawn_blocking(move || sqlite(&bodies)).await??);
        let (seconds, bodies) = on_postgres(&salesloft, &postgres).await?;
        server.ours.push(seconds);
        server.bare.push(self::postgres(&postgres, &bodies).await?);
    }
    file.tell("SQLite");
    server.tell("PostgreSQL");
    Ok(())
}

/// Seconds of each round.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    bare: Vec<f64>,
}

impl Pair {
    fn tell(mut self, store: &str) {
        let [ours, bare] = [&mut self.ours, &mut self.bare].map(|seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[ROUNDS / 2]
        });
        let commits = f64::from(PEOPLE / A_PAGE);
        println!("| {store} alone, durable | {:.0} |", commits / bare);
        println!("| Open Connectors on it, loading from the provider | {:.0} |", commits / ours);
        println!("| so {store} alone is faster by a factor of | {:.2} |", ours / bare);
    }
}

/// What the bare databases store is what was stored: how it can be packed decides as well.
const BODIES: &str = "SELECT body FROM notification ORDER BY seq LIMIT 1000";

/// Seconds of a load, and bodies of its notifications.
async fn on_sqlite(salesloft: &Salesloft) -> anyhow::Result<(f64, Vec<Vec<u8>>)> {
    let mut server = Server::start(salesloft, Options::default().role("api,poll")).await?;
    let seconds = load(&server, salesloft).await?;
    server.terminate().await?;
    let database = Connection::open(server.folder().join("oc.db"))?;
    let mut bodies = database.prepare(BODIES)?;
    let bodies = bodies.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok((seconds, bodies))
}

/// The same on PostgreSQL.
async fn on_postgres(
    salesloft: &Salesloft,
    postgres: &Postgres,
) -> anyhow::Result<(f64, Vec<Vec<u8>>)> {
    let url = postgres.database().await?;
    let options = Options::default().role("api,poll").on_postgres(&url);
    let server = Server::start(salesloft, options).await?;
    let seconds = load(&server, salesloft).await?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connected = tokio::spawn(connection);
    let bodies = client.query(BODIES, &[]).await?.iter().map(|row| row.get(0)).collect();
    drop(client);
    connected.await??;
    Ok((seconds, bodies))
}

/// A load of everything: seconds from its first to its last transaction.
async fn load(server: &Server, salesloft: &Salesloft) -> anyhow::Result<f64> {
    let contacts = json!({"contacts": {
        "url": "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "idField": "id", "initial": "all",
        "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
    }});
    let all = json!({"event.poller.configuration": contacts.to_string()});
    let instance = server.create(salesloft, "http://127.0.0.1:9/", &all).await?;
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
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ok(began.context("nothing was stored")?.elapsed().as_secs_f64())
}

/// The same rows without anything around them; tells the seconds.
fn sqlite(bodies: &[Vec<u8>]) -> anyhow::Result<f64> {
    let folder = TempDir::new()?;
    let mut database = open(&folder.path().join("bare.db"))?;
    let mut bodies = bodies.iter().cycle();
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
            transaction.prepare_cached(sql)?.execute(params![id, bodies.next()])?;
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

/// The same on PostgreSQL, over loopback TCP: a prepared statement a table, one after the other.
async fn postgres(postgres: &Postgres, bodies: &[Vec<u8>]) -> anyhow::Result<f64> {
    let (mut client, connection) =
        tokio_postgres::connect(&postgres.database().await?, NoTls).await?;
    let connected = tokio::spawn(connection);
    client
        .batch_execute(
            "SET default_toast_compression = lz4;
             CREATE TABLE lane (through bigint NOT NULL);
             INSERT INTO lane VALUES (0);
             CREATE TABLE fingerprint (
               resource_id bigint NOT NULL, object_id text NOT NULL, version bigint NOT NULL,
               previous bigint, poll bigint NOT NULL, PRIMARY KEY (resource_id, object_id)
             );
             CREATE TABLE notification (
               seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE,
               resource_id bigint NOT NULL, created bigint NOT NULL, events bigint NOT NULL,
               body bytea NOT NULL
             );
             CREATE INDEX notification_lane ON notification (resource_id, seq);",
        )
        .await?;
    let (fingerprints, notifications, lane) = statements(&client).await?;
    let mut bodies = bodies.iter().cycle();
    let began = Instant::now();
    for page in 0..PEOPLE / A_PAGE {
        let first = page * A_PAGE;
        let objects: Vec<_> = (first..first + A_PAGE).map(|id| id.to_string()).collect();
        let ids = first..first + A_PAGE / A_NOTIFICATION;
        let ids: Vec<_> = ids.map(|id| u128::from(id).to_be_bytes().to_vec()).collect();
        let bodies: Vec<_> = bodies.by_ref().take(ids.len()).collect();
        let transaction = client.transaction().await?;
        transaction.execute(&fingerprints, &[&objects]).await?;
        let rows: [&(dyn ToSql + Sync); 2] = [&ids, &bodies];
        transaction.execute(&notifications, &rows).await?;
        transaction.execute(&lane, &[]).await?;
        transaction.commit().await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    drop(client);
    connected.await??;
    Ok(seconds)
}

async fn statements(
    client: &tokio_postgres::Client,
) -> anyhow::Result<(Statement, Statement, Statement)> {
    let fingerprints = "INSERT INTO fingerprint
        SELECT 1, object, 1700000000000000, NULL, 1 FROM unnest($1::text[]) AS object";
    let notifications = "INSERT INTO notification (id, resource_id, created, events, body)
        SELECT id, 1, 1700000000000000, 10, body FROM unnest($1::bytea[], $2::bytea[]) AS new (id, body)";
    Ok((
        client.prepare(fingerprints).await?,
        client.prepare(notifications).await?,
        client.prepare("UPDATE lane SET through = through + 10").await?,
    ))
}

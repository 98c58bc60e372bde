//! What is kept on disk, and how often.

use anyhow::Context as _;
use oc_tests::salesloft::World;
use oc_tests::{Answer, Options, Server};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::json;

/// The tables and columns in which one cell holds these bytes, once for each cell.
fn places(file: &Connection, bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut tables = file.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for table in tables {
        let mut all = file.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns: Vec<String> = all.column_names().map(str::to_owned).collect();
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            for (at, column) in columns.iter().enumerate() {
                let (ValueRef::Text(cell) | ValueRef::Blob(cell)) = row.get_ref(at)? else {
                    continue;
                };
                if cell.windows(bytes.len()).any(|part| part == bytes) {
                    found.push(format!("{table}.{column}"));
                }
            }
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_stored_once_however_often_it_is_sent() -> anyhow::Result<()> {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "10ms,20ms,30ms");
    let (salesloft, receiver, mut server) = Server::house(options).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    receiver.answer_next([500, 503].map(Answer::Status));
    salesloft.change(World::add_person);
    receiver.until("its arrival", |all| all.deliveries().len() == 3).await?;
    let sent = receiver.deliveries().remove(0);
    let replay = format!("/instances/{}/events/{}/replay", instance.id, sent.id);
    for count in 4..7 {
        let asked = server.api.post(&replay, &json!({})).await?;
        assert_eq!((asked.status, &asked.body["count"]), (200, &json!(1)), "{}", asked.text);
        receiver.until("the replay", |all| all.deliveries().len() == count).await?;
    }
    server.terminate().await?;
    let file = Connection::open(server.folder().join("oc.db"))?;
    let attempts: u32 = file.query_row("SELECT count(*) FROM attempt", [], |row| row.get(0))?;
    assert_eq!(attempts, 6);
    assert_eq!(places(&file, &sent.bytes)?, ["notification.body"]);
    // Nor is the record in it kept beside it, where only the provider's dates are compared.
    let records = sent.body["message"]["raw"]["contacts"].as_array().context("records")?;
    let record = records.first().context("a record")?["email_address"].to_string();
    assert_eq!(places(&file, record.as_bytes())?, ["notification.body"]);
    Ok(())
}

//! A server on PostgreSQL: told, restarted, killed, and looked after by commands.

use std::path::Path;

use oc_tests::salesloft::World;
use oc_tests::server::POSTGRES_KEY;
use oc_tests::{Options, Postgres, Salesloft, Server};
use serde_json::json;
use tempfile::TempDir;

use crate::story::{check_story, house, until_told};

fn on(url: &str) -> Options {
    Options::default().with("OC_DATABASE_URL", url)
}

fn with_file(url: &str, key: &Path) -> Options {
    on(url).with("OC_SECRET_KEY_FILE", &key.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_over_a_stop_another_key_and_a_kill() -> anyhow::Result<()> {
    let postgres = Postgres::shared().await?;
    let (url, keys) = (postgres.database().await?, TempDir::new()?);
    let (key, next) = (keys.path().join("key"), keys.path().join("next"));
    std::fs::write(&key, POSTGRES_KEY)?;
    let (salesloft, receiver, mut server, _) = house(with_file(&url, &key)).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;

    let next_file = next.display().to_string();
    let rekey = ["rekey", "--new-key-file", &next_file, "--json"];
    let busy = server.run(&rekey).await?;
    assert!(busy.code == Some(1) && busy.err.contains("stop them first"), "{busy:?}");
    assert_eq!(server.terminate().await?, Some(0));
    let left = "SELECT (SELECT count(*) FROM node) + (SELECT count(*) FROM claim)";
    assert_eq!(postgres.query(&url, left).await?, "0");
    let done = server.run(&rekey).await?.json()?;
    assert_eq!(done[0]["already"], json!(false));

    std::fs::copy(&next, &key)?;
    server.start_again().await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    server.kill().await?;
    salesloft.change(World::add_person);
    server.start_again().await?;
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_beside_servers_or_say_what_to_use_instead() -> anyhow::Result<()> {
    let postgres = Postgres::shared().await?;
    let url = postgres.database().await?;
    let salesloft = Salesloft::start().await?;
    let Err(keyless) = Server::start(&salesloft, on(&url)).await else {
        anyhow::bail!("it has made a key that no other server knows")
    };
    assert!(format!("{keyless:#}").contains("OC_SECRET_KEY"), "{keyless:#}");
    let elsewhere = on(&format!("{url}_elsewhere")).with("OC_SECRET_KEY", POSTGRES_KEY);
    let Err(missing) = Server::start(&salesloft, elsewhere).await else {
        anyhow::bail!("it has opened a database that is not there")
    };
    assert_eq!(format!("{missing:#}").matches("does not exist").count(), 1, "{missing:#}");
    let server = Server::start(&salesloft, on(&url).with("OC_SECRET_KEY", POSTGRES_KEY)).await?;
    let added = ["user", "add", "--organization", "Acme", "--email", "jane@acme.example", "--json"];
    server.run(&added).await?.json()?;
    assert_eq!(server.run(&["user", "list", "--json"]).await?.json()?.len(), 2);
    let entries = server.run(&["audit", "--json"]).await?.json()?;
    assert!(entries.iter().any(|entry| entry["action"] == "user.added"), "{entries:?}");
    let schema = server.run(&["migrate", "--check", "--json"]).await?.json()?;
    assert_eq!(schema[0]["from"], schema[0]["to"]);
    let refused = server.run(&["backup", "copy.db"]).await?;
    assert!(refused.code == Some(1) && refused.err.contains("pg_dump"), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_moves_into_postgresql_and_nothing_is_told_twice() -> anyhow::Result<()> {
    let postgres = Postgres::shared().await?;
    let url = postgres.database().await?;
    let (salesloft, receiver, mut server, _) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    server.terminate().await?;
    salesloft.change(World::add_person);
    let moved = server.run(&["migrate", "--from", "sqlite:oc.db", "--to", &url, "--json"]).await?;
    assert!(moved.json()?[0]["rows"].as_u64() > Some(5), "{moved:?}");
    server.set("OC_DATABASE_URL", &url);
    server.set("OC_SECRET_KEY_FILE", "oc.db.key");
    server.start_again().await?;
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

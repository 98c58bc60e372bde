//! The servers that other scenarios lean on: private, durable over restarts, gone with their owner.

use std::net::TcpListener;

use oc_tests::{Nats, Postgres};

#[tokio::test]
async fn postgres_keeps_what_is_committed_over_a_stop_and_a_crash() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let (database, other) = (postgres.database().await?, postgres.database().await?);
    postgres.query(&database, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await?;
    postgres.stop().await?;
    assert!(postgres.query(&database, "SELECT 1").await.is_err());
    postgres.start_again().await?;
    postgres.query(&database, "INSERT INTO t VALUES (2)").await?;
    postgres.crash().await?;
    postgres.start_again().await?;
    assert_eq!(postgres.query(&database, "SELECT n, 'x' FROM t ORDER BY n").await?, "1|x\n2|x");
    assert!(postgres.query(&other, "SELECT n FROM t").await.is_err());
    assert_eq!(postgres.query(&database, "SHOW fsync").await?, "on");
    Ok(())
}

#[tokio::test]
async fn tests_share_a_postgres_with_databases_of_their_own() -> anyhow::Result<()> {
    let (one, two) = (Postgres::shared().await?, Postgres::shared().await?);
    assert_eq!(one.socket(), two.socket());
    assert_ne!(one.database().await?, two.database().await?);
    drop(one);
    assert_eq!(two.query(&two.url("postgres"), "SELECT 1").await?, "1");
    Ok(())
}

#[tokio::test]
async fn a_postgres_ends_with_its_owner() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let socket = postgres.socket();
    assert!(socket.exists());
    drop(postgres);
    assert!(!socket.exists());
    Ok(())
}

#[tokio::test]
async fn a_nats_node_is_killed_and_comes_back_to_its_cluster() -> anyhow::Result<()> {
    let nats = Nats::cluster(3).await?;
    nats.kill(1).await?;
    assert!(nats.kill(1).await.is_err());
    nats.start_again(1).await?;
    let ports: Vec<u16> =
        nats.url().split(',').filter_map(|url| url.rsplit(':').next()?.parse().ok()).collect();
    let is_taken = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_err();
    assert_eq!((ports.len(), ports.iter().all(is_taken)), (3, true));
    drop(nats);
    assert!(!ports.iter().any(is_taken));
    Ok(())
}

#[tokio::test]
async fn nats_runs_alone_with_and_without_jetstream() -> anyhow::Result<()> {
    for nats in [Nats::core().await?, Nats::jetstream().await?] {
        assert_eq!(nats.url(), nats.node_url(0));
        nats.kill(0).await?;
        nats.start_again(0).await?;
    }
    Ok(())
}

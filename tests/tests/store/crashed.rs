//! A server that crashes while a commit is on its way to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oc_config::{Catalogue, InstanceId};
use oc_store::{Location, NewInstance, OrganizationId, SecretKey, Store, StoreOptions};
use oc_tests::Postgres;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::house::{MINUTE, configuration, fields, s};

/// Stands before a server, and can keep a commit from it.
#[derive(Default)]
struct Line {
    /// The next commit is not passed on.
    holds: AtomicBool,
    held: Notify,
    is_down: AtomicBool,
}

impl Line {
    #[expect(clippy::disallowed_methods, reason = "not the product's, and on loopback")]
    async fn open(self: &Arc<Self>, server: SocketAddr) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let line = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = Arc::clone(&line);
                tokio::spawn(async move {
                    if !line.is_down.load(Ordering::SeqCst)
                        && let Ok(server) = TcpStream::connect(server).await
                    {
                        line.pass_on(client, server).await;
                    }
                });
            }
        });
        port
    }

    /// Until either side has closed.
    async fn pass_on(&self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let there = async {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                let sent = &bytes[..count];
                let commit = sent.windows(COMMIT.len()).position(|some| some == COMMIT);
                if let Some(commit) = commit
                    && self.holds.swap(false, Ordering::SeqCst)
                {
                    let _ = to_server.write_all(&sent[..commit]).await;
                    self.held.notify_one();
                    return std::future::pending().await;
                }
                if to_server.write_all(sent).await.is_err() {
                    break;
                }
            }
        };
        let back = async {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        };
        tokio::select! {
            () = there => {}
            () = back => {}
        }
    }
}

/// The message: its kind, its length, its text.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_has_undone_is_done_again_though_another_has_its_number() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.database().await.unwrap();
    // What was not committed is not on the disk when the server crashes.
    for sql in ["ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()"] {
        postgres.query(&url, sql).await.unwrap();
    }
    let mut through = url::Url::parse(&url).unwrap();
    let server = SocketAddr::from(([127, 0, 0, 1], through.port().unwrap()));
    let line = Arc::new(Line::default());
    through.set_port(Some(line.open(server).await)).unwrap();
    let store = open(through.as_str()).await;

    line.holds.store(true, Ordering::SeqCst);
    let creating = tokio::spawn({
        let store = store.clone();
        async move { store.create_instance(new_instance(), None).await }
    });
    line.held.notified().await;
    line.is_down.store(true, Ordering::SeqCst);
    postgres.crash().await.unwrap();
    postgres.start_again().await.unwrap();
    for _ in 0..20 {
        postgres.query(&url, "SELECT pg_current_xact_id()").await.unwrap();
    }
    line.is_down.store(false, Ordering::SeqCst);

    let id = creating.await.unwrap().unwrap();
    assert_eq!(store.instance(id).await.unwrap().map(|found| found.id), Some(InstanceId(1)));
}

async fn open(url: &str) -> Store {
    let store = Store::open(StoreOptions {
        database: Location::Postgres(url.to_owned().into()),
        key: SecretKey::new(&Zeroizing::new([1; 32])),
        catalogue: Arc::new(Catalogue::built_in().expect("the catalogue")),
        shortest_interval: MINUTE,
    });
    let store = store.await.expect("a store");
    let secrets = (&SecretString::from("user-s3cret"), &SecretString::from("org-s3cret"));
    store.ensure_first_user(None, None, secrets).await.expect("a user");
    store
}

fn new_instance() -> NewInstance {
    NewInstance {
        organization: OrganizationId(1),
        user: 1,
        connector: "salesloft".to_owned(),
        token: SecretString::from("token"),
        created: s(1_000),
        repeated_by: None,
        fields: fields(&configuration(&json!({}))),
    }
}

//! A receiver behind a gateway that asks who calls.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use oc_tests::salesloft::World;
use oc_tests::{Options, Receiver, Server};
use rcgen::KeyPair;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::story::{check_story, until_told};

const CERTIFICATE: &str = "event.notification.client.certificate";
const KEY: &str = "event.notification.client.key";
const AUTHORITY: &str = "event.notification.ca.certificate";

/// TLS as the gateway speaks it.
fn acceptor(authority: &Authority) -> anyhow::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = authority.signs()?;
    let mut roots = rustls::RootCertStore::empty();
    let pem = rustls::pki_types::pem::PemObject::from_pem_slice(authority.pem.as_bytes());
    roots.add(pem?)?;
    let callers = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(callers.build()?)
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Lets callers with a certificate through to the receiver; ends with what is returned.
async fn gateway(
    authority: &Authority,
    receiver: &Receiver,
) -> anyhow::Result<(SocketAddr, JoinSet<()>)> {
    let acceptor = acceptor(authority)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let behind = receiver.address();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut callers = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            callers.spawn(async move {
                let mut caller = acceptor.accept(stream).await?;
                #[expect(clippy::disallowed_methods, reason = "the test's own receiver")]
                let mut receiver = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut caller, &mut receiver).await
            });
        }
    });
    Ok((address, tasks))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_who_calls_is_shown_the_instances_certificate() -> anyhow::Result<()> {
    let options = Options::default().with("OC_RETRY_SCHEDULE", "20ms,40ms");
    let (salesloft, receiver, server) = Server::house(options).await?;
    let authority = Authority::new()?;
    let (address, _gateway) = gateway(&authority, &receiver).await?;
    let callback = format!("https://{address}/hook");
    let trusting = json!({AUTHORITY: authority.pem});
    let instance = server.create(&salesloft, &callback, &trusting).await?;
    let path = format!("/instances/{}", instance.id);
    salesloft.change(World::add_person);
    while server.api.get(&path).await?.body["deliveryQueuedSince"].is_null() {}
    assert!(receiver.deliveries().is_empty(), "it came without a certificate");

    let ((certificate, key), (_, other)) = (authority.signs()?, authority.signs()?);
    let with = |key: &KeyPair| json!({"configuration": {CERTIFICATE: certificate.pem(), KEY: key.serialize_pem()}});
    let refused = server.api.send("PATCH", &path, &with(&other)).await?;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains(KEY) && !refused.text.contains("BEGIN"), "{}", refused.text);
    let taken = server.api.send("PATCH", &path, &with(&key)).await?;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let shown = &taken.body["configuration"];
    assert_eq!((&shown[CERTIFICATE], &shown[KEY]), (&json!(certificate.pem()), &json!("********")));
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)?;
    is_nowhere(&key, &server).await
}

/// Neither the API nor the log nor the database tell the key.
async fn is_nowhere(key: &KeyPair, server: &Server) -> anyhow::Result<()> {
    let pem = key.serialize_pem();
    let line = pem.lines().nth(1).context("the key")?;
    for path in ["/instances", "/instances/1", "/instances/1/configuration", "/instances/1/events"]
    {
        let shown = server.api.get(path).await?;
        assert!(shown.status == 200 && !shown.text.contains(line), "{path}: {}", shown.text);
    }
    assert!(!server.log().contains(line));
    for name in ["oc.db", "oc.db-wal"] {
        let file = std::fs::read(server.folder().join(name))?;
        let is_there = |part: &[u8]| file.windows(part.len()).any(|at| at == part);
        assert!(!is_there(line.as_bytes()) && !is_there(key.serialized_der()), "{name}");
    }
    Ok(())
}

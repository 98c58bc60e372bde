//! Receivers whose TLS is not in order: each attempt ends in time and says what is wrong.

use std::sync::Arc;

use oc_config::CallbackTls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;

const HERE: &str = "127.0.0.1";
const LONG: Duration = Duration::from_secs(60);

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }
}

fn certificate_for(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

/// A receiver that shows this certificate and answers 200; its url.
async fn receiver(certificate: CertificateDer<'static>, key: &KeyPair) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    served(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // A caller that does not like the certificate goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"{}")
                && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0)
            {}
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// The url of a listener that does this with each connection.
async fn served<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Sends to a receiver that only an authority of the instance's own can vouch for.
async fn sent(url: &str, authority: Option<&Authority>, within: Duration) -> Attempt {
    let authorities = authority.map(|one| one.certificate.clone()).into_iter().collect();
    let tls = Some(Arc::new(CallbackTls { identity: None, authorities }));
    let destination = Callback { tls, ..destination(url) };
    let (id, body) = (Uuid::from_u128(7), Bytes::from("{}"));
    let resource = Arc::default();
    let notification = Outgoing { id, resource, body, attempt: 1, replay: false, trace: None };
    webhooks(within).send(&destination, notification).await
}

fn assert_failed(attempt: &Attempt, error: &str) {
    assert_eq!((attempt.error.as_deref(), attempt.status), (Some(error), None));
    assert!(matches!(attempt.verdict, AttemptVerdict::Failed { retry_after: None, .. }));
}

#[tokio::test]
async fn a_certificate_that_is_not_in_order_gets_nothing_and_the_attempt_says_why() {
    let authority = Authority::new();
    let (good, mut expired, mut early) =
        (certificate_for(HERE), certificate_for(HERE), certificate_for(HERE));
    expired.not_after = date_time_ymd(2020, 1, 1);
    early.not_before = date_time_ymd(2200, 1, 1);
    for (params, reason) in [
        (good, None),
        (expired, Some("no TLS connection: the certificate has expired")),
        (early, Some("no TLS connection: the certificate is not good yet")),
        (
            certificate_for("other.example"),
            Some("no TLS connection: the certificate is for another host"),
        ),
    ] {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        let url = receiver(certificate.der().clone(), &key).await;
        let attempt = sent(&url, Some(&authority), LONG).await;
        match reason {
            None => assert_eq!(attempt.verdict, AttemptVerdict::Delivered, "{:?}", attempt.error),
            Some(reason) => assert_failed(&attempt, reason),
        }
    }
}

#[tokio::test]
async fn a_certificate_of_the_receivers_own_making_is_not_trusted() {
    let key = KeyPair::generate().unwrap();
    let own = certificate_for(HERE).self_signed(&key).unwrap();
    let url = receiver(own.der().clone(), &key).await;
    let reason = "no TLS connection: the certificate is signed by nobody who is trusted";
    // Neither by the public authorities nor by another one.
    for authority in [None, Some(&Authority::new())] {
        assert_failed(&sent(&url, authority, LONG).await, reason);
    }
    let itself = Authority {
        issuer: Issuer::new(certificate_for(HERE), KeyPair::generate().unwrap()),
        certificate: own.der().clone(),
    };
    assert_eq!(sent(&url, Some(&itself), LONG).await.verdict, AttemptVerdict::Delivered);
}

#[tokio::test]
async fn a_handshake_that_is_cut_short_or_never_ends_is_a_failure_in_time() {
    let cut = served(|mut stream| async move {
        let _ = stream.read(&mut [0; 16 * 1024]).await;
    })
    .await;
    assert_failed(&sent(&cut, None, LONG).await, "no TLS connection: tls handshake eof");
    let silent = served(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    assert_failed(
        &sent(&silent, None, Duration::from_millis(200)).await,
        "no whole answer in time",
    );
}

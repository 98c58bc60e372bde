//! Receivers that ask who calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use oc_config::{CallbackTls, ClientIdentity, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::{
    Egress, EgressError, Limits, Overflow, Policy, Request, TlsFault, Validity, check_tls, validity,
};

const LIMITS: Limits =
    Limits { total: Duration::from_secs(30), body: 1_000, overflow: Overflow::Fail };

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn signs(&self, params: &CertificateParams) -> ClientIdentity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ClientIdentity { chain: vec![certificate.der().clone()], key }
    }

    fn signs_for_localhost(&self) -> ClientIdentity {
        self.signs(&CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    /// TLS that trusts this authority.
    fn trusted(&self, identity: Option<ClientIdentity>) -> Arc<CallbackTls> {
        Arc::new(CallbackTls { identity, authorities: vec![self.certificate.clone()] })
    }
}

/// A receiver that takes only callers that the authority has signed. It answers the number of the
/// connection, and how the caller's certificate ends.
async fn receiver(authority: &Authority) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let callers = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let own = authority.signs_for_localhost();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(callers.build().unwrap())
        .with_single_cert(own.chain.clone(), own.key.clone_key())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, acceptor.clone(), stream));
        }
    });
    address
}

async fn serve(number: usize, acceptor: TlsAcceptor, stream: TcpStream) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            let caller = ending(&stream.get_ref().1.peer_certificates().unwrap()[0]);
            while read_head(&mut stream).await {
                let body = format!("{number} {caller}");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        }
        // What the caller still sends is read, so that it can read why it was refused.
        Err((_, mut stream)) => {
            while stream.read(&mut [0; 1_024]).await.is_ok_and(|read| read > 0) {}
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

fn ending(certificate: &CertificateDer<'_>) -> String {
    format!("{:?}", &certificate[certificate.len() - 8..])
}

/// Asks as somebody.
async fn asked(
    egress: &Egress,
    address: SocketAddr,
    tls: Option<&Arc<CallbackTls>>,
) -> Result<String, EgressError> {
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let request = Request { tls: tls.cloned(), ..Request::get(url) };
    let response = egress.exchange(request, LIMITS).await?;
    Ok(String::from_utf8_lossy(&response.body).into_owned())
}

fn egress() -> Egress {
    let local = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
    Egress::new(Policy::allowing(local.to_vec(), vec![]), "open-connectors/test").unwrap()
}

#[tokio::test]
async fn each_certificate_has_connections_of_its_own() {
    let (authority, egress) = (Authority::new("ours"), egress());
    let address = receiver(&authority).await;
    let [one, other] = [authority.signs_for_localhost(), authority.signs_for_localhost()];
    let [named, othered] = [ending(&one.chain[0]), ending(&other.chain[0])];
    // The same certificate and key, read once more, are the same caller.
    let again = ClientIdentity { chain: one.chain.clone(), key: one.key.clone_key() };
    let [one, other, again] = [one, other, again].map(|who| authority.trusted(Some(who)));
    assert_eq!(asked(&egress, address, Some(&one)).await.unwrap(), format!("0 {named}"));
    assert_eq!(asked(&egress, address, Some(&other)).await.unwrap(), format!("1 {othered}"));
    assert_eq!(asked(&egress, address, Some(&one)).await.unwrap(), format!("0 {named}"));
    assert_eq!(asked(&egress, address, Some(&again)).await.unwrap(), format!("0 {named}"));
}

#[tokio::test]
async fn who_shows_no_certificate_or_a_strange_one_is_told_why() {
    let (authority, egress) = (Authority::new("ours"), egress());
    let address = receiver(&authority).await;
    let nobody = asked(&egress, address, Some(&authority.trusted(None))).await.unwrap_err();
    assert!(matches!(nobody, EgressError::Tls(_)), "{nobody:?}");
    assert!(nobody.to_string().contains("CertificateRequired"), "{nobody}");
    let stranger = Authority::new("strange").signs_for_localhost();
    let stranger = authority.trusted(Some(stranger));
    let refused = asked(&egress, address, Some(&stranger)).await.unwrap_err();
    assert!(matches!(refused, EgressError::Tls(_)), "{refused:?}");
    assert!(!refused.may_have_arrived());
}

#[tokio::test]
async fn only_the_authority_that_was_named_is_trusted() {
    let (authority, other, egress) = (Authority::new("ours"), Authority::new("other"), egress());
    let address = receiver(&authority).await;
    let unknown = other.trusted(Some(authority.signs_for_localhost()));
    for tls in [None, Some(&unknown)] {
        let error = asked(&egress, address, tls).await.unwrap_err();
        assert!(error.to_string().contains("nobody who is trusted"), "{error}");
    }
}

#[test]
fn what_can_never_work_is_told_before_it_is_used() {
    let authority = Authority::new("ours");
    let identity = || authority.signs_for_localhost();
    let with = |identity| check_tls(&CallbackTls { identity: Some(identity), authorities: vec![] });
    assert_eq!(with(identity()), Ok(()));
    let mut two = identity();
    two.key = identity().key.clone_key();
    assert_eq!(with(two), Err(TlsFault::Mismatch));
    let mut noise = identity();
    noise.chain = vec![CertificateDer::from(vec![1, 2, 3])];
    assert!(matches!(with(noise), Err(TlsFault::Certificate(_))));
    let mut keyless = identity();
    keyless.key = PrivateKeyDer::Pkcs8(vec![1, 2, 3].into());
    assert!(matches!(with(keyless), Err(TlsFault::Key(_))));
    let authorities = vec![CertificateDer::from(vec![1, 2, 3])];
    let strange = check_tls(&CallbackTls { identity: None, authorities });
    assert!(matches!(strange, Err(TlsFault::Authority(_))));
}

#[test]
fn a_certificate_is_good_between_its_dates() {
    let authority = Authority::new("ours");
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let tls = authority.trusted(Some(authority.signs(&params)));
    let day = |year, month, day| Timestamp::from(rcgen::date_time_ymd(year, month, day));
    let (begin, end) = (day(2026, 1, 1), day(2027, 1, 1));
    assert_eq!(validity(&tls, day(2025, 12, 31)), Validity::From(begin));
    assert_eq!(validity(&tls, day(2026, 6, 1)), Validity::Good);
    assert_eq!(validity(&tls, day(2027, 1, 2)), Validity::Until(end));
    assert_eq!(validity(&authority.trusted(None), day(2027, 1, 2)), Validity::Good);
}

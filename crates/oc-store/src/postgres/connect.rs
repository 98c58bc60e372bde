//! How PostgreSQL is reached: the url, TLS, and what is agreed on with each connection.

use std::future::poll_fn;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc::{self, Receiver};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use crate::StoreError;

/// For how long one host is tried.
const CONNECT: Duration = Duration::from_secs(5);
/// What each connection asks of the server: no statement and no idle transaction may hold locks for
/// long, whatever becomes of the process that began it.
const AGREED: &str = "-c statement_timeout=30s -c lock_timeout=20s \
    -c idle_in_transaction_session_timeout=10s -c client_min_messages=warning";

/// Bodies are packed with LZ4 where the server can: packing them in PostgreSQL's own way takes three
/// times as long as all else of storing them.
const PACKED: &str = "SELECT set_config(name, 'lz4', false) FROM pg_settings
  WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";

/// Words of nodes that wait to be heard.
const HEARD: usize = 64;

type Secured = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Makes connections.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// A database by its url; `sslmode` is `disable`, `prefer` or `require`, and `verify-full` means
    /// the same as `require`: a certificate is always checked. `sslrootcert` names a file with roots
    /// besides those of the system.
    pub(super) fn new(url: &SecretString) -> Result<Self, StoreError> {
        let mut url = Url::parse(url.expose_secret())
            .map_err(|error| StoreError::Url(format!("it is no url: {error}")))?;
        let mut roots = None;
        let options: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut kept = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in options {
            match (name.as_str(), value.as_str()) {
                ("sslrootcert", _) => roots = Some(value),
                ("sslmode", "verify-full" | "verify-ca") => {
                    kept.append_pair("sslmode", "require");
                }
                _ => {
                    kept.append_pair(&name, &value);
                }
            }
        }
        let kept = kept.finish();
        url.set_query((!kept.is_empty()).then_some(&kept));
        let mut config: Config =
            url.as_str().parse().map_err(|error| StoreError::Url(crate::error::told(&error)))?;
        let agreed = match config.get_options() {
            Some(own) => format!("{AGREED} {own}"),
            None => AGREED.to_owned(),
        };
        config
            .options(agreed)
            .application_name("open-connectors")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(30));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        Ok(Self { config, tls: tls(roots.as_deref())? })
    }

    /// A new connection to a server that takes changes.
    pub(super) async fn connect(&self) -> Result<Client, StoreError> {
        let (client, connection) = self.open().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = crate::error::told(&error), "Database connection ended");
            }
        });
        told_in_time(client.batch_execute(PACKED)).await?;
        Ok(client)
    }

    /// A connection that does nothing but listen to a channel, for as long as the client is kept.
    pub(super) async fn listen(
        &self,
        channel: &str,
    ) -> Result<(Client, Receiver<String>), StoreError> {
        let (client, mut connection) = self.open().await?;
        let (heard, news) = mpsc::channel(HEARD);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(word) = message {
                    // Who cannot keep up is woken by what waits already.
                    let _ = heard.try_send(word.payload().to_owned());
                }
            }
        });
        let listen = format!("LISTEN {channel}");
        told_in_time(client.batch_execute(&listen)).await?;
        Ok((client, news))
    }

    async fn open(&self) -> Result<(Client, Connection<Socket, Secured>), StoreError> {
        // A server that accepts and says nothing is not waited for either.
        told_in_time(Box::pin(self.config.connect(self.tls.clone()))).await
    }
}

/// The answer of a server, which is not waited for without end.
async fn told_in_time<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(CONNECT * 2, answer).await;
    Ok(answer.map_err(|_| StoreError::NoAnswer(CONNECT * 2))??)
}

fn tls(file: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let fault = |error| StoreError::Url(format!("sslrootcert, {file}: {error}"));
        for one in CertificateDer::pem_file_iter(file).map_err(fault)? {
            roots
                .add(one.map_err(fault)?)
                .map_err(|error| StoreError::Url(format!("sslrootcert, {file}: {error}")))?;
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Url(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

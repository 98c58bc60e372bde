//! Pools of connections: the usual ones, and those of each TLS that an instance has of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use oc_config::CallbackTls;
use quick_cache::sync::Cache;

use crate::connect::{Connector, Metered};
use crate::{EgressError, tls};

/// Name resolution, TCP and TLS together.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const IDLE_FOR: Duration = Duration::from_secs(60);
const IDLE_PER_HOST: usize = 64;
/// Large answers are read in pieces of up to this size: fewer of them, fewer wake-ups.
const LARGEST_PIECE: usize = 256 * 1024;
/// How many TLS configurations of instances are kept with their connections.
const MOST_OWN: usize = 256;

/// The clients of one TLS configuration; no connection of theirs is another's.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) pooled: Client<Metered, Full<Bytes>>,
    /// For repeating a send that met a stale connection.
    pub(crate) fresh: Client<Metered, Full<Bytes>>,
}

/// All clients. What is equal in certificates and key shares connections, and nothing else does.
pub(crate) struct AllClients {
    connector: Connector,
    usual: Clients,
    own: Cache<Arc<CallbackTls>, Clients>,
}

impl AllClients {
    pub(crate) fn new(connector: Connector) -> Result<Self, EgressError> {
        let usual = Clients::new(&connector, tls::usual_tls()?);
        Ok(Self { connector, usual, own: Cache::new(MOST_OWN) })
    }

    pub(crate) fn of(&self, tls: Option<&Arc<CallbackTls>>) -> Result<Clients, EgressError> {
        let Some(tls) = tls else { return Ok(self.usual.clone()) };
        self.own.get_or_insert_with(tls, || {
            let config = tls::own(tls).map_err(|fault| EgressError::Tls(fault.to_string()))?;
            Ok(Clients::new(&self.connector, config))
        })
    }
}

impl Clients {
    fn new(connector: &Connector, tls: rustls::ClientConfig) -> Self {
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector.clone());
        let metered = Metered { inner, limit: CONNECT_WITHIN };
        let client = |idle: usize| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_FOR)
                .pool_max_idle_per_host(idle)
                .http1_max_buf_size(LARGEST_PIECE)
                .build(metered.clone())
        };
        Self { pooled: client(IDLE_PER_HOST), fresh: client(0) }
    }
}

#[cfg(test)]
mod tests;

//! How names become addresses: the machine's way, or by asking name servers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::Semaphore;

use super::BoxFuture;
use crate::EgressError;

/// How long one question waits; there is time for a second one before a connection is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// The longest time to live that is believed.
const KEPT: Duration = Duration::from_secs(300);
/// A name that is missing may have been forgotten and be set soon.
const MISSING_KEPT: Duration = Duration::from_secs(10);
/// The most threads that questions to the machine block; others, as those that read the database,
/// come from the same pool of 512.
const BLOCKED_THREADS: usize = 256;

/// How names become addresses. A test gives its own, to change the answer between two questions.
#[derive(Clone)]
pub struct Names(Arc<Resolve>);

type Resolve = dyn Fn(String, u16) -> BoxFuture<io::Result<Vec<SocketAddr>>> + Send + Sync;

impl Names {
    /// The machine's way: its hosts file, its name servers, and what else it is set up for. Each
    /// question blocks a thread until the machine has given up on it, so that they are bounded.
    pub fn system() -> Self {
        let threads = Arc::new(Semaphore::new(BLOCKED_THREADS));
        Self(Arc::new(move |host, port| {
            let threads = Arc::clone(&threads);
            Box::pin(async move {
                let thread = threads.acquire_owned().await.map_err(io::Error::other)?;
                // A task of its own: the thread is blocked although nobody may wait any more.
                let asking = tokio::spawn(async move {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "this is where addresses are checked"
                    )]
                    let found = tokio::net::lookup_host((host, port)).await;
                    drop(thread);
                    found.map(Iterator::collect)
                });
                asking.await?
            })
        }))
    }

    /// Asks these name servers and nothing else, for IPv4 and IPv6 addresses. Answers are kept as
    /// long as they say, five minutes at most.
    ///
    /// # Errors
    /// The resolver cannot be set up.
    pub fn from_servers(servers: &[SocketAddr]) -> Result<Self, EgressError> {
        let resolver =
            resolver(servers).map_err(|error| EgressError::Resolve(error.to_string()))?;
        Ok(Self(Arc::new(move |host, port| {
            let resolver = resolver.clone();
            Box::pin(async move {
                let found = resolver.lookup_ip(host).await.map_err(io::Error::other)?;
                Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
            })
        })))
    }

    #[cfg(test)]
    pub(crate) fn new(
        answer: impl Fn(String, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self(Arc::new(move |host, port| {
            let answer = Arc::clone(&answer);
            Box::pin(async move { answer(host, port) })
        }))
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (self.0)(host.to_owned(), port).await
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let server = |address: &SocketAddr| {
        let at = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            connection
        };
        let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at);
        NameServerConfig::new(address.ip(), true, ways.into())
    };
    let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
    let provider = TokioRuntimeProvider::default();
    let mut builder = TokioResolver::builder_with_config(config, provider);
    let options = builder.options_mut();
    options.timeout = ANSWER_WITHIN;
    options.attempts = ATTEMPTS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    options.positive_max_ttl = Some(KEPT);
    options.negative_max_ttl = Some(MISSING_KEPT);
    builder.build()
}

//! The connector: resolves a name, checks every address, connects only to checked ones.

mod names;
mod traffic;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::{EgressError, Policy};

pub use names::Names;
pub(crate) use traffic::{Metered, Traffic};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes TCP connections within the policy.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) policy: Arc<Policy>,
    pub(crate) names: Names,
}

impl Connector {
    /// The addresses of a host, all of them checked: one forbidden address forbids the name.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        let found = match literal {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let found = self.names.addresses(host, port).await;
                found.map_err(|error| EgressError::Resolve(error.to_string()))?
            }
        };
        for address in &found {
            self.policy.check(*address).map_err(EgressError::Refused)?;
        }
        if found.is_empty() {
            return Err(EgressError::Resolve("no address".to_owned()));
        }
        Ok(found)
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, EgressError> {
        let host = uri.host().ok_or_else(|| EgressError::Invalid("no host".to_owned()))?;
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let addresses = self.addresses(host, uri.port_u16().unwrap_or(default)).await?;
        let share =
            Duration::from_secs(4) / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = EgressError::TimedOut("connect");
        for address in addresses {
            #[expect(clippy::disallowed_methods, reason = "the address has just been checked")]
            let connecting = TcpStream::connect(address);
            match timeout(share.max(Duration::from_millis(250)), connecting).await {
                Ok(Ok(stream)) => {
                    // Without it a small request may wait for an acknowledgement.
                    let _ = stream.set_nodelay(true);
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => last = EgressError::Connect(error.to_string()),
                Err(_) => last = EgressError::TimedOut("connect"),
            }
        }
        Err(last)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = EgressError;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

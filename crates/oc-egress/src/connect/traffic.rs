//! What a connection has carried, so that a send on a stale one can be told and repeated.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::Connector;
use crate::EgressError;

/// The bytes a connection has received, and how many belong to answers that are complete.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    received: Arc<AtomicU64>,
    complete: Arc<AtomicU64>,
}

impl Traffic {
    /// An answer has been read to its end.
    pub(crate) fn answered(&self) {
        self.complete.store(self.received.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// True when the connection had served before and nothing of another answer came.
    pub(crate) fn is_stale(&self) -> bool {
        let complete = self.complete.load(Ordering::Relaxed);
        complete > 0 && complete == self.received.load(Ordering::Relaxed)
    }
}

/// Makes connections that count what they receive, TLS included in the time to connect.
#[derive(Clone)]
pub(crate) struct Metered {
    pub(crate) inner: HttpsConnector<Connector>,
    pub(crate) limit: Duration,
}

impl Service<Uri> for Metered {
    type Response = TokioIo<Counted>;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Counted>, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.limit, self.inner.call(uri));
        Box::pin(async move {
            match connecting.await {
                Err(_) => Err(EgressError::TimedOut("connect")),
                Ok(Ok(stream)) => {
                    let (stream, traffic) = (TokioIo::new(stream), Traffic::default());
                    Ok(TokioIo::new(Counted { stream, traffic }))
                }
                Ok(Err(error)) => Err(match error.downcast::<EgressError>() {
                    Ok(ours) => *ours,
                    Err(other) => EgressError::Tls(tls_fault(&*other)),
                }),
            }
        })
    }
}

/// What a handshake failed of, in words of our own for what an owner can mend.
fn tls_fault(error: &(dyn std::error::Error + 'static)) -> String {
    use rustls::CertificateError as Bad;
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    let mut cause = error;
    while let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
    {
        cause = inner;
    }
    match cause.downcast_ref() {
        Some(InvalidMessage(_)) => "what answers there does not speak TLS",
        Some(InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. })) => {
            "the certificate has expired"
        }
        Some(InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. })) => {
            "the certificate is not good yet"
        }
        Some(InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. })) => {
            "the certificate is for another host"
        }
        Some(InvalidCertificate(Bad::UnknownIssuer)) => {
            "the certificate is signed by nobody who is trusted"
        }
        _ => return cause.to_string(),
    }
    .to_owned()
}

/// A connection and its count.
pub(crate) struct Counted {
    stream: TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>,
    traffic: Traffic,
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.traffic.clone())
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = (buffer.filled().len() - before) as u64;
        self.traffic.received.fetch_add(came, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

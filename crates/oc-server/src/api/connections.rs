//! Connections to the API: bounded in number, in the size of a head, and in how long a client takes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::remote::Remote;
use crate::settings::Access;

/// runtime.md, "Limits".
const LARGEST_HEAD: usize = 32 << 10;
/// The most header lines of a request.
const MOST_HEADERS: usize = 100;
/// How long a client may take nothing of its answer.
const WRITE_WITHIN: Duration = Duration::from_secs(60);

/// Serves until `stop`; requests under way are finished. Clients over the most connections wait to
/// be let in. A head that takes too long, or none for as long, ends its connection.
pub(super) async fn serve<L: Listener<Addr = SocketAddr>>(
    mut listener: L,
    router: Router,
    access: &Access,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(access.connections));
    let proxies: Arc<[IpNet]> = access.proxies.clone().into();
    let (graceful, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(access.head_timeout)
        .max_header_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&mut listener, &room) => accepted,
        };
        let Some((permit, stream, address)) = accepted else { break };
        let (http, router, watcher) = (http.clone(), router.clone(), graceful.watcher());
        let proxies = Arc::clone(&proxies);
        tasks.spawn(async move {
            converse(&http, stream, (address.ip(), &proxies), router, watcher).await;
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next client, once there is room.
async fn accept<L: Listener>(
    listener: &mut L,
    room: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, L::Io, L::Addr)> {
    if room.available_permits() == 0 {
        tracing::warn!("All connections are in use; clients wait (OC_MAX_CONNECTIONS)");
    }
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    let (stream, address) = listener.accept().await;
    Some((permit, stream, address))
}

async fn converse<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + 'static>(
    http: &http1::Builder,
    stream: S,
    (from, proxies): (IpAddr, &[IpNet]),
    router: Router,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let remote = Remote::of(from, request.headers(), proxies);
        request.extensions_mut().insert(remote);
        router.clone().call(request)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_WITHIN));
    let stream = TokioIo::new(Box::pin(stream));
    let connection = http.serve_connection(stream, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%from, %error, "Connection ended");
    }
}

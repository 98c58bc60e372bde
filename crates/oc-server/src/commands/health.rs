//! `health`: whether the server on this machine does its work, for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ipnet::IpNet;
use oc_egress::{Egress, Limits, Overflow, Policy, Redirects, Request};
use url::Url;

use crate::settings::Settings;

const LIMITS: Limits =
    Limits { total: Duration::from_secs(5), body: 64 << 10, overflow: Overflow::Fail };

#[derive(Args)]
pub(crate) struct Options {
    /// Ask only whether it runs, and not whether its storage answers
    #[arg(long)]
    live: bool,
}

/// Asks the server that listens where the settings say.
pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let path = if options.live { "live" } else { "ready" };
    ask(reachable(settings.listen), path).await.map(|()| ExitCode::SUCCESS)
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<()> {
    let url = Url::parse(&format!("http://{address}/health/{path}"))?;
    let own = Policy::allowing(vec![IpNet::from(address.ip())], Vec::new());
    let egress = Egress::new(own, concat!("oc-server/", env!("CARGO_PKG_VERSION")))?;
    let mut request = Request::get(url);
    request.redirects = Redirects::Never;
    let answered = egress.exchange(request, LIMITS).await;
    let answer = answered.with_context(|| format!("no server answers at {address}"))?;
    if !answer.status.is_success() {
        bail!("the server at {address} answered {}", answer.status.as_u16());
    }
    Ok(())
}

/// A server that listens everywhere is reached here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn what_the_server_answers_decides() {
        let server = MockServer::start().await;
        for (place, status) in [("/health/live", 200), ("/health/ready", 503)] {
            let answer = ResponseTemplate::new(status);
            Mock::given(path(place)).respond_with(answer).mount(&server).await;
        }
        ask(*server.address(), "live").await.unwrap();
        let refused = ask(*server.address(), "ready").await.unwrap_err();
        assert!(refused.to_string().ends_with("answered 503"), "{refused}");
    }

    #[tokio::test]
    async fn without_a_server_it_fails() {
        // The port is taken, and nobody listens.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let refused = ask(socket.local_addr().unwrap(), "ready").await.unwrap_err();
        assert!(refused.to_string().contains("no server answers at 127.0.0.1:"), "{refused}");
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_here() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reached("[::]:8080"), "[::1]:8080");
        assert_eq!(reached("10.1.2.3:80"), "10.1.2.3:80");
    }
}

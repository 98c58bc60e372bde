//! Which addresses requests may reach: the public internet, and what the operator opens.

mod ranges;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

/// The network policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allow: Vec<IpNet>,
    own: Vec<SocketAddr>,
}

/// Why a url or an address is refused; for whoever sets the url, and for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another scheme.
    #[error("`{0}` urls are not allowed, http and https are")]
    Scheme(String),
    /// A user or password in the url.
    #[error("the url must not hold credentials")]
    Credentials,
    /// No host.
    #[error("the url names no host")]
    Host,
    /// An address that is not public.
    #[error("{address} is not a public address ({range}); OC_ALLOW_NETWORKS can open it")]
    Address {
        /// The address.
        address: IpAddr,
        /// The range it is in.
        range: &'static str,
    },
    /// One of this service's own addresses, or a cloud's metadata service.
    #[error(
        "{address} stays closed ({why}); only naming exactly this address in OC_ALLOW_NETWORKS opens it"
    )]
    Own {
        /// The address.
        address: IpAddr,
        /// What is there.
        why: &'static str,
    },
}

impl Policy {
    /// Only the public internet.
    pub fn public() -> Self {
        Self::default()
    }

    /// Also the networks in `allow`, but not the addresses this service itself listens on or keeps
    /// its database at, unless `allow` names them exactly.
    pub fn allowing(allow: Vec<IpNet>, own: Vec<SocketAddr>) -> Self {
        Self { allow, own }
    }

    /// Checks what can be seen in the url itself: scheme, credentials, a literal address.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let port = url.port_or_known_default().unwrap_or(0);
        match url.host() {
            None => Err(Refusal::Host),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.check(SocketAddr::new(address.into(), port)),
            Some(Host::Ipv6(address)) => self.check(SocketAddr::new(address.into(), port)),
        }
    }

    /// Checks an address that is about to be connected to.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, to: SocketAddr) -> Result<(), Refusal> {
        let address = to.ip();
        let exactly = self
            .allow
            .iter()
            .any(|net| net.prefix_len() == net.max_prefix_len() && net.contains(&address));
        if exactly {
            return Ok(());
        }
        if let Some(why) = self.own_or_metadata(to) {
            return Err(Refusal::Own { address, why });
        }
        if self.allow.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        match ranges::special(address) {
            None => Ok(()),
            Some(range) => Err(Refusal::Address { address, range }),
        }
    }

    fn own_or_metadata(&self, to: SocketAddr) -> Option<&'static str> {
        let address = match to.ip() {
            IpAddr::V6(v6) => ranges::inner_v4(v6).map_or(to.ip(), IpAddr::V4),
            v4 => v4,
        };
        if ranges::is_metadata(address) {
            return Some("a cloud's metadata service");
        }
        let is_own = |own: &SocketAddr| {
            let anywhere = own.ip().is_unspecified() && ranges::special(address).is_some();
            own.port() == to.port() && (own.ip() == address || anywhere || address.is_unspecified())
        };
        self.own.iter().any(is_own).then_some("this service itself")
    }
}

#[cfg(test)]
mod tests;

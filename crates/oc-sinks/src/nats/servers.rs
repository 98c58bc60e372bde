//! NATS servers that the operator has named: their urls, with what they want to be told.

use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use secrecy::{ExposeSecret as _, SecretString};

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// The servers of one NATS system.
#[derive(Clone, Debug)]
pub struct NatsServers(SecretString);

impl NatsServers {
    /// Servers by their urls, separated by commas, with `nats:` or `tls:`; user and password, or a
    /// token, stand in them. `None` when that cannot be read.
    pub fn read(url: &SecretString) -> Option<Self> {
        addresses(url).map(|_| Self(url.clone()))
    }

    /// Where they are, and how they are called.
    pub fn dial(&self, tls: rustls::ClientConfig) -> (ConnectOptions, Vec<ServerAddr>) {
        let addresses = addresses(&self.0).unwrap_or_default();
        let options = ConnectOptions::new()
            .name("open-connectors")
            .connection_timeout(CONNECT)
            .tls_client_config(tls);
        let Some(user) = addresses.iter().find_map(ServerAddr::username) else {
            return (options, addresses);
        };
        let options = match addresses.iter().find_map(ServerAddr::password) {
            Some(password) => options.user_and_password(user.to_owned(), password.to_owned()),
            None => options.token(user.to_owned()),
        };
        (options, addresses)
    }
}

fn addresses(url: &SecretString) -> Option<Vec<ServerAddr>> {
    let addresses = url.expose_secret().split(',').map(|one| one.trim().parse().ok());
    let known = |address: &ServerAddr| matches!(address.scheme(), "nats" | "tls");
    addresses.collect::<Option<Vec<_>>>().filter(|all| all.iter().all(known))
}

//! Connections, each lent to one job at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::Client;

use super::connect::Connector;
use super::receipt::Receipts;
use crate::StoreError;
use crate::sql::{Session, Sql};

/// Connections that are kept while nobody needs them.
pub(super) struct Pool {
    connector: Connector,
    runtime: Handle,
    idle: Mutex<Vec<Connection>>,
}

/// A connection, lent.
pub(super) struct Connection {
    pub(super) sql: Sql,
    pub(super) receipts: Receipts,
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        match &self.sql {
            Sql::Postgres(session) => session.is_closed(),
            Sql::Sqlite(_) => false,
        }
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, runtime: Handle) -> Self {
        Self { connector, runtime, idle: Mutex::default() }
    }

    /// A connection, a new one when none is idle. There are as many as there are jobs at once.
    pub(super) fn take(&self) -> Result<Connection, StoreError> {
        loop {
            let Some(connection) = self.idle().pop() else { return self.connect() };
            if !connection.is_closed() {
                return Ok(connection);
            }
        }
    }

    /// What is told on a channel from now on, over a connection of its own, which is the client's.
    pub(super) async fn listen(
        &self,
        channel: &str,
    ) -> Result<(Client, Receiver<String>), StoreError> {
        self.connector.listen(channel).await
    }

    /// Gives one back that is not within a transaction.
    pub(super) fn give_back(&self, connection: Connection) {
        if !connection.is_closed() {
            self.idle().push(connection);
        }
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let client = self.runtime.block_on(self.connector.connect())?;
        let sql = Sql::Postgres(Session::new(client, self.runtime.clone()));
        Ok(Connection { sql, receipts: Receipts::default() })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Connections, each lent to one job at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::Client;

use super::connect::Connector;
use crate::StoreError;
use crate::sql::{Session, Sql};

/// Connections that are kept while nobody needs them.
pub(super) struct Pool {
    connector: Connector,
    runtime: Handle,
    idle: Mutex<Vec<Sql>>,
}

impl Pool {
    pub(super) fn new(connector: Connector, runtime: Handle) -> Self {
        Self { connector, runtime, idle: Mutex::default() }
    }

    /// A connection, a new one when none is idle. There are as many as there are jobs at once.
    pub(super) fn take(&self) -> Result<Sql, StoreError> {
        loop {
            let Some(sql) = self.idle().pop() else { return self.connect() };
            if !is_closed(&sql) {
                return Ok(sql);
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
    pub(super) fn give_back(&self, sql: Sql) {
        if !is_closed(&sql) {
            self.idle().push(sql);
        }
    }

    fn connect(&self) -> Result<Sql, StoreError> {
        let client = self.runtime.block_on(self.connector.connect())?;
        Ok(Sql::Postgres(Session::new(client, self.runtime.clone())))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sql>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_closed(sql: &Sql) -> bool {
    match sql {
        Sql::Postgres(session) => session.is_closed(),
        Sql::Sqlite(_) => false,
    }
}

//! A PostgreSQL database, which any number of nodes share.

pub(crate) mod claims;
mod connect;
mod migrations;
mod news;
mod node;
mod pool;
pub(crate) mod receipt;
mod touches;
mod transaction;

use std::sync::Arc;
use std::time::Instant;

use secrecy::SecretString;
use tokio::sync::{Semaphore, SetOnce};

use crate::sql::Sql;
use crate::{Schema, StoreError, metrics};
use connect::Connector;
use pool::Pool;

pub(crate) use node::Node;
pub(crate) use touches::Touches;

/// Jobs that run at the same time, of each kind: those that read never keep out those that write.
const AT_ONCE: usize = 8;

/// A database. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Inner>);

struct Inner {
    pool: Arc<Pool>,
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    /// What the node says of itself waits for no other job.
    own: Arc<Semaphore>,
    /// A newer program has taken a step of the schema that this one does not work with.
    outdated: Arc<SetOnce<(i64, i64)>>,
}

impl Postgres {
    /// Connects to the database, and migrates it.
    pub(crate) async fn open(url: &SecretString) -> Result<Self, StoreError> {
        let database = Self::new(url)?;
        database.on_thread(&database.0.writes, migrations::migrate).await?;
        Ok(database)
    }

    /// Brings the schema up to date; tells where it was.
    pub(crate) async fn migrate(url: &SecretString) -> Result<Schema, StoreError> {
        let database = Self::new(url)?;
        database.on_thread(&database.0.writes, migrations::migrate).await
    }

    /// The schema as it is.
    pub(crate) async fn schema(url: &SecretString) -> Result<Schema, StoreError> {
        let database = Self::new(url)?;
        database.read(migrations::schema).await
    }

    /// Runs `job` in a transaction, once the schema is up to date, while no node works with the
    /// database. Who comes meanwhile waits before anything is sealed or opened.
    pub(crate) async fn at_rest<T: Send + 'static>(
        url: &SecretString,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Self::open(url).await?;
        let alone = move |sql: &Sql| {
            let nodes = "SELECT count(*) FROM node WHERE until > time_now()";
            match sql.one(nodes, (), |row| row.get(0))? {
                0 => job(sql),
                nodes => Err(StoreError::AtWork(nodes)),
            }
        };
        database.write(Touches::All, alone).await
    }

    fn new(url: &SecretString) -> Result<Self, StoreError> {
        let pool = Pool::new(Connector::new(url)?, tokio::runtime::Handle::current());
        let permits = || Arc::new(Semaphore::new(AT_ONCE));
        let (writes, reads, own) = (permits(), permits(), permits());
        let (pool, outdated) = (Arc::new(pool), Arc::default());
        Ok(Self(Arc::new(Inner { pool, writes, reads, own, outdated })))
    }

    /// Runs `job` in a transaction. While it runs nobody else changes what it touches. When this
    /// returns, what it did is durable; if it failed, nothing of it happened. It may run more than
    /// once, when the database has refused it or the connection was cut.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        touches: Touches,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_with(&self.0.writes, touches, job).await
    }

    /// The same for what a node says of itself: others depend on hearing it, however many jobs of this
    /// process wait for the database.
    pub(crate) async fn write_own(
        &self,
        job: impl Fn(&Sql) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.write_with(&self.0.own, Touches::Nothing, job).await
    }

    async fn write_with<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        touches: Touches,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (pool, outdated) = (Arc::clone(&self.0.pool), Arc::clone(&self.0.outdated));
        let write = move || {
            let began = Instant::now();
            let written = transaction::write(&pool, &touches, &job);
            if let Err(StoreError::Newer { found, known }) = written {
                // Which of many finds it first is the same.
                let _ = outdated.set((found, known));
            }
            let is_refused = matches!(&written, Err(error) if error.is_of_database());
            metrics::committed(1, began.elapsed(), !is_refused);
            written
        };
        self.on_thread_with(turns, write).await
    }

    /// Ends when this program does not work with the schema any more: it cannot write from then on.
    pub(crate) async fn outdated(&self) -> StoreError {
        let (found, known) = *self.0.outdated.wait().await;
        StoreError::Newer { found, known }
    }

    /// Runs `job` on a connection that sees what was committed when it began.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(&self.0.pool);
        self.on_thread_with(&self.0.reads, move || transaction::read(&pool, &job)).await
    }

    /// The same for a job of a single statement.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(&self.0.pool);
        self.on_thread_with(&self.0.reads, move || transaction::look(&pool, &job)).await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(&self.0.pool);
        self.on_thread_with(turns, move || transaction::plain(&pool, &work)).await
    }

    /// A thread that may wait for the database, once it is the caller's turn.
    async fn on_thread_with<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
    }
}

//! Connections that read, each lent to one reader at a time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::StoreError;
use crate::sql::Sql;

/// How many read at the same time.
const READERS: usize = 4;

pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Sql>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(connect: impl Fn() -> Result<Sql, StoreError>) -> Result<Self, StoreError> {
        let idle = (0..READERS).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(READERS)) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        let idle = Arc::clone(&self.idle);
        let read = tokio::task::spawn_blocking(move || {
            let taken = lock(&idle).pop();
            let sql = taken.ok_or(StoreError::Closed)?;
            let result = in_snapshot(&sql, job);
            lock(&idle).push(sql);
            drop(permit);
            result
        });
        read.await.map_err(|_| StoreError::Closed)?
    }
}

/// One snapshot for all that the job reads.
fn in_snapshot<T>(
    sql: &Sql,
    job: impl FnOnce(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    sql.execute("BEGIN", ())?;
    let result = job(sql);
    sql.execute("ROLLBACK", ())?;
    result
}

fn lock(idle: &Mutex<Vec<Sql>>) -> std::sync::MutexGuard<'_, Vec<Sql>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

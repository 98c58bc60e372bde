//! The one thread that writes: jobs that wait are committed together.

use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::log::Log;
use crate::sql::Sql;
use crate::{StoreError, metrics};

/// The most jobs of one transaction.
const GROUP: usize = 128;
/// The most jobs that wait; whoever has more waits to hand them in.
const QUEUE: usize = 512;

pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A piece of work and whoever waits for it.
trait Job: Send {
    /// Does the work; true when it is to be committed.
    fn work(&mut self, sql: &Sql) -> bool;
    /// Tells the one who waits, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<T, F> {
    job: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Sql) -> Result<T, StoreError> + Send,
{
    fn work(&mut self, sql: &Sql) -> bool {
        let Some(job) = self.job.take() else { return false };
        let result = job(sql);
        let good = result.is_ok();
        self.result = Some(result);
        good
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // Whoever asked may have gone; the work is done all the same.
        let _ = self.reply.send(result);
    }
}

impl Writer {
    pub(super) fn start(sql: Sql, log: Log) -> Result<Self, StoreError> {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("oc-store-writer".to_owned())
            .spawn(move || write_all(&sql, &log, receiver))
            .map_err(|source| StoreError::File { path: "writer thread".into(), source })?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let task = Box::new(Task { job: Some(job), result: None, reply });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(task).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// Waits until everything handed in is written.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let thread = self.thread.get_mut().ok().and_then(Option::take);
        if let Some(thread) = thread.filter(|own| own.thread().id() != std::thread::current().id())
        {
            let _ = thread.join();
        }
    }
}

fn write_all(sql: &Sql, log: &Log, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        let began = Instant::now();
        let committed = transact(sql, &mut group);
        metrics::committed(group.len(), began.elapsed(), committed.is_ok());
        if let Err(error) = &committed {
            tracing::error!(%error, jobs = group.len(), "Transaction failed");
        }
        for job in group.drain(..) {
            let failed = committed.as_ref().err().map(ToString::to_string);
            job.answer(failed.map_or(Ok(()), |error| Err(StoreError::Commit(error))));
        }
        log.committed(sql);
    }
}

/// Does all jobs in one transaction; one that fails takes only its own work back.
fn transact(sql: &Sql, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    sql.execute("BEGIN IMMEDIATE", ())?;
    let done = group.iter_mut().try_for_each(|job| {
        sql.execute("SAVEPOINT job", ())?;
        if !job.work(sql) {
            sql.execute("ROLLBACK TO job", ())?;
        }
        sql.execute("RELEASE job", ()).map(drop)
    });
    let committed = done.and_then(|()| sql.execute("COMMIT", ()).map(drop));
    if committed.is_err() {
        // SQLite may have done so by itself; then there is nothing to be taken back.
        let _ = sql.batch("ROLLBACK");
    }
    committed
}

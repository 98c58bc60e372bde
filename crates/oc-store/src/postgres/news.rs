//! Nodes tell each other that there is something new, so that nobody waits for a timer; where a word
//! is lost, the timers look all the same.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Postgres;
use crate::StoreError;
use crate::sql::Sql;
use crate::wakes::{Wake, Wakes};

/// The name that nodes listen to.
pub(super) const CHANNEL: &str = "open_connectors";
/// News that come within this time are told at once: telling costs the server a lock that all
/// databases share.
const TOGETHER: Duration = Duration::from_millis(50);
/// The pause before a connection that was cut is made again.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells other nodes what is new here.
pub(super) async fn tell(
    database: Postgres,
    node: Uuid,
    wakes: Arc<Wakes>,
    stop: CancellationToken,
) {
    while let Some(untold) = stop.run_until_cancelled(wakes.untold()).await {
        let told =
            database.on_thread(&database.0.reads, move |sql: &Sql| notify(sql, node, &untold));
        if let Err(error) = told.await {
            tracing::debug!(%error, "Other nodes were not told that there is something new");
        }
        tokio::time::sleep(TOGETHER).await;
    }
}

fn notify(sql: &Sql, node: Uuid, news: &[Wake]) -> Result<(), StoreError> {
    let words = news.iter().map(|what| format!("{} {node}", what.name()));
    let notify = "SELECT 1 FROM pg_notify(?1, ?2)";
    sql.find_each(notify, words.map(|word| [CHANNEL.to_owned(), word]), |_| Ok(())).map(drop)
}

/// Wakes who waits here when other nodes tell of something.
pub(super) async fn listen(
    database: Postgres,
    node: Uuid,
    wakes: Arc<Wakes>,
    stop: CancellationToken,
) {
    let own = node.to_string();
    let heard = async {
        loop {
            match database.0.pool.listen(CHANNEL).await {
                Ok((_connection, mut news)) => {
                    // What was told while nobody listened.
                    Wake::ALL.into_iter().for_each(|what| wakes.wake_here(what));
                    while let Some(word) = news.recv().await {
                        let Some((name, from)) = word.split_once(' ') else { continue };
                        let what = Wake::ALL.into_iter().find(|what| what.name() == name);
                        if let Some(what) = what.filter(|_| from != own) {
                            wakes.wake_here(what);
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "News of other nodes cannot be heard"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    stop.run_until_cancelled(heard).await;
}

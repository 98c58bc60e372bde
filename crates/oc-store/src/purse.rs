//! What hubs of several nodes share: the rate budget of each provider account.

use std::sync::Arc;

use async_trait::async_trait;
use oc_config::Timestamp;
use oc_hub::{Draw, Drawn, Purse, PurseError};

use crate::postgres::Touches;
use crate::postgres::claims::micros;
use crate::sql::{Sql, params};
use crate::{Store, StoreError};

impl From<StoreError> for PurseError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

impl Store {
    /// What other processes share with this one, where there can be any.
    pub fn purse(&self) -> Option<Arc<dyn Purse>> {
        self.database.is_shared().then(|| Arc::new(self.clone()) as Arc<dyn Purse>)
    }
}

#[async_trait]
impl Purse for Store {
    async fn draw(&self, account: &str, draw: Draw) -> Result<Drawn, PurseError> {
        let account = account.to_owned();
        let take = move |sql: &Sql| take(sql, &account, draw);
        Ok(self.database.write_to(Touches::Nothing, take).await?)
    }

    async fn close(&self, account: &str, until: Timestamp) -> Result<(), PurseError> {
        let account = account.to_owned();
        let close = move |sql: &Sql| {
            let close =
                "INSERT INTO budget (account, closed_until, used) VALUES (?1, ?2, time_now())
                 ON CONFLICT (account) DO UPDATE SET used = excluded.used,
                   closed_until = greatest(budget.closed_until, excluded.closed_until)";
            sql.execute(close, params![account, until.0])?;
            Ok(())
        };
        Ok(self.database.write_to(Touches::Nothing, close).await?)
    }
}

/// The row is locked by its first change, so that no point is given twice.
///
/// A window that nobody draws from any more gives way to an earlier one: a clock that was far ahead
/// for a while has named it.
fn take(sql: &Sql, account: &str, draw: Draw) -> Result<Drawn, StoreError> {
    let (window, spent, closed_until) = sql.one(
        "INSERT INTO budget (account, number, used) VALUES (?1, ?2, time_now())
         ON CONFLICT (account) DO UPDATE SET
           (number, spent, used) = (SELECT
             CASE WHEN turns THEN excluded.number ELSE budget.number END,
             CASE WHEN turns THEN 0 ELSE budget.spent END,
             CASE WHEN excluded.number < budget.number AND NOT turns THEN budget.used
               ELSE excluded.used END
           FROM (SELECT excluded.number > budget.number OR (excluded.number < budget.number - 1
             AND budget.used < excluded.used - 2 * ?3) AS turns) AS whether)
         RETURNING number, spent, closed_until",
        params![account, draw.window, micros(draw.every)],
        |row| Ok((row.get::<i64>(0)?, row.get::<u32>(1)?, Timestamp(row.get(2)?))),
    )?;
    // Who lags behind asks for a window that is over.
    let left = if window == draw.window { draw.most.saturating_sub(spent) } else { 0 };
    let points = draw.wanted.min(left);
    let update = "UPDATE budget SET spent = spent + ?2 WHERE account = ?1";
    sql.execute(update, params![account, points])?;
    Ok(Drawn { points, closed_until })
}

/// What nobody has asked for since is forgotten: its windows are over.
pub(crate) fn sweep(sql: &Sql, before: Timestamp) -> Result<(), StoreError> {
    if sql.is_postgres() {
        sql.execute("DELETE FROM budget WHERE used < ?1 AND closed_until < ?1", [before.0])?;
    }
    Ok(())
}

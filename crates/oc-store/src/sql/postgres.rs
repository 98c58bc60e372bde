//! Statements over a connection to PostgreSQL.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, MaybeDone, maybe_done};
use futures_util::poll;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use tokio::runtime::Handle;
use tokio_postgres::{Client, Row, Statement};

use super::{Params, Value, values_of};
use crate::StoreError;

/// The longest that an answer is waited for; the server gives up before.
const PATIENCE: Duration = Duration::from_secs(40);
/// Statements of one text that are kept prepared; there are not so many in the program.
const KEPT: usize = 1_000;

/// Rows that one statement inserts at most.
const MOST_TOGETHER: usize = 16;
/// Statements that are kept to be sent together.
const MOST_UNSENT: usize = 128;

type Unsent = Pin<Box<MaybeDone<BoxFuture<'static, Answer<()>>>>>;
type Answer<T> = Result<T, tokio_postgres::Error>;

/// A connection. Whoever uses it is on a thread that may wait.
///
/// A statement whose answer nobody needs yet goes out with the next one that is waited for: each on its
/// own would wake the task that writes them, and fill a packet.
pub(crate) struct Session {
    client: Arc<Client>,
    runtime: Handle,
    prepared: RefCell<HashMap<String, Statement>>,
    /// What goes out with the next statement, in order...
    unsent: RefCell<Vec<Unsent>>,
    /// ...and whether a transaction begins with it.
    begins: Cell<bool>,
    /// An answer has not come in time: nobody knows what the server is doing.
    lost: Cell<bool>,
}

impl Session {
    pub(crate) fn new(client: Client, runtime: Handle) -> Self {
        let (prepared, unsent) = (RefCell::default(), RefCell::default());
        let (begins, lost) = (Cell::new(false), Cell::new(false));
        Self { client: Arc::new(client), runtime, prepared, unsent, begins, lost }
    }

    /// Whether it is of no use any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lost.get() || self.client.is_closed()
    }

    pub(super) fn batch(&self, text: &str) -> Result<(), StoreError> {
        self.wait(self.client.batch_execute(text))
    }

    pub(super) fn batch_within(&self, text: &str, within: Duration) -> Result<(), StoreError> {
        self.wait_for(within, self.client.batch_execute(text))
    }

    /// Begins a transaction; whether it has is heard with its first statement.
    pub(super) fn begin(&self, text: &str) {
        let (client, text) = (Arc::clone(&self.client), text.to_owned());
        self.later(async move { client.batch_execute(&text).await });
        self.begins.set(true);
    }

    /// Ends a transaction as if nothing had happened, which nobody has to hear of: what is sent from
    /// now on comes behind it. It only fails where the connection is closed.
    pub(super) fn roll_back(&self) {
        self.unsent.take();
        if !self.begins.take() {
            // The first look sends it.
            let mut end = pin!(self.client.batch_execute("ROLLBACK"));
            let _ = self.runtime.block_on(async { poll!(&mut end) });
        }
    }

    pub(super) fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let statement = self.prepared(text, values)?;
        self.wait(self.client.execute(&statement, &parameters(values))).map(count)
    }

    pub(super) fn rows(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(text, values)?;
        self.wait(self.client.query(&statement, &parameters(values)))
    }

    /// Runs a statement for each row of values. How that went is heard with a later statement.
    pub(super) fn execute_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<(), StoreError> {
        rows.into_iter().try_for_each(|row| self.execute_later(text, row.values().as_ref()))
    }

    /// Inserts rows, several of them with a statement. How that went is heard with a later one.
    pub(super) fn insert_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<(), StoreError> {
        let rows: Vec<P> = rows.into_iter().collect();
        let mut rest = &rows[..];
        while !rest.is_empty() {
            // Few lengths, so that few statements have to be prepared.
            let length = 1 << rest.len().min(MOST_TOGETHER).ilog2();
            let (some, after) = rest.split_at(length);
            let values: Vec<_> = some.iter().map(Params::values).collect();
            let values: Vec<_> = values.iter().flat_map(AsRef::as_ref).copied().collect();
            let text = format!("{text} {}", values_of(length, values.len() / length));
            self.execute_later(&text, &values)?;
            rest = after;
        }
        Ok(())
    }

    fn execute_later(&self, text: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        if self.unsent.borrow().len() >= MOST_UNSENT {
            self.hear()?;
        }
        let statement = self.prepared(text, values)?;
        let (values, client) = (owned(values), Arc::clone(&self.client));
        self.later(async move { client.execute(&statement, &borrowed(&values)).await.map(drop) });
        Ok(())
    }

    /// Runs a statement; what it finds is there once it was heard.
    pub(super) fn find_later(
        &self,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Arc<OnceLock<Vec<Row>>>, StoreError> {
        let statement = self.prepared(text, values)?;
        let (values, client) = (owned(values), Arc::clone(&self.client));
        let found = Arc::new(OnceLock::new());
        let place = Arc::clone(&found);
        self.later(async move {
            let rows = client.query(&statement, &borrowed(&values)).await?;
            place.get_or_init(|| rows);
            Ok(())
        });
        Ok(found)
    }

    /// Waits until everything is done.
    pub(super) fn hear(&self) -> Result<(), StoreError> {
        self.wait(async { Ok(()) })
    }

    /// One round trip for all rows of values; tells how many rows each has changed.
    pub(super) fn count_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<Vec<usize>, StoreError> {
        let run = async |statement: &Statement, values: &[Value<'_>]| {
            self.client.execute(statement, &parameters(values)).await
        };
        let changed = self.each(text, rows, run)?;
        Ok(changed.into_iter().map(count).collect())
    }

    /// One round trip for all rows of values.
    pub(super) fn rows_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let run = async |statement: &Statement, values: &[Value<'_>]| {
            self.client.query(statement, &parameters(values)).await
        };
        self.each(text, rows, run)
    }

    /// Sends a statement for each row of values before any answer is waited for. The server takes
    /// them in this order.
    fn each<P: Params, T>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
        run: impl AsyncFn(&Statement, &[Value<'_>]) -> Answer<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows: Vec<P> = rows.into_iter().collect();
        let rows: Vec<_> = rows.iter().map(Params::values).collect();
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let statement = self.prepared(text, first.as_ref())?;
        self.wait(async {
            let mut sent = Vec::with_capacity(rows.len());
            for values in &rows {
                let mut answer = Box::pin(maybe_done(run(&statement, values.as_ref())));
                // The first look sends it.
                let _ = poll!(&mut answer);
                sent.push(answer);
            }
            let mut answers = Vec::with_capacity(sent.len());
            for mut answer in sent {
                answer.as_mut().await;
                answers.extend(answer.as_mut().take_output());
            }
            answers.into_iter().collect()
        })
    }

    fn later(&self, answer: impl Future<Output = Answer<()>> + Send + 'static) {
        let answer: BoxFuture<'static, Answer<()>> = Box::pin(answer);
        self.unsent.borrow_mut().push(Box::pin(maybe_done(answer)));
    }

    fn prepared(&self, text: &str, values: &[Value<'_>]) -> Result<Statement, StoreError> {
        if let Some(statement) = self.prepared.borrow().get(text) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = values.iter().map(Value::sql_type).collect();
        let statement = self.wait(self.client.prepare_typed(&numbered(text), &types))?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() >= KEPT {
            prepared.clear();
        }
        prepared.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    fn wait<T>(&self, answer: impl Future<Output = Answer<T>>) -> Result<T, StoreError> {
        self.wait_for(PATIENCE, answer)
    }

    fn wait_for<T>(
        &self,
        within: Duration,
        answer: impl Future<Output = Answer<T>>,
    ) -> Result<T, StoreError> {
        let mut before = self.unsent.take();
        self.begins.set(false);
        let answer = async {
            // The first look at each sends it.
            for unsent in &mut before {
                let _ = poll!(unsent);
            }
            let mut answer = pin!(maybe_done(answer));
            let _ = poll!(&mut answer);
            // The first that has failed says why the others have.
            for mut sent in before {
                sent.as_mut().await;
                sent.as_mut().take_output().transpose()?;
            }
            answer.as_mut().await;
            answer.take_output().transpose()
        };
        let answer = async { tokio::time::timeout(within, answer).await };
        match self.runtime.block_on(answer) {
            Ok(answer) => answer?.ok_or(StoreError::Closed),
            Err(_) => {
                self.lost.set(true);
                Err(StoreError::NoAnswer(within))
            }
        }
    }
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

fn parameters<'v>(values: &'v [Value<'v>]) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// A text as PostgreSQL can hold it: it has no place for NUL; ids and messages with it are odd anyway.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// `?1` is `$1` in PostgreSQL.
fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_value = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        numbered.push(if is_value { '$' } else { letter });
    }
    numbered
}

impl Value<'_> {
    fn sql_type(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Blob(_) => Type::BYTEA,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Integers(_) => Type::INT8_ARRAY,
        }
    }
}

/// Values that live as long as what is sent.
type Owned = Vec<Box<dyn ToSql + Send + Sync>>;

fn owned(values: &[Value<'_>]) -> Owned {
    values.iter().map(Value::owned).collect()
}

fn borrowed(values: &Owned) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as _).collect()
}

impl Value<'_> {
    fn owned(&self) -> Box<dyn ToSql + Send + Sync> {
        match self {
            Self::Integer(number) => Box::new(*number),
            Self::Text(text) => Box::new(text.map(|text| storable(text).into_owned())),
            Self::Blob(bytes) => Box::new(bytes.map(<[u8]>::to_vec)),
            Self::Texts(texts) => {
                Box::new(texts.iter().map(|text| storable(text).into_owned()).collect::<Vec<_>>())
            }
            Self::Integers(numbers) => Box::new(numbers.to_vec()),
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Text(text) => text.map(storable).to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
            Self::Texts(texts) => {
                texts.iter().map(|text| storable(text)).collect::<Vec<_>>().to_sql(kind, out)
            }
            Self::Integers(numbers) => numbers.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA, Type::TEXT_ARRAY, Type::INT8_ARRAY].contains(kind)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_postgresql_has_them() {
        assert_eq!(numbered("a = ?1 AND b = ?12 OR '?'"), "a = $1 AND b = $12 OR '?'");
    }
}

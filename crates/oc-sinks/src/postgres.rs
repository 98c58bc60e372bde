//! A PostgreSQL table: one row for each notification, whatever is repeated.

mod table;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use oc_egress::EgressError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::settings::PostgresSettings;
use crate::sink::{Parcel, Sink, SinkError};
pub(crate) use table::TableName;

const CONNECTIONS: usize = 8;
const CONNECT: Duration = Duration::from_secs(5);

/// Inserts notifications.
pub(crate) struct PostgresSink {
    pool: Pool,
    table: TableName,
    create_table: bool,
}

impl PostgresSink {
    /// `within` is how long a notification may wait for a connection.
    pub(crate) fn new(settings: &PostgresSettings, within: Duration) -> Result<Self, EgressError> {
        let fault = |detail: &str| EgressError::Invalid(format!("PostgreSQL: {detail}"));
        let mut config = config(&settings.url).ok_or_else(|| fault("the url cannot be read"))?;
        config.connect_timeout(CONNECT).application_name("open-connectors");
        // What a connection was given up with may still be under way in it: so each is asked first.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let tls = MakeRustlsConnect::new(oc_egress::usual_tls()?);
        let timeouts =
            Timeouts { wait: Some(within), create: Some(CONNECT), recycle: Some(CONNECT) };
        let pool = Pool::builder(Manager::from_config(config, tls, recycling))
            .max_size(CONNECTIONS)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| fault(&error.to_string()))?;
        let (table, create_table) = (settings.table.clone(), settings.create_table);
        Ok(Self { pool, table, create_table })
    }

    async fn insert(&self, client: &Object, parcel: &Parcel, body: Body) -> Result<(), Fault> {
        let headers = parcel.headers.iter();
        let headers: Map<String, Value> = headers
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
            .collect();
        let headers = Value::from(headers).to_string();
        let id = parcel.id.hyphenated().to_string();
        let bytes: &[u8] = &parcel.body;
        let values: [(&(dyn ToSql + Sync), Type); 6] = [
            (&id, Type::TEXT),
            (&parcel.organization, Type::INT8),
            (&parcel.instance.0, Type::INT8),
            (&parcel.resource, Type::TEXT),
            (&headers, Type::TEXT),
            (&bytes, Type::BYTEA),
        ];
        let statement = self.table.insert(body == Body::Jsonb);
        client.execute_typed(&statement, &values).await.map(drop)
    }
}

type Fault = tokio_postgres::Error;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Jsonb,
    /// Some JSON is no `jsonb`, as a text with a NUL in it or a very large number.
    BytesOnly,
}

#[async_trait]
impl Sink for PostgresSink {
    async fn put(&self, parcel: &Parcel) -> Result<(), SinkError> {
        let client = self.pool.get().await.map_err(no_connection)?;
        let mut inserted = self.insert(&client, parcel, Body::Jsonb).await;
        if self.create_table && has(&inserted, |code| *code == SqlState::UNDEFINED_TABLE) {
            // Another one may have made it meanwhile; the insertion tells.
            let _ = client.batch_execute(&self.table.definition()).await;
            inserted = self.insert(&client, parcel, Body::Jsonb).await;
        }
        if has(&inserted, is_about_the_body) {
            inserted = self.insert(&client, parcel, Body::BytesOnly).await;
        }
        inserted.map_err(|error| failed(&error))
    }
}

fn has(inserted: &Result<(), Fault>, so: impl Fn(&SqlState) -> bool) -> bool {
    inserted.as_ref().err().and_then(Fault::code).is_some_and(so)
}

/// "Data exception", and limits as that on the depth.
fn is_about_the_body(code: &SqlState) -> bool {
    code.code().starts_with("22") || code.code().starts_with("54")
}

fn no_connection(error: PoolError) -> SinkError {
    match error {
        PoolError::Timeout(_) => SinkError::TimedOut,
        PoolError::Backend(error) => failed(&error),
        other => SinkError::Unreachable(other.to_string()),
    }
}

/// What the server says of itself is not about the notification: no connection (08), no resources
/// (53), it is stopped (57), it is read only (25), an error of its own (58, XX).
fn failed(error: &Fault) -> SinkError {
    let Some(database) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        return SinkError::Unreachable(format!("{error}{}", cause.unwrap_or_default()));
    };
    let detail = format!("{} ({})", database.message(), database.code().code());
    let class = database.code().code().get(..2).unwrap_or_default();
    match class {
        "08" | "25" | "53" | "57" | "58" | "XX" => SinkError::Unreachable(detail),
        _ => SinkError::Refused(detail),
    }
}

/// A connection's parameters; the url says how it is encrypted (`sslmode`).
pub(crate) fn config(url: &SecretString) -> Option<Config> {
    let url = url.expose_secret();
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    is_url.then(|| url.parse().ok()).flatten()
}

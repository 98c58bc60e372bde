//! A PostgreSQL database of each test's own.

use std::sync::Arc;

use oc_store::Location;
use oc_tests::Postgres;

/// Where a database is, and the server that has it.
pub(crate) struct Place {
    server: Arc<Postgres>,
    url: String,
}

/// An empty sequence of bytes, as the database spells it.
pub(crate) const NO_BYTES: &str = "CAST('' AS BYTEA)";

/// Sixteen bytes, others each time.
pub(crate) const RANDOM_ID: &str = "decode(md5(CAST(random() AS TEXT)), 'hex')";

pub(crate) async fn new() -> Place {
    let server = Postgres::shared().await.expect("a server");
    let url = server.database().await.expect("a database");
    Place { server, url }
}

pub(crate) fn location(place: &Place) -> Location {
    Location::Postgres(place.url.clone().into())
}

/// Carries out SQL, and tells the number that it finds, when it finds one.
pub(crate) async fn ask(place: &Place, sql: &str) -> Option<i64> {
    place.server.query(&place.url, sql).await.expect("an answer").parse().ok()
}

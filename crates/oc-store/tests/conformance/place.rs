//! A SQLite file of each test's own.

use oc_store::Location;
use tempfile::TempDir;

/// Where a database is.
pub(crate) type Place = TempDir;

/// An empty sequence of bytes, as the database spells it.
pub(crate) const NO_BYTES: &str = "x''";

/// Sixteen bytes, others each time.
pub(crate) const RANDOM_ID: &str = "randomblob(16)";

pub(crate) async fn new() -> Place {
    TempDir::new().expect("a folder")
}

pub(crate) fn location(place: &Place) -> Location {
    Location::File(place.path().join("oc.db"))
}

/// Carries out SQL, and tells the number that it finds, when it finds one.
pub(crate) async fn ask(place: &Place, sql: &str) -> Option<i64> {
    let file = rusqlite::Connection::open(place.path().join("oc.db")).expect("the file");
    let mut statement = file.prepare(sql).expect("SQL");
    let mut rows = statement.query([]).expect("an answer");
    rows.next().expect("a row").map(|row| row.get(0).expect("a number"))
}

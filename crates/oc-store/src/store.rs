//! The store: one database, and what it needs to know to read what is in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oc_config::Catalogue;
use oc_egress::Clock;
use uuid::Uuid;

use crate::claims::Kind;
use crate::database::Database;
use crate::leases::Leases;
use crate::ledger::Together;
use crate::postgres::{Node, Touches};
use crate::profile::Profiles;
use crate::sql::{Sql, params};
use crate::turns::LastTurns;
use crate::wakes::Wakes;
use crate::{Location, SecretKey, StoreError};

/// The sealed value that tells at the start whether the key is the right one.
pub(crate) const KEY_CHECK: &str = "key check";

/// The value that tells databases apart.
const IDENTITY: &str = "identity";

/// The longest that an answer is waited for by whoever asks whether there is one: less than the five
/// seconds that they themselves wait, so that they hear that there is none.
const READY: Duration = Duration::from_secs(4);

/// What opening a store needs.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is; what is missing there is made.
    pub database: Location,
    /// The key for secrets.
    pub key: SecretKey,
    /// The connectors that instances name.
    pub catalogue: Arc<Catalogue>,
    /// The shortest poll interval the operator allows.
    pub shortest_interval: Duration,
}

/// Everything that must survive. Clones share the database.
///
/// What a method has stored is durable when it returns.
#[derive(Clone)]
pub struct Store {
    pub(crate) database: Database,
    pub(crate) key: SecretKey,
    pub(crate) profiles: Profiles,
    pub(crate) shared: Arc<Shared>,
    /// Only where others share the database; one file's writer has transactions for all there is.
    pub(crate) together: Option<Together>,
}

/// What one process knows of its own work under way.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) leases: Mutex<Leases<(Kind, i64)>>,
    pub(crate) wakes: Arc<Wakes>,
    /// Whose turn it was to be polled.
    pub(crate) last_polled: Mutex<LastTurns>,
    /// Whose turn it was to be delivered to.
    pub(crate) last_sent: Mutex<LastTurns>,
}

impl Store {
    /// Opens the database, creating and migrating it as needed.
    ///
    /// # Errors
    /// A file that another process has, that a newer program wrote, or that was made with another
    /// secret key.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let database = Database::open(&options.database).await?;
        let profiles =
            Profiles::new(options.key.clone(), options.catalogue, options.shortest_interval);
        let together = database.is_shared().then(|| Together::start(database.clone()));
        let shared = Arc::default();
        let store = Self { database, key: options.key, profiles, shared, together };
        if let Err(error) = store.check_key().await {
            // Others are not to count on it; that this fails would hide why.
            let _ = store.leave().await;
            return Err(error);
        }
        store.database.tell_each_other(&store.shared.wakes);
        Ok(store)
    }

    /// The clock that all who share the database agree on; the machine's where nobody else does.
    pub fn clock(&self) -> Clock {
        self.node().map_or_else(Clock::system, Node::clock)
    }

    /// Gives back what is claimed, so that others who share the database take it over at once.
    ///
    /// # Errors
    /// When the storage fails; then claims end with their leases.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.database.leave().await
    }

    /// The name of the database, of letters and digits: the same for all who share it, and its own.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn identity(&self) -> Result<String, StoreError> {
        let new = Uuid::now_v7().simple().to_string();
        let name = move |sql: &Sql| {
            sql.execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
                params![IDENTITY, new.clone().into_bytes()],
            )?;
            let name = meta(sql, IDENTITY)?.unwrap_or_default();
            String::from_utf8(name).map_err(|error| StoreError::stored("meta", error))
        };
        self.database.write_to(Touches::Nothing, name).await
    }

    /// Ends when a newer program has changed the schema so that this one does not work with it any
    /// more, and tells so. Nothing can be stored from then on.
    pub async fn outdated(&self) -> StoreError {
        self.database.outdated().await
    }

    /// This process among those that share the database, when any can.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.database.node()
    }

    /// True while the database answers, and does so soon.
    pub async fn is_ready(&self) -> bool {
        let asked = self.database.write_to(Touches::Nothing, |_| Ok(()));
        tokio::time::timeout(READY, asked).await.is_ok_and(|answer| answer.is_ok())
    }

    /// A wrong key is found at the start, not at the first secret.
    async fn check_key(&self) -> Result<(), StoreError> {
        let key = self.key.clone();
        self.database
            .write(move |sql| match meta(sql, KEY_CHECK)? {
                Some(sealed) => key.open(KEY_CHECK, &sealed).map(drop),
                None => {
                    let sealed = key.seal(KEY_CHECK, b"")?;
                    sql.execute(
                        "INSERT INTO meta (key, value) VALUES (?1, ?2)",
                        params![KEY_CHECK, sealed],
                    )?;
                    Ok(())
                }
            })
            .await
    }
}

/// The lock's content; a holder that panicked has left it whole, as each step is one call.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn meta(sql: &Sql, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    sql.find("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
}

//! Locks by name: whatever has the same name is done one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// An organization, and a word that its clients have chosen.
type Name = (i64, String);

/// Who is at work under a name. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct KeyLocks(Arc<Mutex<HashMap<Name, Weak<tokio::sync::Mutex<()>>>>>);

impl KeyLocks {
    /// Waits until nobody else is at work under the name; others wait until the guard is dropped.
    pub(crate) async fn hold(&self, name: Name) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let found = locks.get(&name).and_then(Weak::upgrade);
            found.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(name, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

//! Refreshes under way: at most one an instance, and none is abandoned half-way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oc_config::InstanceId;
use oc_egress::Clock;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{Patience, TokenError};
use crate::metrics;
use crate::{Grant, Intent, Replaced, TokenEndpoint, TokenFault, TokenSet, Vault};

const LOST: &str = "the answer to the last refresh was lost, and the provider no longer accepts the \
    refresh token we have";
/// A pair that could not be stored is tried again for so many times; it exists nowhere else.
const STORE_TRIES: u32 = 200;

/// The time between two looks at what another node's refresh has come to...
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// ...of which there are so many.
const LOOKS: u32 = 300;

type Outcome = Option<Result<(), TokenError>>;

/// The refreshes under way. Clones share them.
#[derive(Clone)]
pub(super) struct Flights {
    refresh: Arc<Refresh>,
    waiting: Arc<Mutex<HashMap<InstanceId, watch::Receiver<Outcome>>>>,
    tasks: TaskTracker,
}

struct Refresh {
    vault: Arc<dyn Vault>,
    endpoint: TokenEndpoint,
    clock: Clock,
    patience: Patience,
}

impl Flights {
    pub(super) fn new(
        vault: Arc<dyn Vault>,
        endpoint: TokenEndpoint,
        clock: Clock,
        patience: Patience,
    ) -> Self {
        let refresh = Arc::new(Refresh { vault, endpoint, clock, patience });
        Self { refresh, waiting: Arc::default(), tasks: TaskTracker::new() }
    }

    /// Refreshes the pair of `version`, or waits for the refresh that is under way.
    ///
    /// The refresh is a task of its own: a caller that goes away does not end it, as the provider
    /// may already have ended the old pair.
    pub(super) async fn refresh(
        &self,
        instance: InstanceId,
        version: i64,
    ) -> Result<(), TokenError> {
        let mut outcome = self.join_or_begin(instance, version);
        let ended = outcome.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| Err(TokenError::Unavailable("the refresh was given up".to_owned())))
    }

    pub(super) async fn settle(&self, within: Duration) {
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!(refreshes = self.tasks.len(), "Refreshes still under way");
        }
        self.tasks.reopen();
    }

    fn join_or_begin(&self, instance: InstanceId, version: i64) -> watch::Receiver<Outcome> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = waiting.get(&instance) {
            return outcome.clone();
        }
        let (ends, outcome) = watch::channel(None);
        waiting.insert(instance, outcome.clone());
        let (refresh, under_way) = (Arc::clone(&self.refresh), Arc::clone(&self.waiting));
        let task = async move {
            // Removed even if the refresh panics, so that the next caller begins another.
            let _done = Done { under_way, instance };
            let ended = refresh.run(instance, version).await;
            metrics::refreshed(&ended);
            ends.send_replace(Some(ended));
        };
        // What it logs names the request that it is for.
        self.tasks.spawn(task.in_current_span());
        outcome
    }
}

struct Done {
    under_way: Arc<Mutex<HashMap<InstanceId, watch::Receiver<Outcome>>>>,
    instance: InstanceId,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.instance);
    }
}

impl Refresh {
    /// Intent, request, both tokens stored: in this order (instances.md, "OAuth 2").
    async fn run(&self, instance: InstanceId, version: i64) -> Result<(), TokenError> {
        let Some(grant) = self.begin(instance, version).await? else { return Ok(()) };
        match self.ask(&grant).await {
            Ok(tokens) => self.store(instance, version, tokens).await,
            Err(Ended::Later(why)) => {
                self.vault.give_up(instance).await?;
                Err(TokenError::Unavailable(why))
            }
            Err(Ended::Dead(reason)) => {
                if self.current(instance, version).await?.is_none() {
                    self.vault.give_up(instance).await?;
                    return Ok(());
                }
                tracing::warn!(%instance, "Refresh refused; the instance must be authorized again");
                self.vault.mark_dead(instance, version, reason.clone()).await?;
                Err(TokenError::NeedsAuthentication(reason))
            }
        }
    }

    /// The grant, once no other node refreshes it; `None` when one of them has.
    async fn begin(&self, instance: InstanceId, version: i64) -> Result<Option<Grant>, TokenError> {
        for _ in 0..LOOKS {
            let Some(grant) = self.current(instance, version).await? else { return Ok(None) };
            if self.vault.intend(instance, version, self.clock.now()).await? == Intent::Noted {
                return Ok(Some(grant));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(TokenError::Unavailable("another node refreshes, and does not end".to_owned()))
    }

    /// The grant, unless a newer pair has taken its place.
    async fn current(
        &self,
        instance: InstanceId,
        version: i64,
    ) -> Result<Option<Grant>, TokenError> {
        let grant = self.vault.load(instance).await?;
        let gone = || TokenError::NeedsAuthentication("it has no tokens".to_owned());
        let grant = grant.ok_or_else(gone)?;
        Ok((grant.version <= version).then_some(grant))
    }

    async fn ask(&self, grant: &Grant) -> Result<TokenSet, Ended> {
        let Some(refresh) = &grant.tokens.refresh else {
            return Err(Ended::Dead(
                "the access token has ended and there is no refresh token".to_owned(),
            ));
        };
        let mut lost = grant.intent.is_some();
        let mut pause = self.patience.pause;
        let mut tries = self.patience.tries;
        loop {
            tries -= 1;
            let now = self.clock.now();
            let why =
                match self.endpoint.refresh(&grant.provider, &grant.client, refresh, now).await {
                    Ok(tokens) => return Ok(tokens),
                    Err(TokenFault::Refused { dead: true, .. }) if lost => {
                        return Err(Ended::Dead(LOST.to_owned()));
                    }
                    Err(TokenFault::Refused { dead: true, text }) => {
                        return Err(Ended::Dead(format!("the provider refused: {text}")));
                    }
                    Err(fault @ TokenFault::Refused { dead: false, .. }) => {
                        return Err(Ended::Later(fault.to_string()));
                    }
                    Err(TokenFault::Lost(why)) => {
                        lost = true;
                        why
                    }
                    Err(TokenFault::Unavailable(why)) => why,
                };
            if tries == 0 {
                return Err(Ended::Later(why));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Stores the only copy of a new pair, however long the storage takes to recover.
    async fn store(
        &self,
        instance: InstanceId,
        version: i64,
        tokens: TokenSet,
    ) -> Result<(), TokenError> {
        let mut pause = Duration::from_millis(50);
        for _ in 0..STORE_TRIES {
            match self.vault.replace(instance, version, tokens.clone()).await {
                Ok(Replaced::Stored(_) | Replaced::Conflict) => return Ok(()),
                Err(error) => tracing::error!(%instance, %error, "New tokens not stored yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        Err(TokenError::Unavailable("the new tokens could not be stored".to_owned()))
    }
}

/// How asking for a new pair ended without one.
enum Ended {
    Later(String),
    Dead(String),
}

//! The receiver of the simulation: takes, refuses, or takes and says nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oc_dispatch::{Attempt, AttemptVerdict, Destination, Outgoing, SentHeaders, Transport};
use oc_egress::{Clock, Dice};
use uuid::Uuid;

use super::fuse::Fuse;
use super::lock;
use super::mutant::Mutant;
use super::story::Story;

/// Hands notifications to the story.
pub(super) struct SimulatedReceiver {
    pub(super) story: Arc<Mutex<Story>>,
    pub(super) clock: Clock,
    pub(super) dice: Dice,
    pub(super) fuse: Fuse,
    pub(super) mutant: Mutant,
}

#[async_trait]
impl Transport for SimulatedReceiver {
    async fn send(&self, to: &Destination, outgoing: Outgoing) -> Attempt {
        self.fuse.pass().await;
        let calm = lock(&self.story).calm;
        let luck = if calm { 0.0 } else { self.dice.roll() };
        // Up to 0.85 it arrives; from 0.75 on nobody hears of it.
        if luck < 0.85
            && let Destination::Callback(callback) = to
        {
            let repeated = outgoing.attempt > 1 && self.mutant == Mutant::NewIdOnRepeat;
            let id = if repeated { Uuid::now_v7() } else { outgoing.id };
            lock(&self.story).arrives(callback.url.path(), id, &outgoing.body);
        }
        self.fuse.pass().await;
        let failed = AttemptVerdict::Failed { retry_after: None, overloaded: luck > 0.95 };
        let verdict = if luck < 0.75 { AttemptVerdict::Delivered } else { failed };
        Attempt {
            url: String::new(),
            request: SentHeaders::default(),
            at: self.clock.now(),
            took: Duration::from_millis(5),
            status: Some(if luck < 0.75 { 200 } else { 500 }),
            error: None,
            answer: String::new(),
            verdict,
        }
    }
}

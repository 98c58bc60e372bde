//! What wakes the parts of this process: there may be something to do before their timers look.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What may be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something to send.
    Outbox,
    /// Something that a provider has pushed.
    Pushed,
}

impl Wake {
    pub(crate) const ALL: [Self; 2] = [Self::Outbox, Self::Pushed];

    /// As nodes tell each other.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Pushed => "pushed",
        }
    }
}

/// Who waits for news here, and what other nodes have not been told yet.
#[derive(Default)]
pub(crate) struct Wakes {
    here: [Notify; 2],
    untold: [AtomicBool; 2],
    tell: Notify,
    /// Other nodes hear of what is to be sent in another way.
    quiet: AtomicBool,
}

impl Wakes {
    /// Something new was stored, for whichever node is first.
    pub(crate) fn wake(&self, what: Wake) {
        self.wake_here(what);
        if what == Wake::Outbox && self.quiet.load(Ordering::Relaxed) {
            return;
        }
        self.untold[what as usize].store(true, Ordering::Release);
        self.tell.notify_one();
    }

    /// Whether other nodes are told that there is something to send.
    pub(crate) fn tell_of_outbox(&self, tell: bool) {
        self.quiet.store(!tell, Ordering::Relaxed);
    }

    /// The same that only this process has to know.
    pub(crate) fn wake_here(&self, what: Wake) {
        self.here[what as usize].notify_one();
    }

    /// Ends when there may be something new; what happened before the call counts too.
    pub(crate) async fn changed(&self, what: Wake) {
        self.here[what as usize].notified().await;
    }

    /// What other nodes are to be told, once there is something.
    pub(crate) async fn untold(&self) -> Vec<Wake> {
        loop {
            self.tell.notified().await;
            let is_untold = |what: &Wake| self.untold[*what as usize].swap(false, Ordering::AcqRel);
            let untold: Vec<Wake> = Wake::ALL.into_iter().filter(is_untold).collect();
            if !untold.is_empty() {
                return untold;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn others_are_told_unless_they_hear_it_in_another_way() {
        let wakes = Wakes::default();
        wakes.tell_of_outbox(false);
        wakes.wake(Wake::Outbox);
        wakes.changed(Wake::Outbox).await;
        wakes.wake(Wake::Pushed);
        assert_eq!(wakes.untold().await, [Wake::Pushed]);
        wakes.tell_of_outbox(true);
        wakes.wake(Wake::Outbox);
        assert_eq!(wakes.untold().await, [Wake::Outbox]);
    }
}

//! Which tickets stay in the stream.
//!
//! Each of them waits or is under way, so JetStream is to know of as many. When it does not, its nodes
//! have come to keep different tickets, as its versions do that apply a message on one node and refuse
//! it on another (nats-server#7607): then some are there for ever and nobody is handed them.

use std::collections::HashMap;
use std::time::Duration;

use oc_dispatch::Ticket;
use tokio::time::Instant;

use crate::stream::Standing;

/// What was there at each look for so long, was there whenever it was last asked how it stands.
const LONG: Duration = Duration::from_secs(20);

/// Since when which ticket has been there at each look.
#[derive(Default)]
pub(crate) struct Stays(HashMap<Ticket, Instant>);

impl Stays {
    /// Sees what is in the stream now.
    pub(crate) fn see(&mut self, tickets: &[Ticket]) {
        let now = Instant::now();
        let since = |ticket: &Ticket| (*ticket, self.0.get(ticket).copied().unwrap_or(now));
        self.0 = tickets.iter().map(since).collect();
    }

    /// Whether more tickets have stayed than JetStream says to have.
    pub(crate) fn belie(&self, standing: Standing) -> bool {
        let stayed = self.0.values().filter(|since| since.elapsed() >= LONG).count();
        stayed > standing.waiting.saturating_add(standing.under_way)
    }
}

#[cfg(test)]
mod tests {
    use oc_dispatch::{LaneId, Turn};
    use tokio::time::advance;

    use super::*;

    fn tickets(lanes: &[i64]) -> Vec<Ticket> {
        lanes.iter().map(|lane| Ticket { lane: LaneId(*lane), turn: Turn::New }).collect()
    }

    const NONE: Standing = Standing { waiting: 0, under_way: 0 };

    #[tokio::test(start_paused = true)]
    async fn what_has_been_there_all_the_time_must_be_known() {
        let mut stays = Stays::default();
        for _ in 0..20 {
            stays.see(&tickets(&[1, 2, 3]));
            assert!(!stays.belie(NONE));
            advance(Duration::from_secs(1)).await;
        }
        stays.see(&tickets(&[1, 2, 3]));
        assert!(stays.belie(NONE));
        assert!(stays.belie(Standing { waiting: 1, under_way: 1 }));
        assert!(!stays.belie(Standing { waiting: 1, under_way: 2 }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_gone_in_between_counts_from_its_return() {
        let mut stays = Stays::default();
        stays.see(&tickets(&[1, 2]));
        advance(LONG).await;
        stays.see(&tickets(&[2]));
        stays.see(&tickets(&[1, 2]));
        assert!(stays.belie(NONE) && !stays.belie(Standing { waiting: 0, under_way: 1 }));
        advance(LONG).await;
        assert!(stays.belie(Standing { waiting: 0, under_way: 1 }));
    }
}

//! How many lanes a destination may have under way: fewer when it is short of breath, none while it
//! has asked for a pause.

use std::collections::HashMap;

use oc_config::Timestamp;

use super::lane::Breath;
use crate::outbox::DestinationId;

/// The destinations with lanes under way, or with less than their full share.
#[derive(Debug)]
pub(super) struct Allowances {
    most: usize,
    by: HashMap<DestinationId, Allowance>,
}

#[derive(Debug)]
struct Allowance {
    limit: usize,
    busy: usize,
    /// Nothing is sent before.
    paused_until: Timestamp,
}

impl Allowances {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), by: HashMap::new() }
    }

    /// The room of each destination that has not its full share, where none gets more than `most`.
    pub(super) fn room(&self, now: Timestamp, most: usize) -> HashMap<DestinationId, usize> {
        let room = |(id, one): (&DestinationId, &Allowance)| {
            let paused = one.paused_until > now;
            (id.clone(), if paused { 0 } else { one.limit.min(most).saturating_sub(one.busy) })
        };
        self.by.iter().map(room).collect()
    }

    /// When the next pause ends.
    pub(super) fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        self.by.values().map(|one| one.paused_until).filter(|until| *until > now).min()
    }

    /// A lane begins.
    pub(super) fn enter(&mut self, id: &DestinationId) {
        let full = Allowance { limit: self.most, busy: 0, paused_until: Timestamp::EPOCH };
        self.by.entry(id.clone()).or_insert(full).busy += 1;
    }

    /// A lane ends: the share is halved, or grows by one; a pause holds for all lanes.
    pub(super) fn leave(&mut self, id: &DestinationId, breath: Breath) {
        let Some(one) = self.by.get_mut(id) else { return };
        one.busy = one.busy.saturating_sub(1);
        one.limit = match breath {
            Breath::Short => (one.limit / 2).max(1),
            Breath::Pause(until) => {
                one.paused_until = one.paused_until.max(until);
                (one.limit / 2).max(1)
            }
            Breath::Easy => (one.limit + 1).min(self.most),
            Breath::Unknown => one.limit,
        };
        if one.busy == 0 && one.limit == self.most {
            self.by.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_short_of_breath_gets_half_and_recovers_with_each_success() {
        let (mut allowances, id) = (Allowances::new(8), DestinationId("x".to_owned()));
        let mut after = |breath| {
            allowances.enter(&id);
            allowances.leave(&id, breath);
            allowances.room(Timestamp(0), 8).get(&id).copied()
        };
        assert_eq!(after(Breath::Short), Some(4));
        assert_eq!([0; 4].map(|_| after(Breath::Short)), [Some(2), Some(1), Some(1), Some(1)]);
        assert_eq!(after(Breath::Unknown), Some(1));
        assert_eq!([0; 6].map(|_| after(Breath::Easy)), [2, 3, 4, 5, 6, 7].map(Some));
        assert_eq!(after(Breath::Easy), None);
    }

    #[test]
    fn a_pause_closes_the_destination_until_it_ends() {
        let (mut allowances, id) = (Allowances::new(8), DestinationId("x".to_owned()));
        allowances.enter(&id);
        allowances.leave(&id, Breath::Pause(Timestamp(9)));
        let room = |at| allowances.room(Timestamp(at), 8).get(&id).copied();
        assert_eq!((room(8), room(9)), (Some(0), Some(4)));
        assert_eq!(
            (allowances.opens(Timestamp(8)), allowances.opens(Timestamp(9))),
            (Some(Timestamp(9)), None)
        );
    }
}

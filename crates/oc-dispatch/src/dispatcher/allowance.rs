//! How many lanes a destination may have under way: fewer when it is short of breath.

use std::collections::HashMap;

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
}

impl Allowances {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), by: HashMap::new() }
    }

    /// The room of each destination that has not its full share.
    pub(super) fn room(&self) -> HashMap<DestinationId, usize> {
        let room = |(id, one): (&DestinationId, &Allowance)| {
            (id.clone(), one.limit.saturating_sub(one.busy))
        };
        self.by.iter().map(room).collect()
    }

    /// A lane begins.
    pub(super) fn enter(&mut self, id: &DestinationId) {
        let full = Allowance { limit: self.most, busy: 0 };
        self.by.entry(id.clone()).or_insert(full).busy += 1;
    }

    /// A lane ends: the share is halved, or grows by one.
    pub(super) fn leave(&mut self, id: &DestinationId, breath: Breath) {
        let Some(one) = self.by.get_mut(id) else { return };
        one.busy = one.busy.saturating_sub(1);
        one.limit = match breath {
            Breath::Short => (one.limit / 2).max(1),
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
            allowances.room().get(&id).copied()
        };
        assert_eq!(after(Breath::Short), Some(4));
        assert_eq!([0; 4].map(|_| after(Breath::Short)), [Some(2), Some(1), Some(1), Some(1)]);
        assert_eq!(after(Breath::Unknown), Some(1));
        assert_eq!([0; 6].map(|_| after(Breath::Easy)), [2, 3, 4, 5, 6, 7].map(Some));
        assert_eq!(after(Breath::Easy), None);
    }
}

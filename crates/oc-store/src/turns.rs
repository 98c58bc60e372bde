//! Taking turns: of what waits, it is the turn of the tenant that has least under way, and of those
//! with equally much, of the one whose last turn is the longest ago.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// The most rows that are looked at in the order in which they are due; when more are, each tenant's
/// first ones are looked up.
pub(crate) const LOOK: usize = 2_000;

/// The most tenants whose last turn is remembered.
const REMEMBERED: usize = 100_000;

/// When each tenant had its last turn, from one search to the next: where there is room for one at a
/// time, nobody has anything under way when it is looked for, and all that a tenant has waiting
/// would come before what another has found a moment later.
#[derive(Default)]
pub(crate) struct LastTurns {
    count: u64,
    of: HashMap<i64, u64>,
}

impl LastTurns {
    fn of(&self, tenant: i64) -> u64 {
        self.of.get(&tenant).copied().unwrap_or(0)
    }

    fn took(&mut self, tenant: i64) -> u64 {
        if self.of.len() >= REMEMBERED {
            self.of.clear();
        }
        self.count += 1;
        self.of.insert(tenant, self.count);
        self.count
    }
}

/// What waits and what is under way, by tenant.
pub(crate) struct Turns<'a, T> {
    last: &'a mut LastTurns,
    tenants: Vec<Tenant<T>>,
    at: HashMap<i64, usize>,
    /// The ranks of those with something that waits.
    order: BTreeSet<Rank>,
}

/// How much a tenant has under way, its last turn, and its place.
type Rank = (usize, u64, usize);

struct Tenant<T> {
    id: i64,
    busy: usize,
    last: u64,
    waiting: VecDeque<T>,
}

impl<'a, T> Turns<'a, T> {
    /// Nothing waits yet, and nothing is under way.
    pub(crate) fn new(last: &'a mut LastTurns) -> Self {
        Self { last, tenants: Vec::new(), at: HashMap::new(), order: BTreeSet::new() }
    }

    /// The tenant has one more under way since earlier.
    pub(crate) fn under_way(&mut self, tenant: i64) {
        let at = self.place(tenant);
        self.ranked(at, |tenant| tenant.busy += 1);
    }

    /// The tenant has one more that waits, behind its others.
    pub(crate) fn wait(&mut self, tenant: i64, one: T) {
        let at = self.place(tenant);
        self.tenants[at].waiting.push_back(one);
        self.order.insert(self.rank(at));
    }

    /// Whose turn it is, and the first that waits of it; of tenants that are equal in all, the one that
    /// was told of first. Whether it is taken is said by `took`.
    pub(crate) fn next(&mut self) -> Option<(i64, T)> {
        let rank = *self.order.first()?;
        let tenant = &mut self.tenants[rank.2];
        let one = tenant.waiting.pop_front()?;
        if tenant.waiting.is_empty() {
            self.order.remove(&rank);
        }
        Some((tenant.id, one))
    }

    /// The tenant has had its turn, and has one more under way.
    pub(crate) fn took(&mut self, tenant: i64) {
        let (at, turn) = (self.place(tenant), self.last.took(tenant));
        self.ranked(at, |tenant| {
            tenant.busy += 1;
            tenant.last = turn;
        });
    }

    /// Changes a tenant and its rank.
    fn ranked(&mut self, at: usize, change: impl FnOnce(&mut Tenant<T>)) {
        let waits = self.order.remove(&self.rank(at));
        change(&mut self.tenants[at]);
        if waits {
            self.order.insert(self.rank(at));
        }
    }

    fn rank(&self, at: usize) -> Rank {
        (self.tenants[at].busy, self.tenants[at].last, at)
    }

    fn place(&mut self, id: i64) -> usize {
        *self.at.entry(id).or_insert_with(|| {
            let last = self.last.of(id);
            self.tenants.push(Tenant { id, busy: 0, last, waiting: VecDeque::new() });
            self.tenants.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_with_least_under_way_is_next_and_its_own_keep_their_order() {
        let mut last = LastTurns::default();
        let mut turns = Turns::new(&mut last);
        for one in ["a1", "a2", "a3"] {
            turns.wait(1, one);
        }
        turns.under_way(2);
        turns.wait(2, "b1");
        turns.wait(3, "c1");
        let mut order = Vec::new();
        while let Some((tenant, one)) = turns.next() {
            turns.took(tenant);
            order.push(one);
        }
        assert_eq!(order, ["a1", "c1", "b1", "a2", "a3"]);
    }

    #[test]
    fn tenants_take_turns_from_one_search_to_the_next() {
        let mut last = LastTurns::default();
        let mut waiting = vec![(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (2, "b2"), (3, "c1")];
        let mut order = Vec::new();
        while !waiting.is_empty() {
            // Each time there is room for one, and nothing is under way.
            let mut turns = Turns::new(&mut last);
            waiting.iter().for_each(|(tenant, one)| turns.wait(*tenant, *one));
            let (tenant, one) = turns.next().unwrap();
            turns.took(tenant);
            waiting.retain(|(_, other)| *other != one);
            order.push(one);
        }
        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_tenant_whose_turn_was_not_taken_does_not_lose_it() {
        let mut last = LastTurns::default();
        let mut turns = Turns::new(&mut last);
        turns.wait(1, "a1");
        turns.wait(1, "a2");
        turns.wait(2, "b1");
        // There is no room where the first is to go.
        assert_eq!(turns.next(), Some((1, "a1")));
        assert_eq!(turns.next(), Some((1, "a2")));
    }
}

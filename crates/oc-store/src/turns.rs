//! Taking turns: of what waits, it is the turn of the tenant that has least under way.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// The most rows that are looked at in the order in which they are due; when more are, each tenant's
/// first ones are looked up.
pub(crate) const LOOK: usize = 2_000;

/// What waits and what is under way, by tenant.
pub(crate) struct Turns<T> {
    tenants: Vec<Tenant<T>>,
    at: HashMap<i64, usize>,
    /// Where those with something that waits are, by how much they have under way.
    order: BTreeSet<(usize, usize)>,
}

struct Tenant<T> {
    busy: usize,
    waiting: VecDeque<T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { tenants: Vec::new(), at: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<T> Turns<T> {
    /// The tenant has one more under way.
    pub(crate) fn under_way(&mut self, tenant: i64) {
        let at = self.place(tenant);
        let busy = &mut self.tenants[at].busy;
        *busy += 1;
        if self.order.remove(&(*busy - 1, at)) {
            self.order.insert((*busy, at));
        }
    }

    /// The tenant has one more that waits, behind its others.
    pub(crate) fn wait(&mut self, tenant: i64, one: T) {
        let at = self.place(tenant);
        self.tenants[at].waiting.push_back(one);
        self.order.insert((self.tenants[at].busy, at));
    }

    /// Whose turn it is: the first that waits of the tenant with least under way; of several, of the
    /// one that was told of first. Whether it is taken is said by `under_way`.
    pub(crate) fn next(&mut self) -> Option<T> {
        let (busy, at) = *self.order.first()?;
        let waiting = &mut self.tenants[at].waiting;
        let one = waiting.pop_front();
        if waiting.is_empty() {
            self.order.remove(&(busy, at));
        }
        one
    }

    fn place(&mut self, tenant: i64) -> usize {
        *self.at.entry(tenant).or_insert_with(|| {
            self.tenants.push(Tenant { busy: 0, waiting: VecDeque::new() });
            self.tenants.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_with_least_under_way_is_next_and_its_own_keep_their_order() {
        let mut turns = Turns::default();
        for one in ["a1", "a2", "a3"] {
            turns.wait(1, one);
        }
        turns.under_way(2);
        turns.wait(2, "b1");
        turns.wait(3, "c1");
        let mut order = Vec::new();
        while let Some(one) = turns.next() {
            turns.under_way(match &one[..1] {
                "a" => 1,
                "b" => 2,
                _ => 3,
            });
            order.push(one);
        }
        assert_eq!(order, ["a1", "c1", "a2", "b1", "a3"]);
    }
}

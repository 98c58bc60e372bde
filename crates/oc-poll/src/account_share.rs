//! How many polls of one provider account there may be at once, so that a busy account leaves room.

use std::collections::HashMap;

/// Running polls by account.
#[derive(Debug)]
pub(crate) struct AccountShares {
    most: usize,
    running: HashMap<String, usize>,
}

impl AccountShares {
    /// At most `most` polls of one account.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), running: HashMap::new() }
    }

    /// Counts one more poll of the account, unless it has its share.
    pub(crate) fn enter(&mut self, account: &str) -> bool {
        let running = self.running.entry(account.to_owned()).or_insert(0);
        let room = *running < self.most;
        *running += usize::from(room);
        room
    }

    /// One poll of the account has ended.
    pub(crate) fn leave(&mut self, account: &str) {
        if let Some(running) = self.running.get_mut(account) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AccountShares;

    #[test]
    fn an_account_gets_its_share_and_no_more() {
        let mut shares = AccountShares::new(2);
        assert_eq!(["a", "a", "a", "b"].map(|of| shares.enter(of)), [true, true, false, true]);
        shares.leave("a");
        assert!(shares.enter("a"));
    }

    #[test]
    fn accounts_without_polls_cost_nothing() {
        let mut shares = AccountShares::new(1);
        shares.enter("a");
        shares.leave("a");
        assert!(shares.running.is_empty());
    }
}

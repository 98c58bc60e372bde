//! The rate budget that all instances of one provider account share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oc_config::{Limits, Timestamp};
use oc_egress::Clock;
use tokio::sync::Mutex as Turnstile;
use tokio::time::timeout;

/// The budgets of all accounts; those that have nothing to remember any more are dropped.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Mutex<HashMap<String, Arc<Budget>>>);

/// So many new accounts are taken in before the old ones are looked through.
const LOOK_THROUGH: usize = 256;

/// One account's budget: points in fixed windows of the provider's clock.
#[derive(Debug)]
pub(crate) struct Budget {
    points: u32,
    usable: u32,
    every: Duration,
    /// Who waits for the next window waits here, in order of arrival.
    turnstile: Turnstile<()>,
    window: Mutex<SpentWindow>,
}

/// What is spent of the running window.
#[derive(Debug, Default)]
struct SpentWindow {
    /// The provider's clock less ours, in microseconds.
    ahead: i64,
    /// The window's number, counted from the epoch of the provider's clock.
    number: i64,
    spent: u32,
    /// Nothing is sent before this instant of our clock.
    closed_until: Timestamp,
}

/// The next window is too far away for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) Duration);

impl Budgets {
    /// The budget of an account.
    pub(crate) fn of(&self, account: &str, limits: &Limits, now: Timestamp) -> Arc<Budget> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get(account) {
            return Arc::clone(budget);
        }
        if budgets.len() % LOOK_THROUGH == LOOK_THROUGH - 1 {
            budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.is_over(now));
        }
        let budget = Arc::new(Budget::new(limits));
        budgets.insert(account.to_owned(), Arc::clone(&budget));
        budget
    }
}

/// What an answer tells about the budget.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// The provider's clock.
    pub(crate) provider: Option<Timestamp>,
    /// The points that remain for the window.
    pub(crate) remaining: Option<u32>,
    /// What the request cost, beyond what was taken for it.
    pub(crate) extra_cost: u32,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "share is within 0..=1"
        )]
        let usable = (f64::from(limits.points) * limits.share) as u32;
        Self {
            points: limits.points,
            usable: usable.max(1),
            every: limits.every,
            turnstile: Turnstile::default(),
            window: Mutex::default(),
        }
    }

    /// Takes `cost` points, waiting for a window that has them for at most `patience`. A cost
    /// above a whole window's points takes that whole window.
    pub(crate) async fn take(
        &self,
        cost: u32,
        clock: &Clock,
        patience: Duration,
    ) -> Result<(), TooLong> {
        let deadline = clock.now().plus(patience);
        // Who waits behind others waits no longer than alone.
        let Ok(_turn) = timeout(patience, self.turnstile.lock()).await else {
            return Err(TooLong(self.window().end(self.every).since(clock.now())));
        };
        while let Some(opens) = self.try_take(cost, clock.now()) {
            let now = clock.now();
            if opens > deadline {
                return Err(TooLong(opens.since(now)));
            }
            tokio::time::sleep(opens.since(now).max(Duration::from_millis(1))).await;
        }
        Ok(())
    }

    /// Takes the points, or tells when to ask again.
    fn try_take(&self, cost: u32, now: Timestamp) -> Option<Timestamp> {
        let cost = cost.min(self.usable);
        let mut window = self.window();
        window.turn(now, self.every);
        if now < window.closed_until {
            return Some(window.closed_until);
        }
        if window.spent + cost > self.usable {
            return Some(window.end(self.every));
        }
        window.spent += cost;
        None
    }

    /// Takes note of what an answer tells.
    pub(crate) fn note(&self, told: Told, now: Timestamp) {
        let mut window = self.window();
        if let Some(provider) = told.provider {
            window.ahead = provider.0 - now.floor_second().0;
        }
        window.turn(now, self.every);
        window.spent += told.extra_cost;
        if let Some(remaining) = told.remaining {
            window.spent = window.spent.max(self.points.saturating_sub(remaining));
        }
    }

    /// Whether nothing of it counts any more at `now`.
    fn is_over(&self, now: Timestamp) -> bool {
        let window = self.window();
        window.closed_until <= now && window.end(self.every) <= now
    }

    /// The provider said 429: nothing is sent before `retry_after`, or before its next window.
    pub(crate) fn close(&self, retry_after: Option<Duration>, now: Timestamp) {
        let mut window = self.window();
        window.turn(now, self.every);
        let until = retry_after.map_or_else(|| window.end(self.every), |wait| now.plus(wait));
        window.closed_until = window.closed_until.max(until);
    }

    fn window(&self) -> std::sync::MutexGuard<'_, SpentWindow> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpentWindow {
    /// Begins a new window when the provider's clock has reached it.
    fn turn(&mut self, now: Timestamp, every: Duration) {
        let number = (now.0 + self.ahead).div_euclid(micros(every));
        if number > self.number {
            (self.number, self.spent) = (number, 0);
        }
    }

    /// The first instant of the next window by our clock; a second later, as a `Date` does not
    /// tell the fraction.
    fn end(&self, every: Duration) -> Timestamp {
        Timestamp((self.number + 1) * micros(every) - self.ahead).plus(Duration::from_secs(1))
    }
}

fn micros(every: Duration) -> i64 {
    i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn budget() -> Budget {
        let catalogue = oc_config::Catalogue::built_in().unwrap();
        Budget::new(catalogue.find("salesloft").unwrap().limits.as_ref().unwrap())
    }

    #[test]
    fn three_quarters_of_the_points_can_be_spent_in_a_window() {
        let budget = budget();
        let now = Timestamp(MINUTE);
        assert_eq!(budget.try_take(450, now), None);
        assert_eq!(budget.try_take(1, now), Some(Timestamp(2 * MINUTE + 1_000_000)));
        assert_eq!(budget.try_take(1, Timestamp(2 * MINUTE)), None);
    }

    #[test]
    fn what_others_have_spent_counts() {
        let budget = budget();
        budget.note(Told { remaining: Some(151), ..Told::default() }, Timestamp(MINUTE));
        assert_eq!(budget.try_take(1, Timestamp(MINUTE)), None);
        assert!(budget.try_take(1, Timestamp(MINUTE)).is_some());
    }

    #[test]
    fn windows_are_those_of_the_provider() {
        let budget = budget();
        let now = Timestamp(MINUTE);
        let provider = Some(Timestamp(MINUTE + 30_000_000));
        budget.note(Told { provider, ..Told::default() }, now);
        assert_eq!(budget.try_take(450, now), None);
        assert_eq!(budget.try_take(1, now), Some(Timestamp(MINUTE + 31_000_000)));
    }

    #[test]
    fn a_429_closes_the_account_until_the_next_window_or_as_long_as_told() {
        let budget = budget();
        budget.close(None, Timestamp(MINUTE));
        assert_eq!(budget.try_take(1, Timestamp(MINUTE)), Some(Timestamp(2 * MINUTE + 1_000_000)));
        budget.close(Some(Duration::from_secs(90)), Timestamp(MINUTE));
        assert_eq!(
            budget.try_take(1, Timestamp(2 * MINUTE)),
            Some(Timestamp(2 * MINUTE + 30_000_000))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_without_patience_is_told_how_long_it_would_take() {
        let budget = budget();
        let clock = Clock::new(|| Timestamp(MINUTE));
        budget.take(450, &clock, Duration::ZERO).await.unwrap();
        let refused = budget.take(1, &clock, Duration::from_secs(5)).await;
        assert_eq!(refused, Err(TooLong(Duration::from_secs(61))));
    }

    #[test]
    fn a_request_that_cost_more_than_expected_counts_whole() {
        let budget = budget();
        assert_eq!(budget.try_take(1, Timestamp(MINUTE)), None);
        budget.note(Told { extra_cost: 29, ..Told::default() }, Timestamp(MINUTE));
        assert!(budget.try_take(421, Timestamp(MINUTE)).is_some());
        assert_eq!(budget.try_take(420, Timestamp(MINUTE)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_behind_others_waits_no_longer_than_its_patience() {
        let budget = Arc::new(budget());
        let clock = Clock::new(|| Timestamp(MINUTE));
        budget.take(450, &clock, Duration::ZERO).await.unwrap();
        let (patient, other) = (Arc::clone(&budget), clock.clone());
        let waiting =
            tokio::spawn(async move { patient.take(1, &other, Duration::from_secs(600)).await });
        tokio::task::yield_now().await;
        let prompt = budget.take(1, &clock, Duration::from_secs(2)).await;
        assert_eq!(prompt, Err(TooLong(Duration::from_secs(61))));
        waiting.abort();
    }

    /// Takes a point again and again, and notes each.
    async fn taker(budget: Arc<Budget>, name: char, times: u32, order: Arc<Mutex<String>>) {
        let began = tokio::time::Instant::now();
        let micros = move || i64::try_from(began.elapsed().as_micros()).unwrap();
        let clock = Clock::new(move || Timestamp(MINUTE + micros()));
        for _ in 0..times {
            budget.take(1, &clock, Duration::from_secs(6_000)).await.unwrap();
            order.lock().unwrap().push(name);
            // The request itself.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_huge_backlog_and_its_siblings_take_turns_at_the_budget() {
        let (budget, order) = (Arc::new(budget()), Arc::new(Mutex::new(String::new())));
        let taker =
            |name, times| tokio::spawn(taker(Arc::clone(&budget), name, times, Arc::clone(&order)));
        let backlog = taker('.', 2_000);
        while order.lock().unwrap().len() < 450 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (one, two) = (taker('1', 20), taker('2', 20));
        for done in [one, two, backlog] {
            done.await.unwrap();
        }
        let order = order.lock().unwrap().clone();
        // The backlog is in front when they come; from then on each has every third turn.
        assert_eq!(order[450..].find(|name| name != '.'), Some(1));
        let last = order.rfind(|name| name != '.').unwrap();
        assert!(last < 450 + 3 * 20 + 3, "{last}");
    }

    #[test]
    fn accounts_are_apart_and_remembered_while_their_window_lasts() {
        let budgets = Budgets::default();
        let catalogue = oc_config::Catalogue::built_in().unwrap();
        let limits = catalogue.find("salesloft").unwrap().limits.clone().unwrap();
        let now = Timestamp(MINUTE);
        let spend = |account: &str, now| budgets.of(account, &limits, now).try_take(450, now);
        assert_eq!((spend("a", now), spend("b", now)), (None, None));
        assert!(spend("a", now).is_some(), "what was spent is forgotten between two requests");
        for number in 0..3 * LOOK_THROUGH {
            budgets.of(&number.to_string(), &limits, Timestamp(5 * MINUTE));
        }
        let kept = budgets.0.lock().unwrap();
        assert!(kept.len() <= 3 * LOOK_THROUGH && !kept.contains_key("a"));
    }
}

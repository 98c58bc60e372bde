//! The rate budget that all instances of one provider account share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oc_config::{Limits, Timestamp};
use oc_egress::Clock;
use tokio::sync::Mutex as Turnstile;
use tokio::time::timeout;

use crate::{Draw, Purse};

/// The budgets of all accounts; those that have nothing to remember any more are dropped.
#[derive(Default)]
pub(crate) struct Budgets {
    known: Mutex<HashMap<String, Arc<Budget>>>,
    purse: Option<Arc<dyn Purse>>,
}

/// So many new accounts are taken in before the old ones are looked through.
const LOOK_THROUGH: usize = 256;

/// Points are drawn from the purse in so many parts of a window, so that it is not asked for each
/// request, and little is lost at the window's end.
const DRAWS: u32 = 20;

/// One account's budget: points in fixed windows of the provider's clock.
pub(crate) struct Budget {
    connector: String,
    points: u32,
    usable: u32,
    every: Duration,
    /// Who waits for the next window waits here, in order of arrival.
    turnstile: Turnstile<()>,
    window: Mutex<SpentWindow>,
    /// Where other processes ask for the account too: its name, and what they share.
    common: Option<(String, Arc<dyn Purse>)>,
}

/// What is spent of the running window.
#[derive(Debug, Default)]
struct SpentWindow {
    /// The provider's clock less ours, in microseconds.
    ahead: i64,
    /// The window's number, counted from the epoch of the provider's clock.
    number: i64,
    spent: u32,
    /// Points of the window that were drawn from the purse and are left.
    drawn: u32,
    /// Nothing is sent before this instant of our clock.
    closed_until: Timestamp,
}

/// What an account may still spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateBudget {
    /// The points of a window that we take.
    pub points: u32,
    /// Those of them that are left of the running one.
    pub left: u32,
    /// When there are all of them again.
    pub renewed: Timestamp,
}

/// How much of a window a request may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of it.
    Whole,
    /// Two thirds, so that what is more urgent finds room at any time.
    Spare,
}

/// The next window is too far away for the caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) Duration);

impl Budgets {
    pub(crate) fn new(purse: Option<Arc<dyn Purse>>) -> Self {
        Self { known: Mutex::default(), purse }
    }

    /// The budget of an account at a connector's provider.
    pub(crate) fn of(
        &self,
        connector: &str,
        account: &str,
        limits: &Limits,
        now: Timestamp,
    ) -> Arc<Budget> {
        let mut budgets = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get(account) {
            return Arc::clone(budget);
        }
        if budgets.len() % LOOK_THROUGH == LOOK_THROUGH - 1 {
            budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.is_over(now));
        }
        let common = self.purse.clone().map(|purse| (account.to_owned(), purse));
        let budget = Arc::new(Budget { common, ..Budget::new(connector, limits) });
        budgets.insert(account.to_owned(), Arc::clone(&budget));
        budget
    }

    /// What is left to an account at a connector's provider; all of it where nothing was spent yet.
    pub(crate) fn left(&self, account: &str, limits: &Limits, now: Timestamp) -> RateBudget {
        let budgets = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let points = usable(limits);
        let untouched = RateBudget { points, left: points, renewed: now };
        budgets.get(account).map_or(untouched, |budget| budget.left(now))
    }

    /// By connector, what is left of the running window to the account that has least, from 0 to 1.
    pub(crate) fn least_left(&self, now: Timestamp) -> BTreeMap<String, f64> {
        let mut least = BTreeMap::new();
        for budget in self.known.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let RateBudget { points, left, .. } = budget.left(now);
            let left = f64::from(left) / f64::from(points);
            let known = least.entry(budget.connector.clone()).or_insert(left);
            *known = left.min(*known);
        }
        least
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
    fn new(connector: &str, limits: &Limits) -> Self {
        Self {
            connector: connector.to_owned(),
            points: limits.points,
            usable: usable(limits),
            every: limits.every,
            turnstile: Turnstile::default(),
            window: Mutex::default(),
            common: None,
        }
    }

    /// Takes `cost` points, waiting for a window that has them for at most `patience`. A cost
    /// above a whole window's points takes that whole window.
    pub(crate) async fn take(
        &self,
        cost: u32,
        clock: &Clock,
        patience: Duration,
        share: Share,
    ) -> Result<(), TooLong> {
        let deadline = clock.now().plus(patience);
        // Who waits behind others waits no longer than alone.
        let Ok(_turn) = timeout(patience, self.turnstile.lock()).await else {
            return Err(TooLong(self.window().end(self.every).since(clock.now())));
        };
        loop {
            let Some(opens) = self.try_take(cost, share, clock.now()) else {
                if self.is_covered(cost, share, clock.now()).await {
                    return Ok(());
                }
                continue;
            };
            let now = clock.now();
            if opens > deadline {
                return Err(TooLong(opens.since(now)));
            }
            clock.sleep(opens.since(now).max(Duration::from_millis(1))).await;
        }
    }

    /// How much of a window a share is.
    fn most(&self, share: Share) -> u32 {
        match share {
            Share::Whole => self.usable,
            Share::Spare => (self.usable * 2 / 3).max(1),
        }
    }

    /// Whether the points that all processes share cover what was taken; otherwise the window is used
    /// up or over. While they cannot be asked for, each process keeps to the limit for itself.
    async fn is_covered(&self, cost: u32, share: Share, now: Timestamp) -> bool {
        let Some((account, purse)) = &self.common else { return true };
        let most = self.most(share);
        let cost = cost.min(most);
        let draw = {
            let mut window = self.window();
            if window.drawn >= cost {
                window.drawn -= cost;
                return true;
            }
            let wanted = (cost - window.drawn).max(self.usable / DRAWS);
            Draw { window: window.number, wanted, most, every: self.every }
        };
        let drawn = match purse.draw(account, draw).await {
            Ok(drawn) => drawn,
            Err(error) => {
                tracing::warn!(%error, "The rate limit is not shared with other nodes");
                return true;
            }
        };
        let mut window = self.window();
        window.closed_until = window.closed_until.max(drawn.closed_until);
        if window.number != draw.window || now < window.closed_until {
            return false;
        }
        window.drawn += drawn.points;
        if window.drawn < cost {
            window.spent = window.spent.max(most);
            return false;
        }
        window.drawn -= cost;
        true
    }

    /// Takes the points, or tells when to ask again.
    fn try_take(&self, cost: u32, share: Share, now: Timestamp) -> Option<Timestamp> {
        let most = self.most(share);
        let cost = cost.min(most);
        let mut window = self.window();
        window.turn(now, self.every);
        if now < window.closed_until {
            return Some(window.closed_until);
        }
        if window.spent + cost > most {
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

    /// What is left of the running window.
    fn left(&self, now: Timestamp) -> RateBudget {
        let mut window = self.window();
        window.turn(now, self.every);
        let points = self.usable;
        if now < window.closed_until {
            return RateBudget { points, left: 0, renewed: window.closed_until };
        }
        let left = points.saturating_sub(window.spent);
        RateBudget { points, left, renewed: window.end(self.every) }
    }

    /// Whether nothing of it counts any more at `now`.
    fn is_over(&self, now: Timestamp) -> bool {
        let window = self.window();
        window.closed_until <= now && window.end(self.every) <= now
    }

    /// The provider said 429: nothing is sent before `retry_after`, or before its next window.
    pub(crate) async fn close(&self, retry_after: Option<Duration>, now: Timestamp) {
        let until = {
            let mut window = self.window();
            window.turn(now, self.every);
            let until = retry_after.map_or_else(|| window.end(self.every), |wait| now.plus(wait));
            window.closed_until = window.closed_until.max(until);
            window.closed_until
        };
        if let Some((account, purse)) = &self.common
            && let Err(error) = purse.close(account, until).await
        {
            tracing::warn!(%error, "Other nodes are not told that the provider takes nothing");
        }
    }

    fn window(&self) -> std::sync::MutexGuard<'_, SpentWindow> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpentWindow {
    /// Begins a new window when the provider's clock has reached it. One that goes back by a little
    /// does not, as a `Date` is not exact; one that was far ahead and is set right does, as the windows
    /// in between would take as long as it was ahead.
    fn turn(&mut self, now: Timestamp, every: Duration) {
        let number = (now.0 + self.ahead).div_euclid(micros(every));
        if number > self.number || number < self.number - 1 {
            (self.number, self.spent, self.drawn) = (number, 0, 0);
        }
    }

    /// The first instant of the next window by our clock; a second later, as a `Date` does not
    /// tell the fraction.
    fn end(&self, every: Duration) -> Timestamp {
        Timestamp((self.number + 1) * micros(every) - self.ahead).plus(Duration::from_secs(1))
    }
}

/// The points of a window that we take.
fn usable(limits: &Limits) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "share is within 0..=1"
    )]
    let usable = (f64::from(limits.points) * limits.share) as u32;
    usable.max(1)
}

fn micros(every: Duration) -> i64 {
    i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests;

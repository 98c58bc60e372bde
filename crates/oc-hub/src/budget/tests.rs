//! Windows, shares and turns, in simulated time.

use super::*;

const MINUTE: i64 = 60_000_000;

fn budget() -> Budget {
    let catalogue = oc_config::Catalogue::built_in().unwrap();
    Budget::new("salesloft", catalogue.find("salesloft").unwrap().limits.as_ref().unwrap())
}

#[test]
fn three_quarters_of_the_points_can_be_spent_in_a_window() {
    let budget = budget();
    let now = Timestamp(MINUTE);
    assert_eq!(budget.try_take(450, Share::Whole, now), None);
    assert_eq!(budget.try_take(1, Share::Whole, now), Some(Timestamp(2 * MINUTE + 1_000_000)));
    assert_eq!(budget.try_take(1, Share::Whole, Timestamp(2 * MINUTE)), None);
}

#[test]
fn what_is_not_urgent_leaves_a_third_of_a_window_free() {
    let (budget, now) = (budget(), Timestamp(MINUTE));
    assert_eq!(budget.try_take(300, Share::Spare, now), None);
    assert!(budget.try_take(1, Share::Spare, now).is_some());
    assert_eq!(budget.try_take(150, Share::Whole, now), None);
}

#[test]
fn what_others_have_spent_counts() {
    let budget = budget();
    budget.note(Told { remaining: Some(151), ..Told::default() }, Timestamp(MINUTE));
    assert_eq!(budget.try_take(1, Share::Whole, Timestamp(MINUTE)), None);
    assert!(budget.try_take(1, Share::Whole, Timestamp(MINUTE)).is_some());
}

#[test]
fn windows_are_those_of_the_provider() {
    let budget = budget();
    let now = Timestamp(MINUTE);
    let provider = Some(Timestamp(MINUTE + 30_000_000));
    budget.note(Told { provider, ..Told::default() }, now);
    assert_eq!(budget.try_take(450, Share::Whole, now), None);
    assert_eq!(budget.try_take(1, Share::Whole, now), Some(Timestamp(MINUTE + 31_000_000)));
}

#[test]
fn a_clock_that_was_far_ahead_and_is_set_right_costs_no_windows() {
    let (budget, now) = (budget(), Timestamp(100 * MINUTE));
    let told = |at: i64| Told { provider: Some(Timestamp(at)), ..Told::default() };
    budget.note(told(700 * MINUTE), now);
    assert_eq!(budget.try_take(450, Share::Whole, now), None);
    budget.note(told(100 * MINUTE), now);
    assert_eq!(budget.try_take(450, Share::Whole, now), None);
    // A date that lies a little back at a border is no new window.
    budget.note(told(100 * MINUTE - 1_000_000), now);
    assert!(budget.try_take(1, Share::Whole, now).is_some());
}

#[tokio::test]
async fn a_429_closes_the_account_until_the_next_window_or_as_long_as_told() {
    let budget = budget();
    budget.close(None, Timestamp(MINUTE)).await;
    assert_eq!(
        budget.try_take(1, Share::Whole, Timestamp(MINUTE)),
        Some(Timestamp(2 * MINUTE + 1_000_000))
    );
    budget.close(Some(Duration::from_secs(90)), Timestamp(MINUTE)).await;
    assert_eq!(
        budget.try_take(1, Share::Whole, Timestamp(2 * MINUTE)),
        Some(Timestamp(2 * MINUTE + 30_000_000))
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_patience_is_told_how_long_it_would_take() {
    let budget = budget();
    let clock = Clock::new(|| Timestamp(MINUTE));
    budget.take(450, &clock, Duration::ZERO, Share::Whole).await.unwrap();
    let refused = budget.take(1, &clock, Duration::from_secs(5), Share::Whole).await;
    assert_eq!(refused, Err(TooLong(Duration::from_secs(61))));
}

#[test]
fn a_request_that_cost_more_than_expected_counts_whole() {
    let budget = budget();
    assert_eq!(budget.try_take(1, Share::Whole, Timestamp(MINUTE)), None);
    budget.note(Told { extra_cost: 29, ..Told::default() }, Timestamp(MINUTE));
    assert!(budget.try_take(421, Share::Whole, Timestamp(MINUTE)).is_some());
    assert_eq!(budget.try_take(420, Share::Whole, Timestamp(MINUTE)), None);
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_others_waits_no_longer_than_its_patience() {
    let budget = Arc::new(budget());
    let clock = Clock::new(|| Timestamp(MINUTE));
    budget.take(450, &clock, Duration::ZERO, Share::Whole).await.unwrap();
    let (patient, other) = (Arc::clone(&budget), clock.clone());
    let waiting = tokio::spawn(async move {
        patient.take(1, &other, Duration::from_secs(600), Share::Whole).await
    });
    tokio::task::yield_now().await;
    let prompt = budget.take(1, &clock, Duration::from_secs(2), Share::Whole).await;
    assert_eq!(prompt, Err(TooLong(Duration::from_secs(61))));
    waiting.abort();
}

/// Takes a point again and again, and notes each.
async fn taker(budget: Arc<Budget>, name: char, times: u32, order: Arc<Mutex<String>>) {
    let began = tokio::time::Instant::now();
    let micros = move || i64::try_from(began.elapsed().as_micros()).unwrap();
    let clock = Clock::new(move || Timestamp(MINUTE + micros()));
    for _ in 0..times {
        budget.take(1, &clock, Duration::from_secs(6_000), Share::Whole).await.unwrap();
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
    let spend = |account: &str, now| {
        budgets.of("salesloft", account, &limits, now).try_take(450, Share::Whole, now)
    };
    assert_eq!((spend("a", now), spend("b", now)), (None, None));
    assert!(spend("a", now).is_some(), "what was spent is forgotten between two requests");
    for number in 0..3 * LOOK_THROUGH {
        budgets.of("salesloft", &number.to_string(), &limits, Timestamp(5 * MINUTE));
    }
    let kept = budgets.known.lock().unwrap();
    assert!(kept.len() <= 3 * LOOK_THROUGH && !kept.contains_key("a"));
}

#[tokio::test]
async fn what_is_left_is_told_with_the_time_at_which_there_is_all_of_it() {
    let budgets = Budgets::default();
    let catalogue = oc_config::Catalogue::built_in().unwrap();
    let limits = catalogue.find("salesloft").unwrap().limits.clone().unwrap();
    let (now, end) = (Timestamp(MINUTE), Timestamp(2 * MINUTE + 1_000_000));
    let left = || budgets.left("a", &limits, now);
    assert_eq!(left(), RateBudget { points: 450, left: 450, renewed: now });
    let budget = budgets.of("salesloft", "a", &limits, now);
    budget.try_take(50, Share::Whole, now);
    assert_eq!(left(), RateBudget { points: 450, left: 400, renewed: end });
    budget.close(Some(Duration::from_secs(300)), now).await;
    assert_eq!(left(), RateBudget { points: 450, left: 0, renewed: Timestamp(6 * MINUTE) });
    assert_eq!(budgets.left("b", &limits, now).left, 450);
}

/// A provider that counts in minutes of its own clock, of which our requests see whole seconds.
struct Provider {
    /// Its clock less ours, in microseconds.
    ahead: i64,
    /// Points by the number of the minute.
    used: Mutex<HashMap<i64, u32>>,
    refused: Mutex<u32>,
}

impl Provider {
    /// Takes a request at an instant of our clock; others have used `others` points of each minute.
    fn takes(&self, at: Timestamp, others: u32) -> bool {
        let mut used = self.used.lock().unwrap();
        let used = used.entry((at.0 + self.ahead).div_euclid(MINUTE)).or_insert(0);
        let allowed = *used + others < 600;
        *used += u32::from(allowed);
        *self.refused.lock().unwrap() += u32::from(!allowed);
        allowed
    }

    fn date(&self, at: Timestamp) -> Option<Timestamp> {
        Some(Timestamp(at.0 + self.ahead).floor_second())
    }
}

/// A backlog that sends request after request, each 20 ms long, from the 50th second of a minute on.
async fn backlog(provider: &Provider, others: u32, requests: u32) {
    let (budget, began) = (budget(), tokio::time::Instant::now());
    let micros = move || i64::try_from(began.elapsed().as_micros()).unwrap();
    let clock = Clock::new(move || Timestamp(10 * MINUTE + 50_000_000 + micros()));
    for _ in 0..requests {
        budget.take(1, &clock, Duration::from_secs(600), Share::Whole).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (at, allowed) = (clock.now(), provider.takes(clock.now(), others));
        tokio::time::sleep(Duration::from_millis(10)).await;
        budget.note(Told { provider: provider.date(at), ..Told::default() }, clock.now());
        if !allowed {
            budget.close(None, clock.now()).await;
        }
    }
}

fn provider(ahead: i64) -> Provider {
    Provider { ahead, used: Mutex::default(), refused: Mutex::default() }
}

fn used(provider: &Provider) -> Vec<u32> {
    let used = provider.used.lock().unwrap();
    let mut minutes: Vec<i64> = used.keys().copied().collect();
    minutes.sort_unstable();
    minutes.iter().map(|minute| used[minute]).collect()
}

#[tokio::test(start_paused = true)]
async fn our_share_of_each_of_the_providers_minutes_is_used_whole_and_never_more() {
    let agrees = provider(0);
    backlog(&agrees, 0, 1_350).await;
    assert_eq!((used(&agrees), *agrees.refused.lock().unwrap()), (vec![450, 450, 450], 0));
}

#[tokio::test(start_paused = true)]
async fn a_minute_that_turns_between_two_requests_is_never_overdrawn() {
    // The minute turns under way, and with a fraction of a second that no `Date` tells.
    for ahead in [5_000_000, 700_000, 9_300_000, -400_000, 31_999_999] {
        let provider = provider(ahead);
        backlog(&provider, 0, 2_000).await;
        let used = used(&provider);
        assert!(used.iter().all(|points| *points <= 500), "{ahead}: {used:?}");
        assert_eq!(*provider.refused.lock().unwrap(), 0, "{ahead}: {used:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_at_the_edge_of_a_minute_costs_that_minute_and_not_the_next() {
    // Others leave 300 points of each minute; the first 429 comes in its last seconds.
    let provider = provider(0);
    backlog(&provider, 300, 900).await;
    let (used, refused) = (used(&provider), *provider.refused.lock().unwrap());
    assert!(used.iter().all(|points| *points <= 300), "{used:?}");
    // One refusal a minute, and none right after it has turned.
    assert_eq!((refused as usize, used[0]), (used.len() - 1, 300), "{used:?}");
}

#[tokio::test]
async fn the_least_that_is_left_to_an_account_is_told_by_connector() {
    let catalogue = oc_config::Catalogue::built_in().unwrap();
    let limits = catalogue.find("salesloft").unwrap().limits.clone().unwrap();
    let budgets = Budgets::default();
    let of = |connector, account: &str| budgets.of(connector, account, &limits, Timestamp(0));
    let (one, two) = (of("one", "a"), of("two", "b"));
    of("one", "idle");
    assert_eq!(one.try_take(150, Share::Whole, Timestamp(0)), None);
    two.close(None, Timestamp(0)).await;
    let usable = f64::from(one.usable);
    let least = budgets.least_left(Timestamp(0));
    assert_eq!(least["one"], (usable - 150.0) / usable);
    assert_eq!(least["two"], 0.0);
    let later = budgets.least_left(Timestamp(5 * MINUTE));
    assert_eq!((later["one"], later["two"]), (1.0, 1.0));
}

/// A purse in memory, and how often it was asked.
#[derive(Default)]
struct Shared(Mutex<(u32, u32, Timestamp)>);

#[async_trait::async_trait]
impl Purse for Shared {
    async fn draw(&self, _: &str, draw: Draw) -> Result<crate::Drawn, crate::PurseError> {
        let mut shared = self.0.lock().unwrap();
        let points = draw.wanted.min(draw.most.saturating_sub(shared.0));
        (shared.0, shared.1) = (shared.0 + points, shared.1 + 1);
        Ok(crate::Drawn { points, closed_until: shared.2 })
    }

    async fn close(&self, _: &str, until: Timestamp) -> Result<(), crate::PurseError> {
        self.0.lock().unwrap().2 = until;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn processes_that_share_a_purse_keep_to_one_limit_together() {
    let shared = Arc::new(Shared::default());
    let of = || Budget { common: Some(("a".to_owned(), shared.clone())), ..budget() };
    let (one, two) = (of(), of());
    let clock = Clock::new(|| Timestamp(MINUTE));
    let mut taken = 0;
    for budget in [&one, &two].into_iter().cycle() {
        match budget.take(1, &clock, Duration::ZERO, Share::Whole).await {
            Ok(()) => taken += 1,
            Err(refused) => {
                assert_eq!(refused, TooLong(Duration::from_secs(61)));
                break;
            }
        }
    }
    assert!((420..=450).contains(&taken), "{taken}");
    let asked = shared.0.lock().unwrap().1;
    assert!(asked < 30, "the purse was asked {asked} times");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_urgent_leaves_a_third_to_all_processes_and_a_429_stops_all() {
    let shared = Arc::new(Shared::default());
    let of = || Budget { common: Some(("a".to_owned(), shared.clone())), ..budget() };
    let (one, two) = (of(), of());
    let clock = Clock::new(|| Timestamp(MINUTE));
    one.take(300, &clock, Duration::ZERO, Share::Whole).await.unwrap();
    assert!(two.take(1, &clock, Duration::ZERO, Share::Spare).await.is_err());
    two.take(1, &clock, Duration::ZERO, Share::Whole).await.unwrap();
    one.close(Some(Duration::from_secs(20)), Timestamp(MINUTE)).await;
    let refused = of().take(1, &clock, Duration::ZERO, Share::Whole).await;
    assert_eq!(refused, Err(TooLong(Duration::from_secs(20))));
}

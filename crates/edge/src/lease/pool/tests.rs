use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing::Amount;
use proptest::prelude::*;
use rpc::billing::Kept;

use super::*;
use crate::lease::held::{Held, Reported};

const RULES: Rules =
    Rules { requests: 4, most: 10_000, idle: Duration::from_secs(15), tight: Duration::from_secs(5) };
const MINUTE: Duration = Duration::from_secs(60);

fn name(id: &str) -> Name {
    Name { lease_id: id.to_owned(), account_id: "a".to_owned(), epoch: 1 }
}

fn life(asked_at: Instant) -> Life {
    Life { asked_at, expires_in: MINUTE, ends_in: MINUTE * 10 }
}

/// A pool whose accounts have a lease of so much each.
fn pool(accounts: &[(&str, i64)]) -> Arc<Pool> {
    let pool = Arc::new(Pool::new(RULES));
    let now = Instant::now();
    for (id, amount) in accounts {
        let name = Name { account_id: (*id).to_owned(), ..name(&format!("lease-{id}")) };
        pool.account(id).state().grant(now, name, *amount, life(now));
    }
    pool
}

fn take(pool: &Arc<Pool>, wants: &[(&str, i64)]) -> Result<Held, Vec<usize>> {
    let needs = pool.needs(wants.iter().map(|(id, want)| (*id, *want, 1)));
    let mut taken = pool.take(Instant::now(), &needs, |_| false)?;
    assert!(taken.tight.is_empty());
    Ok(Held::taken(pool, &mut taken))
}

fn idle(pool: &Pool, id: &str) -> i64 {
    pool.account(id).state().idle()
}

#[test]
fn all_accounts_are_reserved_from_or_none() {
    let pool = pool(&[("a", 100), ("b", 50)]);
    assert_eq!(take(&pool, &[("b", 51), ("a", 10)]).err(), Some(vec![1]));
    assert_eq!((idle(&pool, "a"), idle(&pool, "b")), (100, 50));
    let held = take(&pool, &[("b", 40), ("a", 60)]).unwrap();
    assert_eq!((idle(&pool, "a"), idle(&pool, "b")), (40, 10));
    assert_eq!((held.amount().nanos(), held.amount_of("a").nanos()), (40, 60));
}

#[test]
fn what_a_charge_leaves_returns_at_once_and_each_account_has_its_own() {
    let pool = pool(&[("a", 100), ("b", 100)]);
    let held = take(&pool, &[("a", 60), ("b", 60)]).unwrap();
    let charge = |id: &str| Amount::from_nanos(if id == "a" { 10 } else { 70 });
    held.settle_each(charge).stored();
    assert_eq!((idle(&pool, "a"), idle(&pool, "b")), (90, 40));
}

#[test]
fn a_reservation_over_several_leases_is_charged_in_the_order_it_lists_them() {
    let pool = pool(&[("a", 30)]);
    let now = Instant::now();
    pool.account("a").state().grant(now, name("second"), 100, life(now + MINUTE));
    let held = take(&pool, &[("a", 50)]).unwrap();
    let listed: Vec<i64> = held.leases().iter().map(|lease| lease.amount).collect();
    assert_eq!(listed, [30, 20]);
    held.settle(Amount::from_nanos(35)).stored();
    let charged: Vec<i64> = pool.account("a").state().leases().iter().map(|lease| lease.charged).collect();
    assert_eq!(charged, [30, 5]);
}

#[test]
fn an_extension_grows_the_lease_where_it_was_listed() {
    let pool = pool(&[("a", 30)]);
    let now = Instant::now();
    pool.account("a").state().grant(now, name("second"), 100, life(now + MINUTE));
    let other = take(&pool, &[("a", 10)]).unwrap();
    let mut held = take(&pool, &[("a", 40)]).unwrap();
    drop(other.settle(Amount::ZERO));
    held.merge(&mut take(&pool, &[("a", 15)]).unwrap());
    let listed: Vec<(String, i64)> =
        held.leases().into_iter().map(|lease| (lease.lease_id, lease.amount)).collect();
    assert_eq!(listed, [("lease-a".to_owned(), 30), ("second".to_owned(), 25)]);
    held.settle(Amount::from_nanos(1)).stored();
    let unreported: Vec<u64> =
        pool.account("a").state().leases().iter().map(|lease| lease.unreported).collect();
    assert_eq!(unreported, [1, 0], "the one that was dropped is not reported");
}

#[test]
fn what_was_lost_or_dropped_counts_as_spent() {
    let pool = pool(&[("a", 100)]);
    take(&pool, &[("a", 30)]).unwrap().lose().stored();
    drop(take(&pool, &[("a", 20)]).unwrap());
    assert_eq!(idle(&pool, "a"), 50);
    let kept = pool.account("a").state().trims(Instant::now(), true, &RULES);
    assert_eq!(kept, [Kept { lease_id: "lease-a".to_owned(), keep: 50, is_done: false }]);
}

#[test]
fn a_lease_is_done_only_when_everything_under_it_is_reported() {
    let pool = pool(&[("a", 100)]);
    let reported: Reported = take(&pool, &[("a", 30)]).unwrap().settle(Amount::from_nanos(10));
    let account = pool.account("a");
    let kept = |keep, is_done| vec![Kept { lease_id: "lease-a".to_owned(), keep, is_done }];
    assert_eq!(account.state().trims(Instant::now(), true, &RULES), kept(10, false));
    assert_eq!(account.state().trims(Instant::now(), true, &RULES), []);
    reported.stored();
    assert_eq!(account.state().trims(Instant::now(), true, &RULES), kept(10, true));
    assert!(account.state().leases().is_empty());
}

#[test]
fn a_tight_account_is_left_to_the_request_and_gives_up_what_is_idle() {
    let pool = pool(&[("a", 100), ("b", 100)]);
    pool.recall(&["a".to_owned(), "unheard of".to_owned()]);
    let needs = pool.needs([("a", 150, 1), ("b", 50, 1)].into_iter());
    let taken = pool.take(Instant::now(), &needs, |_| false).unwrap();
    assert_eq!((taken.tight, taken.uses.len()), (vec![0], 1));
    let trimmed = pool.trim_touched();
    assert_eq!(trimmed.len(), 1);
    assert!(!pool.standing().is_at_rest);
    assert!(!pool.account("a").state().is_trimmed());
    trimmed[0].account.state().trimmed(1);
    assert!(pool.account("a").state().is_trimmed());
}

#[test]
fn a_scarce_account_is_asked_for_only_when_somebody_is_short() {
    let now = Instant::now();
    let mut state = State::default();
    assert!(state.is_low(now, 10, &RULES));
    state.is_now_scarce(now, &RULES);
    assert!(!state.is_low(now, 10, &RULES));
    assert!(state.is_low(now + RULES.tight, 10, &RULES));
}

#[test]
fn nobody_passes_those_who_wait() {
    let pool = pool(&[("a", 100)]);
    pool.account("a").state().waiting = 1;
    assert_eq!(take(&pool, &[("a", 10)]).err(), Some(vec![0]));
    let needs = pool.needs([("a", 10, 1)].into_iter());
    assert!(pool.take(Instant::now(), &needs, |_| true).is_ok());
}

#[test]
fn a_lease_is_fenced_before_it_could_expire_unless_it_was_extended_in_time() {
    let start = Instant::now();
    let mut state = State::default();
    state.grant(start, name("one"), 100, life(start));
    let second = Duration::from_secs(1);
    assert_eq!(state.available(start + second * 49), 100);
    assert_eq!(state.available(start + second * 50), 0, "ten seconds before it expires");
    state.extend(start + second * 20, start + second * 55, MINUTE);
    assert_eq!(state.available(start + second * 69), 100, "counted from when the heartbeat was sent");
    assert_eq!(state.available(start + second * 70), 0);
    state.extend(start + second * 79, start + second * 80, MINUTE);
    assert_eq!(state.available(start + second * 81), 0, "it may have expired before the heartbeat came");
    assert_eq!(state.trims(start + second * 81, false, &RULES).len(), 1);
}

#[test]
fn a_lease_ends_whatever_extends_it() {
    let start = Instant::now();
    let mut state = State::default();
    let life = Life { asked_at: start, expires_in: MINUTE, ends_in: Duration::from_secs(30) };
    state.grant(start, name("one"), 100, life);
    state.extend(start, start, MINUTE);
    assert_eq!(state.available(start + Duration::from_secs(24)), 100);
    assert_eq!(state.available(start + Duration::from_secs(25)), 0, "a sixth of its life before");
    assert_eq!(state.trims(start + Duration::from_secs(25), false, &RULES).len(), 1);
}

#[test]
fn what_nobody_uses_goes_back_after_a_while() {
    let start = Instant::now();
    let mut state = State::default();
    state.grant(start, name("one"), 100, life(start));
    assert!(state.draw(start + Duration::from_secs(5), 10, |_, _| {}));
    assert_eq!(state.trims(start + Duration::from_secs(19), false, &RULES), []);
    let kept = state.trims(start + Duration::from_secs(20), false, &RULES);
    assert_eq!(kept, [Kept { lease_id: "one".to_owned(), keep: 10, is_done: false }]);
}

/// What happens to an account, in any order.
#[derive(Debug, Clone)]
enum Step {
    Granted(i64),
    Reserve(i64),
    /// The reservation at this place, modulo how many there are, came to this charge.
    Settle(usize, i64),
    GiveBack(usize),
    Lose(usize),
    /// Billing knows of the generation at this place of those that are at their end.
    Reported(usize),
    Recall,
    Trim,
    Extended(u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..1_000_i64).prop_map(Step::Granted),
        6 => (1..400_i64).prop_map(Step::Reserve),
        4 => (0..8_usize, 0..500_i64).prop_map(|(n, charge)| Step::Settle(n, charge)),
        1 => (0..8_usize).prop_map(Step::GiveBack),
        1 => (0..8_usize).prop_map(Step::Lose),
        3 => (0..8_usize).prop_map(Step::Reported),
        1 => Just(Step::Recall),
        3 => Just(Step::Trim),
        2 => (0..30_u64).prop_map(Step::Extended),
        3 => (0..40_u64).prop_map(Step::Pass),
    ]
}

/// A reservation: each lease and its part.
type Parts = Vec<(Arc<Name>, i64)>;

/// What billing would believe, kept apart from what is tested. Amounts in nano-USD.
#[derive(Default)]
struct Model {
    state: State,
    /// Of each lease: what billing holds, when it expires and ends, and whether it was said to be done.
    granted: HashMap<String, (i64, Instant, Instant, bool)>,
    /// Of each lease: charges that are known, and the whole of what was lost.
    spent: HashMap<String, i64>,
    open: Vec<Parts>,
    /// At their end, and unknown to billing.
    unreported: Vec<Parts>,
}

impl Model {
    fn used(&self, lease: &str) -> i64 {
        let open = self.open.iter().flatten().filter(|(name, _)| name.lease_id == lease);
        open.map(|(_, amount)| amount).sum::<i64>() + self.spent.get(lease).copied().unwrap_or(0)
    }

    fn step(&mut self, now: &mut Instant, step: &Step) {
        match *step {
            Step::Granted(amount) => {
                let id = format!("lease-{}", self.granted.len());
                self.granted.insert(id.clone(), (amount, *now + MINUTE, *now + MINUTE * 10, false));
                self.state.grant(*now, name(&id), amount, life(*now));
            }
            Step::Reserve(amount) => {
                let mut parts = Parts::new();
                let available = self.state.available(*now);
                let is_drawn =
                    self.state.draw(*now, amount, |name, part| parts.push((Arc::clone(name), part)));
                assert_eq!(is_drawn, available >= amount);
                assert_eq!(
                    parts.iter().map(|(_, part)| part).sum::<i64>(),
                    if is_drawn { amount } else { 0 }
                );
                for (name, _) in &parts {
                    let (_, expires, ends, is_done) = self.granted[&name.lease_id];
                    assert!(*now < expires.min(ends) && !is_done, "{name:?} may be gone");
                }
                if is_drawn {
                    self.open.push(parts);
                }
            }
            Step::Settle(n, charge) => {
                let Some(parts) = pick(&mut self.open, n) else { return };
                let mut rest = charge;
                for (name, amount) in &parts {
                    let part = rest.min(*amount);
                    rest -= part;
                    self.state.settle(name, *amount, part);
                    *self.spent.entry(name.lease_id.clone()).or_default() += part;
                }
                self.unreported.push(parts);
            }
            Step::GiveBack(n) => {
                let Some(parts) = pick(&mut self.open, n) else { return };
                for (name, amount) in &parts {
                    self.state.put_back(name, *amount);
                    self.state.reported(name);
                }
            }
            Step::Lose(n) => {
                let Some(parts) = pick(&mut self.open, n) else { return };
                for (name, amount) in &parts {
                    self.state.lose(name, *amount);
                    *self.spent.entry(name.lease_id.clone()).or_default() += amount;
                }
                self.unreported.push(parts);
            }
            Step::Reported(n) => {
                let Some(parts) = pick(&mut self.unreported, n) else { return };
                parts.iter().for_each(|(name, _)| self.state.reported(name));
            }
            Step::Recall => self.state.tighten(*now, &RULES),
            Step::Trim => self.trim(*now),
            Step::Extended(ago) => {
                let sent = *now - Duration::from_secs(ago);
                self.state.extend(sent, *now, MINUTE);
                for (_, expires, _, _) in self.granted.values_mut().filter(|lease| *now < lease.1) {
                    *expires = (*expires).max(sent + MINUTE);
                }
            }
            Step::Pass(seconds) => *now += Duration::from_secs(seconds),
        }
    }

    fn trim(&mut self, now: Instant) {
        let is_tight = self.state.is_tight(now);
        for kept in self.state.trims(now, false, &RULES) {
            assert!(kept.keep >= self.used(&kept.lease_id), "{kept:?} is less than is in use");
            let is_unreported = |parts: &Parts| parts.iter().any(|(name, _)| name.lease_id == kept.lease_id);
            if kept.is_done {
                assert!(!self.open.iter().chain(&self.unreported).any(is_unreported), "{kept:?} too early");
            }
            let lease = self.granted.get_mut(&kept.lease_id).unwrap();
            assert!(!lease.3 && kept.keep <= lease.0, "{kept:?} after {lease:?}");
            (lease.0, lease.3) = (kept.keep, kept.is_done);
        }
        if is_tight {
            assert_eq!(self.state.idle(), 0);
        }
    }

    /// Nothing is reserved that was not granted, and nothing that was granted is forgotten.
    fn check(&self) {
        let mut idle = 0;
        for (id, (granted, _, _, is_done)) in &self.granted {
            let used = self.used(id);
            assert!(used <= *granted, "{id}: {used} of {granted}");
            if !is_done {
                idle += granted - used;
            }
        }
        assert_eq!(self.state.idle(), idle);
    }
}

fn pick(from: &mut Vec<Parts>, n: usize) -> Option<Parts> {
    (!from.is_empty()).then(|| from.swap_remove(n % from.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_reserves_more_than_was_granted_or_promises_less_than_is_used(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        let mut model = Model::default();
        let mut now = Instant::now() + Duration::from_secs(100);
        for step in &steps {
            model.step(&mut now, step);
            model.check();
        }
        // In the end everything comes back but what was spent.
        while !model.open.is_empty() {
            model.step(&mut now, &Step::Settle(0, 7));
        }
        while !model.unreported.is_empty() {
            model.step(&mut now, &Step::Reported(0));
        }
        model.state.tighten(now, &RULES);
        model.trim(now);
        assert!(model.granted.values().all(|lease| lease.3), "a lease is left open");
        assert!(model.state.leases().is_empty());
    }
}

//! What one account's shared leases hold: a state machine without I/O, told the time by its caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc::billing::Kept;
use tokio::sync::watch;

use super::demand::Demand;
use super::lease::{Lease, Life, Name};
use crate::config::LeasesConfig;

/// How leases are sized and when they are given back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// A lease is at least for so many requests ...
    pub(crate) requests: i64,
    /// ... and at most so large, in nano-USD.
    pub(crate) most: i64,
    /// What nobody reserved from for so long is given back.
    pub(crate) idle: Duration,
    /// How long an account that was short is reserved from request by request.
    pub(crate) tight: Duration,
}

impl Rules {
    pub(crate) fn of(config: &LeasesConfig) -> Self {
        Self {
            requests: config.min_requests.get().into(),
            most: i64::try_from(config.max_lease_nano.get()).unwrap_or(i64::MAX),
            idle: config.idle_ms.get(),
            tight: config.tight_ms.get(),
        }
    }
}

/// Amounts in nano-USD.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// In the order in which they are consumed: the one that ends first is the first.
    leases: Vec<Lease>,
    /// Of all leases.
    open: i64,
    demand: Demand,
    tight_until: Option<Instant>,
    /// Until then nothing is asked for that nobody is short of.
    scarce_until: Option<Instant>,
    /// Requests that have, or wait for, their turn.
    pub(crate) waiting: usize,
    /// The ask that is on its way; true once it is answered.
    pub(crate) flight: Option<watch::Receiver<bool>>,
    /// What billing was told is kept, and how often it said that it knows.
    said: u64,
    stored: u64,
}

impl State {
    /// What may be reserved.
    pub(crate) fn available(&self, now: Instant) -> i64 {
        let usable = self.leases.iter().filter(|lease| lease.is_usable(now));
        usable.fold(0, |sum, lease| sum.saturating_add(lease.idle()))
    }

    pub(crate) fn is_tight(&self, now: Instant) -> bool {
        self.tight_until.is_some_and(|until| now < until)
    }

    /// From now on it is reserved from request by request, for a while.
    pub(crate) fn tighten(&mut self, now: Instant, rules: &Rules) {
        self.tight_until = Some(now + rules.tight);
    }

    /// Billing gives less than was asked for: for a while no more is taken than is needed.
    pub(crate) fn is_now_scarce(&mut self, now: Instant, rules: &Rules) {
        self.scarce_until = Some(now + rules.tight);
    }

    /// Reserves `amount`, or nothing when there is less. `drawn` is told of each lease and its part, in the order
    /// of consumption. Whether it is reserved.
    pub(crate) fn draw(&mut self, now: Instant, amount: i64, mut drawn: impl FnMut(&Arc<Name>, i64)) -> bool {
        if self.available(now) < amount {
            return false;
        }
        let mut rest = amount;
        for lease in &mut self.leases {
            let part = rest.min(lease.idle());
            if part <= 0 || !lease.is_usable(now) {
                continue;
            }
            lease.open = lease.open.saturating_add(part);
            lease.unreported += 1;
            lease.last_used = now;
            drawn(&lease.name, part);
            rest -= part;
            if rest == 0 {
                break;
            }
        }
        self.open = self.open.saturating_add(amount);
        self.demand.reserved(now, amount, self.open);
        true
    }

    /// Some of a reservation is not needed.
    pub(crate) fn put_back(&mut self, name: &Arc<Name>, amount: i64) {
        self.close(name, amount, |_, _| {});
    }

    /// A reservation came to a charge; the rest of it may be reserved again.
    pub(crate) fn settle(&mut self, name: &Arc<Name>, amount: i64, charge: i64) {
        let charge = charge.min(amount);
        self.close(name, amount, |lease, _| lease.charged = lease.charged.saturating_add(charge));
        self.demand.charged(charge);
    }

    /// Nobody knows what a reservation came to: it counts whole until the lease is done.
    pub(crate) fn lose(&mut self, name: &Arc<Name>, amount: i64) {
        self.close(name, amount, |lease, amount| lease.lost = lease.lost.saturating_add(amount));
    }

    fn close(&mut self, name: &Arc<Name>, amount: i64, how: impl FnOnce(&mut Lease, i64)) {
        let Some(lease) = find(&mut self.leases, name) else { return };
        let amount = amount.min(lease.open);
        lease.open -= amount;
        self.open -= amount;
        how(lease, amount);
    }

    /// Billing knows of a generation, or need not be told of it.
    pub(crate) fn reported(&mut self, name: &Arc<Name>) {
        if let Some(lease) = find(&mut self.leases, name) {
            lease.unreported = lease.unreported.saturating_sub(1);
        }
    }

    /// A lease was granted.
    pub(crate) fn grant(&mut self, now: Instant, name: Name, amount: i64, life: Life) {
        let lease = Lease::new(Arc::new(name), amount.max(0), life, now);
        let later = |other: &Lease| other.reserves_until() <= lease.reserves_until();
        let place = self.leases.partition_point(later);
        self.leases.insert(place, lease);
    }

    /// A heartbeat that was sent at `sent` extended the leases.
    pub(crate) fn extend(&mut self, sent: Instant, now: Instant, ttl: Duration) {
        for lease in &mut self.leases {
            lease.extend(sent, now, ttl);
        }
    }

    /// Every lease is void: a later life of this edge has begun.
    pub(crate) fn clear(&mut self) {
        self.leases.clear();
        self.open = 0;
    }

    /// How much to ask for, so that `need` and what is likely to follow can be reserved.
    pub(crate) fn refill(&self, now: Instant, need: i64, rules: &Rules) -> i64 {
        let target = self.demand.target(now, need, rules.requests, rules.most).max(need);
        target.saturating_sub(self.available(now)).max(1)
    }

    /// Whether it is time to ask for more, though nobody is short yet.
    pub(crate) fn is_low(&self, now: Instant, need: i64, rules: &Rules) -> bool {
        let target = self.demand.target(now, need, rules.requests, rules.most);
        let is_scarce = self.scarce_until.is_some_and(|until| now < until);
        !is_scarce && self.flight.is_none() && self.available(now) < target / 4
    }

    /// What billing is to be told. Idle money goes back when nobody used it for long, when its lease is over and,
    /// with `gives_up` or while the account is tight, in any case. A lease under which nothing is left to come,
    /// and of which everything was reported, is done. What this says has happened when it returns: nothing that
    /// was given up here is reserved again.
    pub(crate) fn trims(&mut self, now: Instant, gives_up: bool, rules: &Rules) -> Vec<Kept> {
        let gives_up = gives_up || self.is_tight(now);
        let mut kept = Vec::new();
        self.leases.retain_mut(|lease| {
            let idle = lease.idle();
            let is_idle = now.saturating_duration_since(lease.last_used) >= rules.idle;
            if idle > 0 && !gives_up && !is_idle && !lease.is_over(now) {
                return true;
            }
            let is_done = lease.unreported == 0;
            if idle == 0 && !is_done {
                return true;
            }
            lease.granted -= idle;
            // Whatever is open is unreported, so nothing is open under a lease that is done.
            kept.push(Kept { lease_id: lease.name.lease_id.clone(), keep: lease.granted, is_done });
            !is_done
        });
        self.said += u64::try_from(kept.len()).unwrap_or(0);
        kept
    }

    /// Billing knows so many of the trims.
    pub(crate) const fn trimmed(&mut self, count: u64) {
        self.stored += count;
    }

    /// How many trims billing knows.
    pub(crate) const fn stored(&self) -> u64 {
        self.stored
    }

    /// Whether billing has everything that nobody uses here.
    pub(crate) fn is_trimmed(&self) -> bool {
        self.said == self.stored && self.idle() == 0
    }

    pub(crate) fn idle(&self) -> i64 {
        self.leases.iter().fold(0, |sum, lease| sum.saturating_add(lease.idle()))
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_empty(&self, now: Instant) -> bool {
        self.leases.is_empty()
            && self.flight.is_none()
            && self.waiting == 0
            && self.said == self.stored
            && !self.is_tight(now)
    }

    #[cfg(test)]
    pub(crate) fn leases(&self) -> &[Lease] {
        &self.leases
    }
}

/// There are few leases, and of those in use the last ones are used most.
fn find<'l>(leases: &'l mut [Lease], name: &Arc<Name>) -> Option<&'l mut Lease> {
    leases.iter_mut().rev().find(|lease| Arc::ptr_eq(&lease.name, name))
}

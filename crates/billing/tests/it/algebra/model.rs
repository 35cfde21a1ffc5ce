//! What the books should say: accounts, leases and generations as plain numbers.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Seconds that a lease lives at most, and that a fenced one or a claim waits.
pub(super) const LIFETIME: i64 = 600;
pub(super) const GRACE: i64 = 660;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Closing,
    Closed,
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub id: Uuid,
    pub account: Uuid,
    pub group: Uuid,
    pub granted: i64,
    pub consumed: i64,
    pub single: bool,
    pub state: State,
    pub is_done: bool,
    pub closes_at: Option<i64>,
    pub epoch: i64,
    pub created_at: i64,
}

/// One generation: what is reserved under which leases, in order, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Generation {
    pub id: Uuid,
    pub parts: Vec<(Uuid, i64)>,
    pub reserved: i64,
    pub charge: i64,
    pub claimed_at: Option<i64>,
    pub told_at: Option<i64>,
    pub is_settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Balance {
    pub added: i64,
    pub spent: i64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub now: i64,
    pub epoch: i64,
    pub balances: BTreeMap<Uuid, Balance>,
    pub leases: Vec<Lease>,
    pub generations: Vec<Generation>,
    pub absorbed: i64,
}

impl Model {
    pub(super) fn held(&self, account: Uuid) -> i64 {
        let open =
            self.leases.iter().filter(|lease| lease.account == account && lease.state != State::Closed);
        open.map(|lease| lease.granted - lease.consumed).sum()
    }

    fn available(&self, account: Uuid) -> i64 {
        self.balances[&account].added - self.balances[&account].spent - self.held(account)
    }

    /// What an ask gets, if anything. One edge is alive.
    pub(super) fn amount(&self, want: i64, floor: i64, shared: bool) -> Option<i64> {
        let available = self.balances.keys().map(|account| self.available(*account)).min().unwrap();
        let bound = if shared { want.min((available / 2).max(floor)) } else { want };
        let amount = bound.min(available);
        (amount >= floor.max(1)).then_some(amount)
    }

    pub(super) fn lease(&self, id: Uuid) -> &Lease {
        self.leases.iter().find(|lease| lease.id == id).unwrap()
    }

    fn lease_mut(&mut self, id: Uuid) -> &mut Lease {
        self.leases.iter_mut().find(|lease| lease.id == id).unwrap()
    }

    /// What is or was reserved under a lease, less what is known not to have been taken of it.
    pub(super) fn in_use(&self, lease: Uuid) -> i64 {
        let used = self.generations.iter().filter_map(|generation| {
            let (_, amount) = generation.parts.iter().find(|(id, _)| *id == lease)?;
            let is_alone = generation.parts.len() == self.balances.len();
            Some(if generation.is_settled && is_alone { generation.charge } else { *amount })
        });
        used.sum()
    }

    pub(super) fn trim(&mut self, lease: Uuid, keep: i64, is_done: bool) {
        let now = self.now;
        let lease = self.lease_mut(lease);
        lease.granted = lease.granted.min(keep).max(lease.consumed);
        if is_done {
            lease.is_done = true;
            if lease.state != State::Closed {
                lease.state = State::Closing;
                lease.closes_at = Some(lease.closes_at.unwrap_or(now).min(now));
            }
        }
    }

    /// What each lease of a generation may give.
    fn capacities(&self, generation: &Generation) -> Vec<i64> {
        let mut taken: BTreeMap<Uuid, i64> = BTreeMap::new();
        let parts = generation.parts.iter().map(|(id, amount)| {
            let lease = self.lease(*id);
            let most = (lease.granted - lease.consumed).min(*amount);
            if lease.state != State::Closed {
                return most;
            }
            let before = taken.entry(lease.account).or_default();
            let most = most.min((self.available(lease.account) - *before).max(0));
            *before += most;
            most
        });
        parts.collect()
    }

    pub(super) fn settle(&mut self, place: usize) {
        let generation = self.generations[place].clone();
        if generation.is_settled {
            return;
        }
        let capacities = self.capacities(&generation);
        let room = |account: Uuid| -> i64 {
            let parts = generation.parts.iter().zip(&capacities);
            parts.filter(|((id, _), _)| self.lease(*id).account == account).map(|(_, most)| *most).sum()
        };
        let charge = self.balances.keys().map(|account| room(*account)).min().unwrap().min(generation.charge);
        self.absorbed += generation.charge - charge;
        let mut left: BTreeMap<Uuid, i64> = self.balances.keys().map(|account| (*account, charge)).collect();
        for ((id, _), most) in generation.parts.iter().zip(capacities) {
            let lease = self.lease_mut(*id);
            let left = left.get_mut(&lease.account).unwrap();
            let take = most.min(*left);
            *left -= take;
            lease.consumed += take;
            if lease.single {
                lease.state = State::Closed;
            }
            let account = lease.account;
            self.balances.get_mut(&account).unwrap().spent += take;
        }
        self.generations[place].is_settled = true;
    }

    fn has_ended(&self, lease: Uuid) -> bool {
        let lease = self.lease(lease);
        lease.closes_at.is_some_and(|at| at <= self.now) && !lease.is_done
            || lease.state == State::Closed && lease.single
    }

    /// A generation that waits settles once both sides are there, or its time is over.
    pub(super) fn decide(&mut self, place: usize, is_sweep: bool) {
        let generation = &self.generations[place];
        let has_ended = generation.parts.iter().any(|(lease, _)| self.has_ended(*lease));
        let is_due = |at: Option<i64>| at.is_some_and(|at| is_sweep && at + GRACE <= self.now);
        let is_decided = match (generation.claimed_at, generation.told_at) {
            (None, None) => false,
            (Some(_), Some(_)) => true,
            (Some(at), None) => has_ended || is_due(Some(at)),
            (None, Some(at)) => is_sweep && has_ended || is_due(Some(at)),
        };
        if is_decided {
            self.settle(place);
        }
    }

    fn is_busy(&self, lease: Uuid) -> bool {
        self.generations.iter().any(|generation| {
            let waits = generation.claimed_at.is_some() || generation.told_at.is_some();
            waits && !generation.is_settled && generation.parts.iter().any(|(id, _)| *id == lease)
        })
    }

    pub(super) fn sweep(&mut self) {
        let (now, epoch) = (self.now, self.epoch);
        for lease in &mut self.leases {
            let has_ended = lease.epoch < epoch || lease.created_at + LIFETIME <= now;
            if lease.state == State::Active && has_ended {
                lease.state = State::Closing;
                lease.closes_at = Some(now + GRACE);
            }
        }
        for place in 0..self.generations.len() {
            self.decide(place, true);
        }
        for place in 0..self.leases.len() {
            let lease = &self.leases[place];
            let is_over = lease.is_done || lease.closes_at.is_some_and(|at| at <= now);
            if lease.state == State::Closing && is_over && !self.is_busy(lease.id) {
                self.leases[place].state = State::Closed;
            }
        }
    }
}

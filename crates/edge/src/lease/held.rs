//! What one request has reserved.

use std::sync::Arc;
use std::time::Instant;

use identity::GroupId;
use pricing::Amount;
use rpc::worker::LeaseUse;

use super::pool::{Account, Name, Need, Pool, State, Taken};

/// A part of one lease, in nano-USD.
pub(crate) struct Use {
    account: Arc<Account>,
    lease: Arc<Name>,
    amount: i64,
    /// The lease is the pool's; else it is this request's own.
    is_shared: bool,
}

impl Use {
    pub(super) fn shared(account: &Arc<Account>, lease: &Arc<Name>, amount: i64) -> Self {
        Self { account: Arc::clone(account), lease: Arc::clone(lease), amount, is_shared: true }
    }

    pub(super) fn own(account: &Arc<Account>, granted: LeaseUse) -> Self {
        let amount = granted.amount;
        Self { account: Arc::clone(account), lease: Arc::new(Name::of(granted)), amount, is_shared: false }
    }

    /// Changes the account, and has it looked at when it may have something to give up.
    fn change(&self, pool: Option<&Pool>, now: Instant, how: impl FnOnce(&mut State)) {
        let is_tight = {
            let mut state = self.account.state();
            how(&mut state);
            state.is_tight(now)
        };
        if let Some(pool) = pool.filter(|pool| is_tight || pool.is_closing()) {
            pool.touch(&self.account);
        }
    }

    fn is_of(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }
}

/// A reservation: what it is not told it came to counts as spent until its leases are done. The default holds
/// nothing, for what is free.
#[derive(Default)]
pub(crate) struct Held {
    /// Those of one account in the order in which they are consumed.
    uses: Vec<Use>,
    /// Groups of leases that are this request's own.
    groups: Vec<GroupId>,
    pool: Option<Arc<Pool>>,
}

/// Generations of which billing does not know yet: their leases cannot be done.
#[derive(Default)]
pub(crate) struct Reported {
    uses: Vec<Use>,
    pool: Option<Arc<Pool>>,
}

impl Reported {
    /// Billing knows of the generation.
    pub(crate) fn stored(self) {
        let now = Instant::now();
        for one in self.uses.iter().filter(|one| one.is_shared) {
            one.change(self.pool.as_deref(), now, |state| state.reported(&one.lease));
        }
    }
}

impl Held {
    /// What the pool had for a request.
    pub(crate) fn taken(pool: &Arc<Pool>, taken: &mut Taken) -> Self {
        let uses = std::mem::take(&mut taken.uses);
        Self { uses, groups: Vec::new(), pool: Some(Arc::clone(pool)) }
    }

    /// Each lease and what is reserved under it.
    pub(crate) fn leases(&self) -> Vec<LeaseUse> {
        self.uses.iter().map(|one| one.lease.with(one.amount)).collect()
    }

    /// From each account; where their needs differ, the least of them.
    pub(crate) fn amount(&self) -> Amount {
        let sums = self.uses.iter().map(|one| self.nanos_of(&one.account));
        Amount::from_nanos(sums.min().unwrap_or(0))
    }

    /// From the account with this id.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for reservations whose accounts need different amounts")
    )]
    pub(crate) fn amount_of(&self, account_id: &str) -> Amount {
        let uses = self.uses.iter().filter(|one| one.lease.account_id() == account_id);
        Amount::from_nanos(uses.map(|one| one.amount).sum())
    }

    fn nanos_of(&self, account: &Arc<Account>) -> i64 {
        self.uses.iter().filter(|one| one.is_of(account)).map(|one| one.amount).sum()
    }

    pub(super) const fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// A lease of this request's own.
    pub(super) fn add(&mut self, one: Use) {
        self.uses.push(one);
    }

    pub(super) fn add_group(&mut self, group: GroupId) {
        self.groups.push(group);
    }

    /// More from the same accounts. A lease that is drawn on again is listed where it was.
    pub(crate) fn merge(&mut self, more: &mut Self) {
        self.groups.append(&mut more.groups);
        self.pool = self.pool.take().or_else(|| more.pool.take());
        for one in more.uses.drain(..) {
            let known = |other: &&mut Use| Arc::ptr_eq(&other.lease, &one.lease);
            if let Some(same) = self.uses.iter_mut().find(known) {
                same.amount = same.amount.saturating_add(one.amount);
                // It is one generation all the same.
                one.account.state().reported(&one.lease);
                continue;
            }
            let last = self.uses.iter().rposition(|other| other.is_of(&one.account));
            self.uses.insert(last.map_or(self.uses.len(), |last| last + 1), one);
        }
    }

    /// Keeps no more than `amount` of each account that `needs` names.
    pub(super) fn shrink(&mut self, needs: &[Need], amount: i64) {
        let now = Instant::now();
        for need in needs {
            let mut excess = self.nanos_of(&need.account).saturating_sub(amount);
            for one in self.uses.iter_mut().rev().filter(|one| one.is_shared && one.is_of(&need.account)) {
                let part = excess.min(one.amount);
                if part <= 0 {
                    break;
                }
                excess -= part;
                one.amount -= part;
                one.change(self.pool.as_deref(), now, |state| state.put_back(&one.lease, part));
            }
        }
        self.uses.retain(|one| {
            if one.amount == 0 {
                one.account.state().reported(&one.lease);
            }
            one.amount > 0
        });
    }

    /// The same charge on every account: what it leaves may be reserved again at once.
    pub(crate) fn settle(self, charge: Amount) -> Reported {
        self.settle_each(|_| charge)
    }

    /// A charge for each account, by its id.
    pub(crate) fn settle_each(self, charge: impl Fn(&str) -> Amount) -> Reported {
        let mut rest = 0;
        let mut before: Option<Arc<Account>> = None;
        self.end(|one, state| {
            if before.as_ref().is_none_or(|before| !one.is_of(before)) {
                rest = charge(one.lease.account_id()).nanos().max(0);
                before = Some(Arc::clone(&one.account));
            }
            let part = rest.min(one.amount);
            rest -= part;
            if let Some(state) = state {
                state.settle(&one.lease, one.amount, part);
            }
        })
    }

    /// Nobody knows what it came to.
    pub(crate) fn lose(self) -> Reported {
        self.end(|one, state| {
            if let Some(state) = state {
                state.lose(&one.lease, one.amount);
            }
        })
    }

    /// Nothing was or will be executed. The groups that billing has to be told of.
    pub(super) fn release(mut self) -> Vec<GroupId> {
        let groups = std::mem::take(&mut self.groups);
        let released = self.end(|one, state| {
            if let Some(state) = state {
                state.put_back(&one.lease, one.amount);
            }
        });
        released.stored();
        groups
    }

    /// Ends each part, in order; `how` is given the account's state where the lease is the pool's.
    fn end(mut self, mut how: impl FnMut(&Use, Option<&mut State>)) -> Reported {
        let (uses, pool) = (std::mem::take(&mut self.uses), self.pool.take());
        let now = Instant::now();
        for one in &uses {
            if one.is_shared {
                one.change(pool.as_deref(), now, |state| how(one, Some(state)));
            } else {
                how(one, None);
            }
        }
        Reported { uses, pool }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for one in self.uses.drain(..).filter(|one| one.is_shared) {
            one.account.state().lose(&one.lease, one.amount);
        }
    }
}

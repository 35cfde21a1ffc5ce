//! The shared leases of every account, in memory. Reserving takes one small lock for each of the request's own
//! accounts, in the order of their ids, and nothing that other accounts share but a read of the map's shard.

mod account;
mod demand;
mod lease;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rpc::billing::Kept;
use tokio::sync::Notify;

pub(crate) use account::{Rules, State};
pub(crate) use lease::{Life, Name};

use super::held::Use;

const SHARDS: usize = 64;

type Shard = RwLock<HashMap<Arc<str>, Arc<Account>>>;

/// One account.
pub(crate) struct Account {
    id: Arc<str>,
    state: Mutex<State>,
    /// Whoever is short asks for more when it is their turn; those who come later wait behind.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Told when billing knows of a trim.
    pub(super) trimmed: Notify,
}

impl Account {
    fn new(id: Arc<str>) -> Self {
        Self { id, state: Mutex::default(), turn: Arc::default(), trimmed: Notify::new() }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request needs from one account, in nano-USD.
#[derive(Clone)]
pub(crate) struct Need {
    pub(super) account: Arc<Account>,
    pub(super) want: i64,
    pub(super) floor: i64,
}

/// What could be done at once.
#[derive(Default)]
pub(crate) struct Taken {
    pub(super) uses: Vec<Use>,
    /// Which accounts are tight and have to be asked for by the request itself.
    pub(super) tight: Vec<usize>,
    /// Which accounts should be asked more for before anybody is short.
    pub(super) low: Vec<usize>,
}

/// What billing is to be told of one account.
pub(super) struct Trimmed {
    pub(super) account: Arc<Account>,
    pub(super) kept: Vec<Kept>,
}

/// What is in the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// In nano-USD.
    pub(super) idle: i64,
    pub(super) tight: i64,
    /// Whether every ask is answered and every trim known, and nothing is idle.
    pub(super) is_at_rest: bool,
}

pub(crate) struct Pool {
    shards: Vec<Shard>,
    hasher: RandomState,
    pub(super) rules: Rules,
    /// The process stops: every account is tight.
    is_closing: AtomicBool,
    /// Accounts that have something to give up at once.
    dirty: Mutex<Vec<Arc<Account>>>,
    pub(super) wake: Notify,
}

impl Pool {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
            rules,
            is_closing: AtomicBool::new(false),
            dirty: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(crate) fn account(&self, id: &str) -> Arc<Account> {
        let shard = self.shard(id);
        if let Some(known) = shard.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Arc::clone(known);
        }
        let mut accounts = shard.write().unwrap_or_else(PoisonError::into_inner);
        let id: Arc<str> = id.into();
        let account = accounts.entry(Arc::clone(&id)).or_insert_with(|| Arc::new(Account::new(id)));
        Arc::clone(account)
    }

    fn shard(&self, id: &str) -> &Shard {
        let hash = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or(0);
        &self.shards[hash]
    }

    /// Needs in the order in which their accounts are locked, one for each account.
    pub(crate) fn needs<'i>(&self, wanted: impl Iterator<Item = (&'i str, i64, i64)>) -> Vec<Need> {
        let mut needs: Vec<Need> =
            wanted.map(|(id, want, floor)| Need { account: self.account(id), want, floor }).collect();
        needs.sort_by(|a, b| a.account.id.cmp(&b.account.id));
        needs.dedup_by(|again, kept| {
            let is_same = again.account.id == kept.account.id;
            if is_same {
                kept.want = kept.want.max(again.want);
                kept.floor = kept.floor.max(again.floor);
            }
            is_same
        });
        needs
    }

    /// Reserves every need whose account has it. Those of tight accounts that have too little are left to the
    /// caller. When another account has too little, or somebody else's turn comes first, nothing is reserved,
    /// and the error says which these are.
    pub(crate) fn take(
        &self,
        now: Instant,
        needs: &[Need],
        has_turn: impl Fn(usize) -> bool,
    ) -> Result<Taken, Vec<usize>> {
        let is_closing = self.is_closing();
        let (mut taken, mut short) = (Taken::default(), Vec::new());
        let mut states: Vec<MutexGuard<'_, State>> = needs.iter().map(|need| need.account.state()).collect();
        for (n, (need, state)) in needs.iter().zip(&states).enumerate() {
            let is_tight = is_closing || state.is_tight(now);
            let has_enough = state.available(now) >= need.want;
            match (has_enough, is_tight) {
                (false, true) => taken.tight.push(n),
                (false, false) => short.push(n),
                (true, false) if state.waiting > 0 && !has_turn(n) => short.push(n),
                (true, _) => {}
            }
        }
        if !short.is_empty() {
            return Err(short);
        }
        for (n, (need, state)) in needs.iter().zip(&mut states).enumerate() {
            if taken.tight.contains(&n) {
                continue;
            }
            let uses = &mut taken.uses;
            state.draw(now, need.want, |lease, amount| uses.push(Use::shared(&need.account, lease, amount)));
            if !is_closing && !state.is_tight(now) && state.is_low(now, need.want, &self.rules) {
                taken.low.push(n);
            }
        }
        Ok(taken)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// From now on nothing idle is kept.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// These accounts are wanted elsewhere.
    pub(super) fn recall(&self, account_ids: &[String]) {
        for id in account_ids {
            let known =
                self.shard(id).read().unwrap_or_else(PoisonError::into_inner).get(id.as_str()).cloned();
            if let Some(account) = known {
                self.tighten(&account);
            }
        }
    }

    /// The account is short: what is idle goes back at once, and for a while no more comes than is needed.
    pub(super) fn tighten(&self, account: &Arc<Account>) {
        account.state().tighten(Instant::now(), &self.rules);
        self.touch(account);
    }

    /// The account may have something to give up.
    pub(super) fn touch(&self, account: &Arc<Account>) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(account));
        self.wake.notify_one();
    }

    /// Billing extended every lease by a heartbeat of `sent`.
    pub(super) fn extend(&self, sent: Instant, ttl: Duration) {
        let now = Instant::now();
        self.each(|account| account.state().extend(sent, now, ttl));
    }

    /// A later life of this edge has begun: every lease is void.
    pub(super) fn fence(&self) {
        self.each(|account| account.state().clear());
    }

    /// What the accounts that were touched give up.
    pub(super) fn trim_touched(&self) -> Vec<Trimmed> {
        let touched = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        let mut trimmed = Vec::new();
        for account in touched {
            self.trim(&account, &mut trimmed);
        }
        trimmed
    }

    /// What any account gives up. Accounts that nobody uses are forgotten.
    pub(super) fn trim_all(&self) -> Vec<Trimmed> {
        let mut trimmed = Vec::new();
        self.each(|account| self.trim(account, &mut trimmed));
        let now = Instant::now();
        for shard in &self.shards {
            let mut accounts = shard.write().unwrap_or_else(PoisonError::into_inner);
            // Whoever holds one besides the map may be about to use it.
            accounts.retain(|_, account| Arc::strong_count(account) > 1 || !account.state().is_empty(now));
        }
        trimmed
    }

    fn trim(&self, account: &Arc<Account>, trimmed: &mut Vec<Trimmed>) {
        let kept = account.state().trims(Instant::now(), self.is_closing(), &self.rules);
        if !kept.is_empty() {
            trimmed.push(Trimmed { account: Arc::clone(account), kept });
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let now = Instant::now();
        let mut standing = Standing { is_at_rest: true, ..Standing::default() };
        self.each(|account| {
            let state = account.state();
            standing.idle = standing.idle.saturating_add(state.idle());
            standing.tight += i64::from(state.is_tight(now));
            standing.is_at_rest &= state.flight.is_none() && state.is_trimmed();
        });
        standing
    }

    fn each(&self, mut visit: impl FnMut(&Arc<Account>)) {
        for shard in &self.shards {
            for account in shard.read().unwrap_or_else(PoisonError::into_inner).values() {
                visit(account);
            }
        }
    }
}

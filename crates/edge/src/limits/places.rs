//! How many requests run at once: each edge holds places in Redis under a lease and fills them by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shared::{LEASE, Shared};
use super::{AtOnce, COME_BACK, DAY, Exceeded, MAX_SCOPES};

/// Places are filled no more so long before their lease ends.
const MARGIN: Duration = Duration::from_secs(2);

/// The places of everybody.
pub(super) struct Places {
    shared: Arc<Shared>,
    // Remembered for longer than any request runs, so that none is forgotten while it holds a place.
    scopes: moka::sync::Cache<String, Arc<Scope>>,
}

/// The places of one key or organisation.
struct Scope {
    name: String,
    state: Mutex<State>,
    /// Who finds no place waits for one answer of Redis instead of asking for each.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    limit: u64,
    /// Requests that run here.
    open: u64,
    /// The most of them since the last round of [`Places::renew`].
    most: u64,
    /// Places that this edge holds.
    held: u64,
    /// Until when they are this edge's.
    until: Option<Instant>,
    /// When Redis was asked last that had none left.
    found_full: Option<Instant>,
}

/// One place, left when it is dropped.
pub(super) struct Place {
    scope: Arc<Scope>,
    is_left: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Places {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let scopes = moka::sync::Cache::builder().max_capacity(MAX_SCOPES).time_to_idle(DAY).build();
        Self { shared, scopes }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`Exceeded`] when all are taken.
    pub(super) async fn enter(&self, rule: &AtOnce) -> Result<Place, Exceeded> {
        let scope = self.scopes.get_with_by_ref(rule.scope.as_str(), || Arc::new(Scope::new(&rule.scope)));
        if scope.enter(rule, &self.shared).await {
            return Ok(Place { scope, is_left: false });
        }
        Err(Exceeded { name: rule.name, limit: rule.limit, left: 0, remaining: COME_BACK })
    }

    /// Renews what is held and gives back what nobody used since the last round.
    pub(super) async fn renew(&self) {
        let held: Vec<Arc<Scope>> =
            self.scopes.iter().map(|(_, scope)| scope).filter(|scope| !scope.state().is_empty()).collect();
        for scope in held {
            scope.renew(&self.shared).await;
        }
    }
}

impl Place {
    /// Leaves the place, unless that is done.
    pub(super) fn leave(&mut self) {
        if !std::mem::replace(&mut self.is_left, true) {
            let mut state = self.scope.state();
            state.open = state.open.saturating_sub(1);
        }
    }

    /// Gives what was left to another edge, where this one has enough.
    pub(super) async fn give_back(&self, shared: &Shared) {
        self.scope.give_back(shared).await;
    }
}

impl Scope {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), state: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(&self, rule: &AtOnce, shared: &Shared) -> bool {
        let arrived = Instant::now();
        if self.state().enter(rule.limit, arrived) {
            return true;
        }
        let _asking = self.asking.lock().await;
        let began = Instant::now();
        let places = {
            let mut state = self.state();
            if state.enter(rule.limit, began) {
                return true;
            }
            if state.open >= rule.limit || state.found_full.is_some_and(|asked| asked >= arrived) {
                return false;
            }
            (rule.limit.min(state.open + at_a_time(rule.limit)), state.open)
        };
        let Some(held) = shared.hold(&self.name, rule.limit, places).await else {
            return self.state().enter_alone(shared.share(rule.limit));
        };
        let mut state = self.state();
        state.holds(held, began);
        let is_in = state.enter(rule.limit, began);
        if !is_in {
            state.found_full = Some(began);
        }
        is_in
    }

    /// Gives back what is more than a tenth of the limit beyond what runs here.
    async fn give_back(&self, shared: &Shared) {
        if self.state().beyond().is_none() {
            return;
        }
        let _asking = self.asking.lock().await;
        let began = Instant::now();
        let (limit, places) = {
            let mut state = self.state();
            let Some(places) = state.beyond() else { return };
            // Nobody takes meanwhile what is about to be another's.
            state.held = places.0;
            (state.limit, places)
        };
        if let Some(held) = shared.hold(&self.name, limit, places).await {
            self.state().holds(held, began);
        }
    }

    async fn renew(&self, shared: &Shared) {
        let _asking = self.asking.lock().await;
        let began = Instant::now();
        let (limit, places) = {
            let mut state = self.state();
            state.held = state.held.min(state.most).max(state.open);
            state.most = state.open;
            (state.limit, (state.held, state.open))
        };
        if let Some(held) = shared.hold(&self.name, limit, places).await {
            self.state().holds(held, began);
        }
    }
}

impl State {
    /// Fills one of the places that are held.
    fn enter(&mut self, limit: u64, now: Instant) -> bool {
        self.limit = limit;
        let is_held = self.until.is_some_and(|until| now < until);
        if !is_held || self.open >= self.held.min(limit) {
            return false;
        }
        self.open();
        true
    }

    /// No Redis: a share of the limit is this edge's.
    fn enter_alone(&mut self, share: u64) -> bool {
        let has_room = self.open < share;
        if has_room {
            self.open();
        }
        has_room
    }

    fn open(&mut self) {
        self.open += 1;
        self.most = self.most.max(self.open);
    }

    /// Places are counted from when they were asked for.
    fn holds(&mut self, held: u64, asked: Instant) {
        self.held = held;
        self.until = Some(asked + LEASE.saturating_sub(MARGIN));
    }

    /// What is to be held and what runs, where more is held than is kept at hand.
    fn beyond(&self) -> Option<(u64, u64)> {
        let enough = self.open + self.limit / 10;
        (self.held > enough).then_some((enough, self.open))
    }

    const fn is_empty(&self) -> bool {
        self.open == 0 && self.held == 0
    }
}

/// Places that are taken from Redis at a time.
fn at_a_time(limit: u64) -> u64 {
    (limit / 10).max(1)
}

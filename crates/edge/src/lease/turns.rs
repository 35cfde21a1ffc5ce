//! Whose turn it is to ask for more.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::pool::{Account, Need};

/// The turns of one request at the accounts that are short. Nobody passes whoever waits for one.
#[derive(Default)]
pub(super) struct Turns(Vec<Turn>);

struct Turn {
    /// Of the account among the request's needs.
    n: usize,
    _waiting: Waiting,
    guard: Option<OwnedMutexGuard<()>>,
}

/// Counts a request as waiting for as long as it lives.
struct Waiting(Arc<Account>);

impl Waiting {
    fn at(account: &Arc<Account>) -> Self {
        account.state().waiting += 1;
        Self(Arc::clone(account))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

impl Turns {
    pub(super) fn has(&self, n: usize) -> bool {
        self.0.iter().any(|turn| turn.n == n)
    }

    pub(super) fn have(&self, all: &[usize]) -> bool {
        all.iter().all(|n| self.has(*n))
    }

    /// Waits for the turn at these accounts as well. Turns are taken in the order of the accounts, so that no two
    /// requests wait for each other; those that come later in it are let go first.
    pub(super) async fn widen(&mut self, needs: &[Need], more: &[usize]) {
        for n in more {
            if !self.has(*n)
                && let Some(need) = needs.get(*n)
            {
                self.0.push(Turn { n: *n, _waiting: Waiting::at(&need.account), guard: None });
            }
        }
        self.0.sort_by_key(|turn| turn.n);
        let missing = self.0.iter().position(|turn| turn.guard.is_none()).unwrap_or(self.0.len());
        for turn in &mut self.0[missing..] {
            turn.guard = None;
        }
        for turn in &mut self.0[missing..] {
            if let Some(need) = needs.get(turn.n) {
                turn.guard = Some(Arc::clone(&need.account.turn).lock_owned().await);
            }
        }
    }
}

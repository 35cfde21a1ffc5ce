//! Shared leases: asked for once for all who wait, one ask for each account at a time.

use std::sync::Arc;
use std::time::Instant;

use identity::{GroupId, TenantId};
use tokio::sync::watch;

use super::ask::{Failure, Grant, Question};
use super::pool::{Account, Name, Need};
use super::{Leases, NotGranted};

/// A lease that is smaller than was asked for, and than so many of the request that asked, is not worth keeping.
const WORTHWHILE: i64 = 2;

impl Leases {
    /// Asks for so much that `need` and what is likely to follow can be reserved, unless an ask is on its way.
    /// The watch turns true once that is answered, whatever the answer. The work goes on when nobody waits for
    /// it: what billing grants late must not be forgotten.
    ///
    /// Each account has an ask of its own: reserving from several at once is the pool's, and what is answered
    /// then speaks of the one account that it is about.
    pub(super) fn refill(&self, need: &Need, tenant: TenantId, trace: String) -> watch::Receiver<bool> {
        let account = &need.account;
        let mut state = account.state();
        if let Some(flight) = &state.flight {
            return flight.clone();
        }
        let now = Instant::now();
        let missing = need.want.saturating_sub(state.available(now)).max(1);
        let question = Question {
            group: GroupId::generate(),
            tenant,
            accounts: vec![account.id().to_owned()],
            want: state.refill(now, need.want, &self.pool.rules),
            // With less, the request itself is to ask for what there is.
            floor: missing,
            is_shared: true,
            trace,
        };
        let (answered, flight) = watch::channel(false);
        state.flight = Some(flight.clone());
        drop(state);
        let (leases, account) = (self.clone(), Arc::clone(account));
        self.tasks.spawn(async move {
            leases.fly(&account, question).await;
            account.state().flight = None;
            answered.send_replace(true);
        });
        flight
    }

    /// As [`Self::refill`], for nobody in particular.
    pub(super) fn top_up(&self, needs: &[Need], low: &[usize], tenant: TenantId) {
        for need in low.iter().filter_map(|n| needs.get(*n)) {
            let _ = self.refill(need, tenant, String::new());
        }
    }

    async fn fly(&self, account: &Arc<Account>, question: Question) {
        loop {
            let deadline = tokio::time::Instant::now() + self.config.deadline_ms.get();
            match self.ask(&question, deadline).await {
                Ok(grant) => return self.receive(account, &question, grant),
                Err(Failure::NotGranted(NotGranted::Denied { .. })) => return self.pool.tighten(account),
                Err(Failure::Closed) => return,
                // A late answer may still grant something, which only another answer tells of. A life that ends
                // may leave that to billing, which sees the leases expire.
                Err(Failure::NotGranted(NotGranted::Unavailable)) if self.pool.is_closing() => return,
                Err(Failure::NotGranted(NotGranted::Unavailable)) => {}
            }
        }
    }

    fn receive(&self, account: &Arc<Account>, question: &Question, grant: Grant) {
        if grant.life.ends_in.is_zero() {
            // A replica that does not know shared leases granted one that ends with its first request.
            self.tell_returned(vec![question.group]);
            return self.pool.tighten(account);
        }
        let now = Instant::now();
        let sum = grant.granted.amount;
        for lease in grant.granted.leases {
            let amount = lease.amount;
            account.state().grant(now, Name::of(lease), amount, grant.life);
        }
        if account.state().is_tight(now) {
            // It was recalled meanwhile.
            self.pool.touch(account);
        }
        if sum < question.want {
            // Billing gives each edge its share of what there is.
            account.state().is_now_scarce(now, &self.pool.rules);
        }
        // What serves hardly more than one request had better serve whoever comes first.
        if sum < question.want && sum < question.floor.saturating_mul(WORTHWHILE) || self.pool.is_closing() {
            self.pool.tighten(account);
        }
    }
}

//! One shared lease as the edge sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc::worker::LeaseUse;

/// The edge stops reserving so long before a lease could expire or end, or a sixth of its life before when that
/// is shorter.
const MARGIN: Duration = Duration::from_secs(10);

/// Which lease on which account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) lease_id: String,
    pub(crate) account_id: String,
    pub(crate) epoch: u64,
}

impl Name {
    pub(crate) fn of(granted: LeaseUse) -> Self {
        Self { lease_id: granted.lease_id, account_id: granted.account_id, epoch: granted.epoch }
    }

    pub(crate) fn account_id(&self) -> &str {
        &self.account_id
    }

    /// On the wire, with so much reserved under it.
    pub(crate) fn with(&self, amount: i64) -> LeaseUse {
        LeaseUse {
            lease_id: self.lease_id.clone(),
            account_id: self.account_id.clone(),
            epoch: self.epoch,
            amount,
        }
    }
}

/// How long a lease lives, by a clock that started before it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) asked_at: Instant,
    /// Unless it is extended.
    pub(crate) expires_in: Duration,
    /// Whatever extends it.
    pub(crate) ends_in: Duration,
}

/// Amounts in nano-USD. What is idle is `granted - charged - open - lost`, and never negative.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) name: Arc<Name>,
    /// What billing holds for it: lowered by every trim, never raised.
    pub(crate) granted: i64,
    pub(crate) charged: i64,
    /// Reserved by requests that are not at their end.
    pub(crate) open: i64,
    /// Reserved by requests of which nobody knows what they cost.
    pub(crate) lost: i64,
    /// Generations that billing has not confirmed to have been told of.
    pub(crate) unreported: u64,
    expires_at: Instant,
    margin: Duration,
    reserves_until: Instant,
    pub(crate) last_used: Instant,
    /// It is known, or must be assumed, to have come to its end.
    is_over: bool,
}

impl Lease {
    pub(crate) fn new(name: Arc<Name>, granted: i64, life: Life, now: Instant) -> Self {
        let end_margin = MARGIN.min(life.ends_in / 6);
        Self {
            name,
            granted,
            charged: 0,
            open: 0,
            lost: 0,
            unreported: 0,
            expires_at: life.asked_at + life.expires_in,
            margin: MARGIN.min(life.expires_in / 6),
            reserves_until: life.asked_at + life.ends_in.saturating_sub(end_margin),
            last_used: now,
            is_over: false,
        }
    }

    pub(crate) const fn idle(&self) -> i64 {
        self.granted.saturating_sub(self.charged).saturating_sub(self.open).saturating_sub(self.lost)
    }

    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        !self.is_over && now < self.reserves_until && now + self.margin < self.expires_at
    }

    pub(crate) const fn reserves_until(&self) -> Instant {
        self.reserves_until
    }

    /// Whether it will never be usable again. Once it is, it stays so.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        self.is_over |= now >= self.reserves_until || now >= self.expires_at;
        self.is_over
    }

    /// A heartbeat that was sent at `sent` extended every active lease. One that may have expired before the
    /// answer came may not have been among them.
    pub(crate) fn extend(&mut self, sent: Instant, now: Instant, ttl: Duration) {
        if !self.is_over(now) {
            self.expires_at = self.expires_at.max(sent + ttl);
            self.margin = MARGIN.min(ttl / 6);
        }
    }
}

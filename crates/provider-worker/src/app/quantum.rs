//! Reservations that grow with the answer.

use rpc::events::UsageRecord;
use rpc::worker::{Grant, LeaseUse, Start};

use super::tally::Progress;

/// Bytes of text that completion tokens have at least, on average over an answer, in any language.
const BYTES_PER_TOKEN: u64 = 2;

/// What the edge added to a reservation while the answer came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grants {
    /// Nano-USD.
    amount: i64,
    leases: Vec<LeaseUse>,
    tokens: u64,
    /// There is no more to be had.
    is_last: bool,
}

impl Grants {
    pub(crate) fn add(&mut self, grant: Grant) {
        self.amount = self.amount.saturating_add(grant.amount.max(0));
        self.tokens = self.tokens.saturating_add(grant.tokens);
        self.is_last |= grant.tokens == 0;
        merge(&mut self.leases, &grant.leases);
    }

    pub(crate) const fn amount(&self) -> i64 {
        self.amount
    }

    pub(crate) const fn tokens(&self) -> u64 {
        self.tokens
    }

    pub(crate) const fn is_last(&self) -> bool {
        self.is_last
    }

    /// The reservation with what was added: nano-USD, and the leases that bear it.
    pub(crate) fn on_top_of(&self, reserved: i64, leases: &[LeaseUse]) -> (i64, Vec<LeaseUse>) {
        let mut all = leases.to_vec();
        merge(&mut all, &self.leases);
        (reserved.saturating_add(self.amount), all)
    }

    /// A record of the execution says what was added too.
    pub(crate) fn note(&self, start: &Start, record: &mut UsageRecord) {
        if self.amount > 0 {
            (record.reserved, record.leases) = self.on_top_of(start.reserved, &start.leases);
        }
    }
}

/// Completion tokens that an answer may have by now: never fewer than it has.
pub(crate) fn used(progress: Progress) -> u64 {
    progress.text_bytes.div_ceil(BYTES_PER_TOKEN).max(u64::from(progress.deltas))
}

/// Leases that are there already grow, others are added after them.
fn merge(leases: &mut Vec<LeaseUse>, more: &[LeaseUse]) {
    for lease in more {
        match leases.iter_mut().find(|known| known.lease_id == lease.lease_id) {
            Some(known) => known.amount = known.amount.saturating_add(lease.amount.max(0)),
            None => leases.push(lease.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(id: &str, amount: i64) -> LeaseUse {
        LeaseUse { lease_id: id.to_owned(), amount, ..LeaseUse::default() }
    }

    #[test]
    fn grants_grow_the_leases_that_are_there_and_add_others() {
        let mut grants = Grants::default();
        grants.add(Grant { amount: 5, leases: vec![lease("a", 5)], tokens: 10 });
        grants.add(Grant { amount: 7, leases: vec![lease("b", 7)], tokens: 14 });
        assert!(!grants.is_last());
        grants.add(Grant::default());
        assert!(grants.is_last());
        assert_eq!(grants.on_top_of(100, &[lease("a", 100)]), (112, vec![lease("a", 105), lease("b", 7)]));
        assert_eq!(grants.tokens(), 24);
    }

    #[test]
    fn an_answer_has_a_token_for_each_delta_or_two_bytes() {
        assert_eq!(used(Progress { deltas: 3, text_bytes: 2 }), 3);
        assert_eq!(used(Progress { deltas: 1, text_bytes: 101 }), 51);
    }
}

//! What edges answered in the last seconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rpc::events::EdgeTraffic;

/// An edge is gone that was not heard for so many intervals.
const ABSENT: u32 = 5;

/// A request that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// No content came, or it broke off, and it was not the client's doing.
    pub(crate) is_error: bool,
    pub(crate) tokens: u64,
    /// Nano-USD charged.
    pub(crate) spend: i64,
}

/// What this edge answered since it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    errors: AtomicU64,
    tokens: AtomicU64,
    spend: AtomicI64,
}

impl Counts {
    pub(super) fn count(&self, answered: Answered) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(answered.is_error), Ordering::Relaxed);
        self.tokens.fetch_add(answered.tokens, Ordering::Relaxed);
        self.spend.fetch_add(answered.spend, Ordering::Relaxed);
    }

    pub(super) fn take(&self, in_flight: u64) -> Traffic {
        Traffic {
            requests: self.requests.swap(0, Ordering::Relaxed),
            errors: self.errors.swap(0, Ordering::Relaxed),
            tokens: self.tokens.swap(0, Ordering::Relaxed),
            spend: self.spend.swap(0, Ordering::Relaxed),
            in_flight,
        }
    }
}

/// What was answered in a while, and what is under way at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) tokens: u64,
    pub(super) spend: i64,
    pub(super) in_flight: u64,
}

impl Traffic {
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
            tokens: self.tokens.saturating_add(other.tokens),
            spend: self.spend.saturating_add(other.spend),
            in_flight: self.in_flight.saturating_add(other.in_flight),
        }
    }

    pub(super) fn message(self, edge_id: &str) -> EdgeTraffic {
        EdgeTraffic {
            edge_id: edge_id.to_owned(),
            requests: self.requests,
            errors: self.errors,
            tokens: self.tokens,
            spend: self.spend,
            in_flight: self.in_flight,
        }
    }

    pub(super) const fn read(message: &EdgeTraffic) -> Self {
        Self {
            requests: message.requests,
            errors: message.errors,
            tokens: message.tokens,
            spend: message.spend,
            in_flight: message.in_flight,
        }
    }
}

/// Another edge that was heard lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) edge_id: String,
    pub(crate) in_flight: u64,
    pub(crate) heard: Duration,
}

/// The other edges.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// What they answered that was not summed yet.
    pending: Traffic,
    /// What each had under way, and when it said so.
    edges: HashMap<String, (u64, Instant)>,
}

impl Peers {
    pub(super) fn hear(&mut self, message: &EdgeTraffic) {
        let traffic = Traffic { in_flight: 0, ..Traffic::read(message) };
        self.pending = self.pending.and(traffic);
        self.edges.insert(message.edge_id.clone(), (message.in_flight, Instant::now()));
    }

    /// What they answered since this was asked last. Forgets who has left.
    pub(super) fn take(&mut self, every: Duration) -> Traffic {
        self.edges.retain(|_, (_, at)| at.elapsed() < every * ABSENT);
        let in_flight = self.edges.values().fold(0_u64, |sum, (open, _)| sum.saturating_add(*open));
        Traffic { in_flight, ..std::mem::take(&mut self.pending) }
    }

    pub(super) fn present(&self, every: Duration) -> Vec<Peer> {
        let edges = self.edges.iter().map(|(id, (in_flight, at))| Peer {
            edge_id: id.clone(),
            in_flight: *in_flight,
            heard: at.elapsed(),
        });
        let mut present: Vec<Peer> = edges.filter(|peer| peer.heard < every * ABSENT).collect();
        present.sort_by(|one, other| one.edge_id.cmp(&other.edge_id));
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(600);

    #[test]
    fn what_was_counted_is_taken_once() {
        let counts = Counts::default();
        counts.count(Answered { is_error: false, tokens: 7, spend: 30 });
        counts.count(Answered { is_error: true, ..Answered::default() });
        let taken = Traffic { requests: 2, errors: 1, tokens: 7, spend: 30, in_flight: 3 };
        assert_eq!(counts.take(3), taken);
        assert_eq!(counts.take(0), Traffic::default());
    }

    #[test]
    fn what_others_say_is_summed_and_what_they_have_under_way_is_their_last_word() {
        let mut peers = Peers::default();
        for (edge, requests, open) in [("a", 2, 9), ("b", 3, 1), ("a", 4, 2)] {
            let said = Traffic { requests, in_flight: open, ..Traffic::default() };
            peers.hear(&said.message(edge));
        }
        assert_eq!(peers.take(EVERY), Traffic { requests: 9, in_flight: 3, ..Traffic::default() });
        assert_eq!(peers.take(EVERY), Traffic { in_flight: 3, ..Traffic::default() });
        let ids: Vec<String> = peers.present(EVERY).into_iter().map(|peer| peer.edge_id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(peers.take(Duration::ZERO), Traffic::default());
    }
}

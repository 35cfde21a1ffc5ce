//! How an endpoint's state changed, for operators.

use std::collections::VecDeque;

/// Changes that are kept of one endpoint.
const KEPT: usize = 50;

/// Why an endpoint was ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// So many faults in a row.
    InARow(u32),
    /// So many faults among so many attempts within ten seconds.
    Share { faults: u64, attempts: u64 },
    /// Another router ejected it.
    Heard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Until a moment in Unix milliseconds.
    Ejected { cause: Cause, until_ms: u64 },
    /// While it was half open, so many attempts failed.
    ProbeFailed { times: u32 },
    /// A probe went well.
    Recovering,
    /// It has its whole share again.
    Closed,
    /// It asked to be left alone until a moment in Unix milliseconds, so many times.
    Cooling { until_ms: u64, times: u32 },
}

/// The last changes, oldest first, each with its moment in Unix milliseconds: of what came several times in a
/// row, the last.
#[derive(Debug, Clone, Default)]
pub(super) struct History(VecDeque<(u64, Change)>);

impl History {
    pub(super) fn note(&mut self, now_ms: u64, change: Change) {
        if let Some((at_ms, last)) = self.0.back_mut()
            && let Some(both) = joined(*last, change)
        {
            (*at_ms, *last) = (now_ms, both);
            return;
        }
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back((now_ms, change));
    }

    pub(super) fn list(&self) -> Vec<(u64, Change)> {
        self.0.iter().copied().collect()
    }
}

/// One entry for two of a kind.
const fn joined(last: Change, next: Change) -> Option<Change> {
    match (last, next) {
        (Change::ProbeFailed { times: one }, Change::ProbeFailed { times: two }) => {
            Some(Change::ProbeFailed { times: one.saturating_add(two) })
        }
        (Change::Cooling { times: one, .. }, Change::Cooling { until_ms, times: two }) => {
            Some(Change::Cooling { until_ms, times: one.saturating_add(two) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fifty_changes_are_kept_and_repetitions_are_one() {
        let mut history = History::default();
        for n in 0..40 {
            history.note(n, Change::ProbeFailed { times: 2 });
            history.note(n, Change::Cooling { until_ms: n, times: 1 });
            history.note(n, Change::Cooling { until_ms: n + 9, times: 1 });
        }
        history.note(99, Change::Recovering);
        let list = history.list();
        assert_eq!(list.len(), KEPT);
        assert_eq!(list[KEPT - 1], (99, Change::Recovering));
        assert_eq!(list[KEPT - 2], (39, Change::Cooling { until_ms: 48, times: 2 }));
        assert_eq!(list[KEPT - 3], (39, Change::ProbeFailed { times: 2 }));
    }
}

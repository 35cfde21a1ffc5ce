//! Which attempt of a plan comes next.

use std::collections::VecDeque;

/// The attempts of a plan that were not made yet, by their index.
pub(crate) struct Order {
    waiting: VecDeque<usize>,
    /// Their breakers held them open: one of them comes when nothing else is left.
    passed_over: VecDeque<usize>,
    has_hoped: bool,
}

impl Order {
    /// The attempts from `first` on.
    pub(crate) fn new(first: usize, attempts: usize) -> Self {
        Self { waiting: (first..attempts).collect(), passed_over: VecDeque::new(), has_hoped: false }
    }

    /// The next attempt that `admits`, else once the first that was passed over: were all of them tried, each
    /// request would wait for every endpoint that is known to be down.
    pub(crate) fn next(&mut self, mut admits: impl FnMut(usize) -> bool) -> Option<usize> {
        while let Some(n) = self.waiting.pop_front() {
            if admits(n) {
                return Some(n);
            }
            self.passed_over.push_back(n);
        }
        let last_hope = if self.has_hoped { None } else { self.passed_over.pop_front() };
        self.has_hoped |= last_hope.is_some();
        last_hope
    }

    /// Drops what no attempt is to be made of any more.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        self.waiting.retain(|n| keep(*n));
        self.passed_over.retain(|n| keep(*n));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && (self.has_hoped || self.passed_over.is_empty())
    }

    /// The attempts that were passed over and not made after all.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = usize> + '_ {
        self.passed_over.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_is_the_last_hope() {
        let mut order = Order::new(1, 6);
        assert_eq!(order.next(|n| n == 4), Some(4));
        assert_eq!(order.skipped().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(order.next(|_| true), Some(5));
        order.retain(|n| n != 1);
        assert!(!order.is_empty());
        assert_eq!(order.next(|_| false), Some(2));
        assert!(order.is_empty());
        assert_eq!(order.next(|_| true), None);
        assert_eq!(order.skipped().collect::<Vec<_>>(), [3]);
    }
}

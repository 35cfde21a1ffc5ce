//! Which attempt of a plan comes next.

use std::collections::VecDeque;

/// The attempts of a plan that were not made yet, by their index.
pub(crate) struct Order {
    waiting: VecDeque<usize>,
    /// Their breakers held them open: they come when nothing else is left.
    passed_over: VecDeque<usize>,
}

impl Order {
    /// The attempts from `first` on.
    pub(crate) fn new(first: usize, attempts: usize) -> Self {
        Self { waiting: (first..attempts).collect(), passed_over: VecDeque::new() }
    }

    /// The next attempt that `admits`, else the first that was passed over.
    pub(crate) fn next(&mut self, mut admits: impl FnMut(usize) -> bool) -> Option<usize> {
        while let Some(n) = self.waiting.pop_front() {
            if admits(n) {
                return Some(n);
            }
            self.passed_over.push_back(n);
        }
        self.passed_over.pop_front()
    }

    /// Drops what no attempt is to be made of any more.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        self.waiting.retain(|n| keep(*n));
        self.passed_over.retain(|n| keep(*n));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.passed_over.is_empty()
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
        let mut order = Order::new(1, 5);
        assert_eq!(order.next(|n| n == 3), Some(3));
        assert_eq!(order.skipped().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(order.next(|_| true), Some(4));
        order.retain(|n| n != 1);
        assert_eq!(order.next(|_| false), Some(2));
        assert!(order.is_empty());
        assert_eq!(order.next(|_| true), None);
    }
}

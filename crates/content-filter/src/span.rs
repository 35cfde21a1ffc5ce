//! Places in a text, and which of them lie in which, however many there are.

use std::ops::Range;

/// Places in the order of their beginnings, each with the furthest end of those up to it and the nearest of those
/// from it on.
pub(crate) struct Spans {
    starts: Vec<usize>,
    furthest: Vec<usize>,
    nearest: Vec<usize>,
}

impl Spans {
    /// Every place where one of the words stands.
    pub(crate) fn of(text: &str, words: &[String]) -> Self {
        let found = words
            .iter()
            .flat_map(|word| memchr::memmem::find_iter(text.as_bytes(), word).map(|at| at..at + word.len()));
        let mut spans: Vec<Range<usize>> = found.collect();
        spans.sort_unstable_by_key(|span| span.start);
        let furthest = spans.iter().scan(0, |end, span| {
            *end = span.end.max(*end);
            Some(*end)
        });
        let furthest = furthest.collect();
        let nearest = spans.iter().rev().scan(usize::MAX, |end, span| {
            *end = span.end.min(*end);
            Some(*end)
        });
        let mut nearest: Vec<usize> = nearest.collect();
        nearest.reverse();
        Self { starts: spans.into_iter().map(|span| span.start).collect(), furthest, nearest }
    }

    /// Whether a range lies within one of the places.
    pub(crate) fn cover(&self, range: &Range<usize>) -> bool {
        let before = self.starts.partition_point(|start| *start <= range.start);
        before.checked_sub(1).and_then(|last| self.furthest.get(last)).is_some_and(|end| *end >= range.end)
    }

    /// Whether one of the places lies within a range.
    pub(crate) fn lie_within(&self, range: &Range<usize>) -> bool {
        let first = self.starts.partition_point(|start| *start < range.start);
        self.nearest.get(first).is_some_and(|end| *end <= range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_within_and_around_ranges() {
        let spans = Spans::of("abcdefabc", &["abc".to_owned(), "cdef".to_owned()]);
        assert!(spans.cover(&(0..2)) && spans.cover(&(3..6)) && spans.cover(&(7..9)));
        assert!(!spans.cover(&(1..4)) && !spans.cover(&(5..7)));
        assert!(spans.lie_within(&(0..3)) && spans.lie_within(&(1..6)) && spans.lie_within(&(5..9)));
        assert!(!spans.lie_within(&(1..5)) && !spans.lie_within(&(7..9)));
        assert!(!Spans::of("abc", &[]).cover(&(0..1)));
    }
}

//! What attempts showed within one bucket of time, in the detail that each window keeps.

use super::sketch::Sketch;

/// Everything that is observed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    pub successes: u64,
    pub faults: u64,
    pub rate_limits: u64,
    /// Sums over the successes.
    pub first_token_ms: u64,
    pub output_tokens: u64,
    pub generation_ms: u64,
    /// Answers that ended in tool calls, and those of them whose calls were no use.
    pub tool_answers: u64,
    pub tool_errors: u64,
    /// Milliseconds to the first token.
    pub first_tokens: Sketch,
    /// Output tokens per second.
    pub speeds: Sketch,
}

/// How many attempts ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) faults: u64,
    pub(crate) rate_limits: u64,
}

/// How many answers called tools, and how many of those were no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tools {
    pub(crate) answers: u64,
    pub(crate) errors: u64,
}

/// What a window may keep of a bucket.
pub(crate) trait Weighed: Clone + Default {
    /// How much was seen: of two views of one bucket the one with more counts.
    fn weight(&self) -> u64;
}

/// What adds up, too.
pub(crate) trait Kept: Weighed {
    fn of(cell: &Cell) -> Self;
    fn cell(&self) -> Cell;
    fn add(&mut self, other: &Self);
}

impl Cell {
    /// Attempts that say something of the endpoint.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.successes.saturating_add(self.faults)
    }
}

fn sum(one: &mut u64, two: u64) {
    *one = one.saturating_add(two);
}

impl Weighed for Cell {
    fn weight(&self) -> u64 {
        self.total().saturating_add(self.rate_limits)
    }
}

impl Kept for Cell {
    fn of(cell: &Cell) -> Self {
        cell.clone()
    }

    fn cell(&self) -> Cell {
        self.clone()
    }

    fn add(&mut self, other: &Self) {
        sum(&mut self.successes, other.successes);
        sum(&mut self.faults, other.faults);
        sum(&mut self.rate_limits, other.rate_limits);
        sum(&mut self.first_token_ms, other.first_token_ms);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.generation_ms, other.generation_ms);
        sum(&mut self.tool_answers, other.tool_answers);
        sum(&mut self.tool_errors, other.tool_errors);
        self.first_tokens.add(&other.first_tokens);
        self.speeds.add(&other.speeds);
    }
}

impl Counts {
    pub(crate) const fn total(&self) -> u64 {
        self.successes.saturating_add(self.faults)
    }
}

impl Weighed for Counts {
    fn weight(&self) -> u64 {
        self.total().saturating_add(self.rate_limits)
    }
}

impl Kept for Counts {
    fn of(cell: &Cell) -> Self {
        Self { successes: cell.successes, faults: cell.faults, rate_limits: cell.rate_limits }
    }

    fn cell(&self) -> Cell {
        let Self { successes, faults, rate_limits } = *self;
        Cell { successes, faults, rate_limits, ..Cell::default() }
    }

    fn add(&mut self, other: &Self) {
        sum(&mut self.successes, other.successes);
        sum(&mut self.faults, other.faults);
        sum(&mut self.rate_limits, other.rate_limits);
    }
}

impl Weighed for Tools {
    fn weight(&self) -> u64 {
        self.answers
    }
}

impl Kept for Tools {
    fn of(cell: &Cell) -> Self {
        Self { answers: cell.tool_answers, errors: cell.tool_errors }
    }

    fn cell(&self) -> Cell {
        Cell { tool_answers: self.answers, tool_errors: self.errors, ..Cell::default() }
    }

    fn add(&mut self, other: &Self) {
        sum(&mut self.answers, other.answers);
        sum(&mut self.errors, other.errors);
    }
}

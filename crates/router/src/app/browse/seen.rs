//! What was observed of endpoints.

use super::row::Facts;
use crate::health::{Display, Key, Standings, Stretch};

/// Health as lists and endpoints show it.
pub(super) struct Seen<'a> {
    pub(super) display: &'a dyn Fn(Key) -> Display,
    pub(super) day: &'a dyn Fn(Key) -> Vec<Stretch>,
    pub(super) standings: &'a Standings,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
}

impl Seen<'_> {
    pub(super) fn figures(&self, row: &Facts) -> impl Iterator<Item = Display> {
        row.keys.iter().map(|key| (self.display)(*key))
    }

    /// Attempts at the row's endpoints in the last day.
    pub(super) fn requests(&self, row: &Facts) -> u64 {
        self.figures(row).map(|shown| shown.requests).sum()
    }

    /// The share of answers with tool calls whose calls were sound; `None` = there were none.
    pub(super) fn tool_success(&self, row: &Facts) -> Option<f64> {
        let sum = |(answers, errors): (u64, u64), shown: Display| {
            (answers.saturating_add(shown.tool_answers), errors.saturating_add(shown.tool_errors))
        };
        let (answers, errors) = self.figures(row).fold((0, 0), sum);
        share(answers.saturating_sub(errors), answers)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share for comparing; counts beyond 2^53 may lose their last bits"
)]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

//! Test cards, by number.

/// Pays whatever it is asked for.
pub(super) const GOOD: &str = "4242424242424242";

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    Pays,
    /// Never pays, for this reason.
    Declines(&'static str),
    /// Pays while its owner is there, and not afterwards.
    PaysOnce,
    /// Pays, and the payer's bank takes it back.
    Disputes,
}

pub(super) fn habit(number: &str) -> Habit {
    match number {
        "4000000000000002" => Habit::Declines("generic_decline"),
        "4000000000009995" => Habit::Declines("insufficient_funds"),
        "4000000000000341" => Habit::PaysOnce,
        "4000000000000259" => Habit::Disputes,
        _ => Habit::Pays,
    }
}

/// The last four digits.
pub(super) fn last4(number: &str) -> &str {
    number.get(number.len().saturating_sub(4)..).unwrap_or(number)
}

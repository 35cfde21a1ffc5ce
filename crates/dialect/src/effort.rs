//! How much a model should reason: what the client wishes, in the measures that providers take.

use crate::canonical::Request;

/// Efforts from the least to the most, with their share of the completion limit in percent.
const LADDER: [(&str, u64); 6] =
    [("minimal", 10), ("low", 20), ("medium", 50), ("high", 80), ("xhigh", 95), ("max", 95)];

/// What a request says of reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish<'a> {
    /// Nothing that asks for it or against it.
    Unsaid,
    Off,
    /// One of the public efforts but `none`.
    Effort(&'a str),
    /// Tokens at most.
    Budget(u64),
}

impl<'a> Wish<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        let Some(reasoning) = &request.reasoning else { return Self::Unsaid };
        match (reasoning.effort.as_deref(), reasoning.max_tokens, reasoning.enabled) {
            (Some("none"), _, _) | (None, Some(0), _) | (None, None, Some(false)) => Self::Off,
            (Some(effort), _, _) => Self::Effort(effort),
            (None, Some(budget), _) => Self::Budget(budget),
            (None, None, Some(true)) => Self::Effort("medium"),
            (None, None, None) => Self::Unsaid,
        }
    }

    /// Reasoning tokens out of `limit` completion tokens; absent when none are asked for.
    pub(crate) fn budget(self, limit: u64) -> Option<u64> {
        match self {
            Self::Unsaid | Self::Off => None,
            Self::Effort(effort) => Some(limit.saturating_mul(percent(effort)) / 100),
            Self::Budget(budget) => Some(budget),
        }
    }

    /// The effort that a budget out of `limit` completion tokens amounts to, or the effort itself.
    pub(crate) fn effort(self, limit: u64) -> Option<&'a str> {
        match self {
            Self::Unsaid | Self::Off => None,
            Self::Effort(effort) => Some(effort),
            Self::Budget(budget) => {
                let share = budget.saturating_mul(100) / limit.max(1);
                LADDER.iter().map(|(name, _)| *name).min_by_key(|name| percent(name).abs_diff(share))
            }
        }
    }
}

/// The share of an effort; an unknown one counts as `medium`.
fn percent(effort: &str) -> u64 {
    LADDER.iter().find(|(name, _)| *name == effort).map_or(50, |(_, percent)| *percent)
}

/// The effort among `available` that is nearest to `effort`, the lesser of two; `available` is not empty.
pub(crate) fn nearest<'a>(effort: &str, available: &[&'a str]) -> Option<&'a str> {
    let rung = |effort: &str| LADDER.iter().position(|(name, _)| *name == effort).unwrap_or(2);
    available.iter().copied().min_by_key(|name| (rung(name).abs_diff(rung(effort)), rung(name)))
}

/// The same where `none` is an effort among others: it is the nearest to nothing but itself. An endpoint that
/// cannot do without reasoning does as little as it can.
pub(crate) fn nearest_or_none<'a>(effort: &str, available: &[&'a str]) -> Option<&'a str> {
    if let Some(none) = available.iter().find(|name| effort == "none" && **name == "none") {
        return Some(none);
    }
    let some: Vec<&str> = available.iter().copied().filter(|name| *name != "none").collect();
    nearest(if effort == "none" { "minimal" } else { effort }, &some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Reasoning;

    fn request(reasoning: Reasoning) -> Request {
        Request { reasoning: Some(reasoning), ..Request::default() }
    }

    #[test]
    fn every_way_to_ask_is_understood() {
        let effort =
            |effort: &str| request(Reasoning { effort: Some(effort.into()), ..Reasoning::default() });
        let enabled = |on| request(Reasoning { enabled: Some(on), ..Reasoning::default() });
        let budget = |tokens| request(Reasoning { max_tokens: Some(tokens), ..Reasoning::default() });
        assert_eq!(Wish::of(&Request::default()), Wish::Unsaid);
        assert_eq!(Wish::of(&request(Reasoning { exclude: true, ..Reasoning::default() })), Wish::Unsaid);
        assert_eq!(Wish::of(&effort("high")), Wish::Effort("high"));
        assert_eq!(Wish::of(&effort("none")), Wish::Off);
        assert_eq!(Wish::of(&enabled(true)), Wish::Effort("medium"));
        assert_eq!(Wish::of(&enabled(false)), Wish::Off);
        assert_eq!(Wish::of(&budget(3_000)), Wish::Budget(3_000));
        assert_eq!(Wish::of(&budget(0)), Wish::Off);
    }

    #[test]
    fn efforts_and_budgets_convert() {
        let shares = ["max", "xhigh", "high", "medium", "low", "minimal"]
            .map(|effort| Wish::Effort(effort).budget(10_000).unwrap());
        assert_eq!(shares, [9_500, 9_500, 8_000, 5_000, 2_000, 1_000]);
        assert_eq!(Wish::Budget(5_100).effort(10_000), Some("medium"));
        assert_eq!(Wish::Budget(100).effort(10_000), Some("minimal"));
        assert_eq!(Wish::Budget(100).effort(0), Some("xhigh"));
        assert_eq!(Wish::Off.budget(10_000), None);
    }

    #[test]
    fn the_nearest_available_effort_serves() {
        let three = ["low", "medium", "high"];
        assert_eq!(nearest("minimal", &three), Some("low"));
        assert_eq!(nearest("max", &three), Some("high"));
        assert_eq!(nearest("xhigh", &["low", "medium", "high", "max"]), Some("high"));
        assert_eq!(nearest("medium", &["low", "high"]), Some("low"));
        assert_eq!(nearest_or_none("none", &three), Some("low"));
        assert_eq!(nearest_or_none("none", &["none", "high"]), Some("none"));
        assert_eq!(nearest_or_none("minimal", &["none", "high"]), Some("high"));
        assert_eq!(nearest_or_none("high", &["none"]), None);
    }
}

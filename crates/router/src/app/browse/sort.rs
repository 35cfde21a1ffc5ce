//! The order of a list.

use super::row::Row;
use super::seen::Seen;
use crate::health::Display;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    MostPopular,
    Newest,
    TopWeekly,
    PricingLowToHigh,
    PricingHighToLow,
    ContextHighToLow,
    ThroughputHighToLow,
    LatencyLowToHigh,
    IntelligenceHighToLow,
    CodingHighToLow,
    AgenticHighToLow,
    DesignArenaEloHighToLow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    LowestFirst,
    HighestFirst,
}

impl Sort {
    pub(super) const ALL: [Self; 12] = [
        Self::MostPopular,
        Self::Newest,
        Self::TopWeekly,
        Self::PricingLowToHigh,
        Self::PricingHighToLow,
        Self::ContextHighToLow,
        Self::ThroughputHighToLow,
        Self::LatencyLowToHigh,
        Self::IntelligenceHighToLow,
        Self::CodingHighToLow,
        Self::AgenticHighToLow,
        Self::DesignArenaEloHighToLow,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MostPopular => "most-popular",
            Self::Newest => "newest",
            Self::TopWeekly => "top-weekly",
            Self::PricingLowToHigh => "pricing-low-to-high",
            Self::PricingHighToLow => "pricing-high-to-low",
            Self::ContextHighToLow => "context-high-to-low",
            Self::ThroughputHighToLow => "throughput-high-to-low",
            Self::LatencyLowToHigh => "latency-low-to-high",
            Self::IntelligenceHighToLow => "intelligence-high-to-low",
            Self::CodingHighToLow => "coding-high-to-low",
            Self::AgenticHighToLow => "agentic-high-to-low",
            Self::DesignArenaEloHighToLow => "design-arena-elo-high-to-low",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == name)
    }

    /// Sorts rows that stand in the default order, which goes on to decide between equals. What has no figure
    /// comes last, whichever the direction. Popularity is what was asked of a model's endpoints within the last
    /// day; speed is the best median among them; nobody reports votes of an arena.
    pub(super) fn apply(self, rows: &mut Vec<&Row>, seen: &Seen<'_>) {
        use Direction::{HighestFirst, LowestFirst};
        match self {
            Self::MostPopular | Self::TopWeekly => {
                by(rows, HighestFirst, |row| {
                    Some(seen.requests(&row.facts)).filter(|requests| *requests > 0)
                });
            }
            Self::Newest => by(rows, HighestFirst, |row| Some(row.facts.created)),
            Self::PricingLowToHigh => by(rows, LowestFirst, mean_price),
            Self::PricingHighToLow => by(rows, HighestFirst, mean_price),
            Self::ContextHighToLow => by(rows, HighestFirst, |row| Some(row.facts.context_length)),
            Self::ThroughputHighToLow => {
                let median = |shown: Display| Some(shown.throughput_30m?.p50);
                by(rows, HighestFirst, |row| seen.figures(&row.facts).filter_map(median).reduce(f32::max));
            }
            Self::LatencyLowToHigh => {
                let median = |shown: Display| Some(shown.latency_30m?.p50);
                by(rows, LowestFirst, |row| seen.figures(&row.facts).filter_map(median).reduce(f32::min));
            }
            Self::IntelligenceHighToLow => by(rows, HighestFirst, |row| row.facts.scores.intelligence),
            Self::CodingHighToLow => by(rows, HighestFirst, |row| row.facts.scores.coding),
            Self::AgenticHighToLow => by(rows, HighestFirst, |row| row.facts.scores.agentic),
            Self::DesignArenaEloHighToLow => {}
        }
    }
}

/// Twice the mean of a prompt token's and a completion token's price, in USD: the sum that readers of the two
/// strings come to, last bit included, so that they find the list sorted.
#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 pico-USD")]
fn mean_price(row: &Row) -> Option<f64> {
    let dollars = |picos: i64| picos as f64 / 1e12;
    row.facts.prices.map(|(prompt, completion)| dollars(prompt) + dollars(completion))
}

fn by<T: PartialOrd>(rows: &mut Vec<&Row>, direction: Direction, figure: impl Fn(&Row) -> Option<T>) {
    let mut ranked: Vec<(Option<T>, &Row)> = rows.drain(..).map(|row| (figure(row), row)).collect();
    ranked.sort_by(|(one, _), (two, _)| match (one, two) {
        (Some(one), Some(two)) => {
            let order = one.partial_cmp(two).unwrap_or(std::cmp::Ordering::Equal);
            if direction == Direction::HighestFirst { order.reverse() } else { order }
        }
        (one, two) => two.is_some().cmp(&one.is_some()),
    });
    rows.extend(ranked.into_iter().map(|(_, row)| row));
}

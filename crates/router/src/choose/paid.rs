//! What a caller pays: prices with markups, as a choice compares and tells them.

use pricing::{Markup, Rate};
use rpc::Markups;

use crate::catalogue::Endpoint;

/// Attodollars are a millionth of the pico-USD that rates are in.
const ATTOS_PER_PICO: u128 = 1_000_000;
/// What factors of markups are over.
const WHOLE: u128 = 10_000;

/// The most that a caller will pay for a unit, their markup included. Exact: a price per million tokens may be a
/// fraction of a pico-USD per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cap {
    /// 10⁻¹⁸ USD.
    attos: u128,
}

impl Cap {
    /// A cap on a unit, from a price of one unit.
    #[must_use]
    pub fn of_one(price: Rate) -> Self {
        Self { attos: u128::try_from(price.picos()).unwrap_or(0) * ATTOS_PER_PICO }
    }

    /// A cap on a unit, from a price of a million units.
    #[must_use]
    pub fn of_a_million(price: Rate) -> Self {
        Self { attos: u128::try_from(price.picos()).unwrap_or(0) }
    }

    /// Whether a list price with a markup is above it.
    #[must_use]
    pub fn is_passed(self, list: Rate, markup: Markup) -> bool {
        let (list, factor) = (u128::try_from(list.picos()), u128::try_from(markup.factor()));
        list.unwrap_or(0) * ATTOS_PER_PICO * factor.unwrap_or(0) > self.attos * WHOLE
    }

    /// USD per million units: for reading.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    pub fn dollars_per_million(self) -> f64 {
        self.attos as f64 / 1e12
    }
}

/// The caller's markup at an endpoint.
pub(super) fn markup(markups: Markups<'_>, endpoint: &Endpoint) -> Markup {
    markups.at(&endpoint.attempt.provider, &endpoint.attempt.model)
}

/// A list price as it is compared with those of other endpoints: as it stands while all of them have the same
/// markup, else multiplied with the markup's factor over 10,000.
pub(super) fn compared(markups: Markups<'_>, endpoint: &Endpoint, list: u64) -> u64 {
    if markups.is_uniform() { list } else { times(list, markup(markups, endpoint)) }
}

/// The same for what a tenant's own credential serves, whatever the provider: our fee is a part of the list price
/// everywhere.
pub(super) fn compared_own(markups: Markups<'_>, list: u64) -> u64 {
    if markups.is_uniform() { list } else { times(list, Markup::NONE) }
}

/// The least that a list price can be compared as, wherever it is asked.
pub(super) fn least(markups: Markups<'_>, list: u64) -> u64 {
    if markups.is_uniform() {
        return list;
    }
    let others = markups.overrides().iter().map(|one| rpc::convert::markup(one.basis_points));
    let markup = others.chain([markups.usual()]).min_by_key(|markup| markup.factor());
    times(list, markup.unwrap_or_default())
}

/// What a price that was compared comes to for the caller, in USD per million tokens: for reading.
#[expect(clippy::cast_precision_loss, reason = "for reading")]
pub(super) fn dollars_per_million(markups: Markups<'_>, compared: u64) -> f64 {
    let factor = if markups.is_uniform() { markups.usual().factor() } else { 1 };
    let picos = u128::from(compared) * u128::try_from(factor).unwrap_or(0) / WHOLE;
    picos as f64 / 1e6
}

fn times(list: u64, markup: Markup) -> u64 {
    list.saturating_mul(u64::try_from(markup.factor()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_passed_by_the_smallest_excess_and_by_nothing_less() {
        let cap = Cap::of_a_million("1.1".parse().unwrap());
        let ten = Markup::from_basis_points(1_000);
        assert!(!cap.is_passed(Rate::from_picos(1_000_000), ten));
        assert!(cap.is_passed(Rate::from_picos(1_000_001), ten));
        assert!(cap.is_passed(Rate::from_picos(1_100_001), Markup::NONE));
        assert!(!cap.is_passed(Rate::from_picos(i64::MAX), Markup::from_basis_points(-10_000)));
        // A millionth of a pico-USD is a price per million tokens.
        let fine = Cap::of_a_million("0.000000000001".parse().unwrap());
        assert!(fine.is_passed(Rate::from_picos(1), Markup::NONE) && !fine.is_passed(Rate::ZERO, ten));
        assert!(!Cap::of_one(Rate::from_picos(7)).is_passed(Rate::from_picos(7), Markup::NONE));
        assert_eq!(cap.dollars_per_million().to_string(), "1.1");
    }
}

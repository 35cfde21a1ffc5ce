//! From usage to money: the one place where this service prices.

use pricing::{Amount, Markup, OutOfRange, PriceBook, Usage};
use rpc::convert::{self, Malformed};
use rpc::events::UsageRecord;

/// An account cannot be priced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// What a usage comes to under a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Price {
    /// Taken from the customer: never more than was reserved.
    pub(crate) charge: Amount,
    /// What the customer's price was above the reservation.
    pub(crate) absorbed: Amount,
    /// What the provider asks at list price.
    pub(crate) provider_cost: Amount,
}

impl Price {
    /// What the provider asks of us, and what it asks of the tenant whose own credential served, in nano-USD.
    pub(crate) const fn costs(&self, is_byok: bool) -> (i64, i64) {
        let nanos = self.provider_cost.nanos();
        if is_byok { (0, nanos) } else { (nanos, 0) }
    }
}

/// Prices a usage by the same function as billing. The part above `reserved` is absorbed.
///
/// # Errors
/// [`OutOfRange`] when an amount does not fit.
pub(crate) fn price(
    book: &PriceBook,
    markup: Markup,
    usage: &Usage,
    reserved: Amount,
) -> Result<Price, OutOfRange> {
    let full = pricing::charge(book, markup, usage)?;
    let charge = full.min(reserved);
    Ok(Price { charge, absorbed: full.minus(charge)?, provider_cost: pricing::provider_cost(book, usage)? })
}

/// Fills in the money of a record from its usage, price, markup and reservation.
///
/// # Errors
/// [`Error`] when the price is malformed or an amount does not fit.
pub(crate) fn price_record(record: &mut UsageRecord) -> Result<(), Error> {
    let Some(version) = &record.price else { return Ok(()) };
    let book = convert::book_in(version)?;
    let usage = record.usage.as_ref().map(convert::usage_in).unwrap_or_default();
    let markup = convert::markup(record.markup_basis_points);
    let price = price(&book, markup, &usage, Amount::from_nanos(record.reserved))?;
    record.charge = price.charge.nanos();
    record.absorbed = price.absorbed.nanos();
    (record.provider_cost, record.upstream_cost) = price.costs(record.is_byok);
    Ok(())
}

/// Adds what is priced by the piece: of `pieces`, those that the price list has a rate for and the provider has
/// not counted.
#[must_use]
pub(crate) fn with_pieces(usage: Usage, book: &PriceBook, pieces: &Usage) -> Usage {
    pieces.iter().fold(usage, |usage, (class, count)| {
        let is_counted = usage.get(class) > 0 || book.base.listed(class).is_none();
        if is_counted { usage } else { usage.with(class, count) }
    })
}

#[cfg(test)]
mod tests {
    use pricing::{Class, Rate, Rates};

    use super::*;

    #[test]
    fn the_charge_stops_at_the_reservation_and_the_rest_is_absorbed() {
        let base = Rates::default().with(Class::Output, Rate::from_picos(1_000_000));
        let book = PriceBook { base, tiers: Vec::new() };
        let usage = Usage::default().with(Class::Output, 10);
        let markup = Markup::from_basis_points(1_000);
        let price = price(&book, markup, &usage, Amount::from_nanos(10_000)).unwrap();
        assert_eq!(price.charge.nanos(), 10_000);
        assert_eq!(price.absorbed.nanos(), 1_000);
        assert_eq!(price.provider_cost.nanos(), 10_000);
    }

    #[test]
    fn what_the_provider_counted_is_not_counted_again() {
        let base = Rates::default().with(Class::SearchUnit, Rate::from_picos(1));
        let book = PriceBook { base, tiers: Vec::new() };
        let pieces = Usage::default().with(Class::SearchUnit, 1);
        let usage = with_pieces(Usage::default().with(Class::SearchUnit, 3), &book, &pieces);
        assert_eq!(usage.get(Class::SearchUnit), 3);
        assert_eq!(with_pieces(Usage::default(), &book, &pieces).get(Class::SearchUnit), 1);
    }

    #[test]
    fn pieces_count_only_where_they_have_a_rate() {
        let base = Rates::default().with(Class::Request, Rate::from_picos(1));
        let book = PriceBook { base, tiers: Vec::new() };
        let pieces = Usage::default().with(Class::Request, 1).with(Class::Image, 3);
        let usage = with_pieces(Usage::default(), &book, &pieces);
        assert_eq!((usage.get(Class::Request), usage.get(Class::Image)), (1, 0));
    }
}

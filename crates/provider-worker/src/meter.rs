//! From usage to money: the one place where this service prices.

use pricing::{Amount, Class, Markup, OutOfRange, PriceBook, Usage};
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
    /// What the provider asks of us.
    pub(crate) provider_cost: Amount,
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
    record.provider_cost = price.provider_cost.nanos();
    Ok(())
}

/// Adds what is priced by the piece and not in tokens: the request itself and the images in its prompt,
/// where the price list has a rate for them.
#[must_use]
pub(crate) fn with_pieces(usage: Usage, book: &PriceBook, images: u64) -> Usage {
    let listed = |class| book.base.listed(class).is_some();
    let mut usage = usage;
    if listed(Class::Request) {
        usage.set(Class::Request, 1);
    }
    if listed(Class::Image) {
        usage.set(Class::Image, images);
    }
    usage
}

#[cfg(test)]
mod tests {
    use pricing::{Rate, Rates};

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
    fn pieces_count_only_where_they_have_a_rate() {
        let base = Rates::default().with(Class::Request, Rate::from_picos(1));
        let book = PriceBook { base, tiers: Vec::new() };
        let usage = with_pieces(Usage::default(), &book, 3);
        assert_eq!((usage.get(Class::Request), usage.get(Class::Image)), (1, 0));
    }
}

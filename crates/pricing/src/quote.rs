//! What a usage costs, and the most that a request can cost.

use crate::{Amount, Class, Markup, OutOfRange, PriceBook, Rate, Usage};

/// Pico-dollars times ten-thousandths of markup, per nano-dollar.
const SCALE: i128 = 1_000 * 10_000;

/// What the customer pays: one product in `i128`, one division, one half-even rounding.
///
/// # Errors
/// [`OutOfRange`] when the amount does not fit into nano-dollars.
pub fn charge(book: &PriceBook, markup: Markup, usage: &Usage) -> Result<Amount, OutOfRange> {
    let cost = cost_in_picos(book, usage)?;
    let marked = cost.checked_mul(i128::from(markup.factor())).ok_or(OutOfRange)?;
    round_half_even(marked, SCALE)
}

/// What the provider asks of us for the same usage: [`charge`] without markup.
///
/// # Errors
/// [`OutOfRange`] when the amount does not fit into nano-dollars.
pub fn provider_cost(book: &PriceBook, usage: &Usage) -> Result<Amount, OutOfRange> {
    charge(book, Markup::NONE, usage)
}

fn cost_in_picos(book: &PriceBook, usage: &Usage) -> Result<i128, OutOfRange> {
    let rates = book.rates_for(usage.prompt_tokens()?);
    usage.iter().try_fold(0_i128, |sum, (class, units)| {
        i128::from(units)
            .checked_mul(i128::from(rates.rate(class).picos()))
            .and_then(|cost| sum.checked_add(cost))
            .ok_or(OutOfRange)
    })
}

fn round_half_even(value: i128, divisor: i128) -> Result<Amount, OutOfRange> {
    let (quotient, remainder) = (value.div_euclid(divisor), value.rem_euclid(divisor));
    let up = match (remainder * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient.rem_euclid(2),
        std::cmp::Ordering::Greater => 1,
    };
    i64::try_from(quotient + up).map(Amount::from_nanos).map_err(|_| OutOfRange)
}

/// Upper limits on what a request can use; provable, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bound {
    /// At most this many prompt tokens: one per byte of text plus template overhead plus media maxima.
    pub prompt_tokens: u64,
    /// Images in the prompt.
    pub images: u64,
    pub completion_tokens: u64,
    /// Images to generate.
    pub pictures: u64,
    /// Characters to speak.
    pub characters: u64,
    /// Seconds of audio in the prompt, rounded up.
    pub seconds: u64,
    pub search_units: u64,
}

/// The most that a request within these limits can cost, every token at the dearest class that may
/// apply, rounded up.
///
/// # Errors
/// [`OutOfRange`] when the amount does not fit into nano-dollars.
pub fn bound(book: &PriceBook, markup: Markup, limits: Bound) -> Result<Amount, OutOfRange> {
    let parts = [
        (limits.prompt_tokens, dearest(book, &Class::PROMPT)),
        (limits.completion_tokens, dearest(book, &Class::COMPLETION)),
        (limits.images, book.dearest(Class::Image)),
        (limits.pictures, book.dearest(Class::Picture)),
        (limits.characters, book.dearest(Class::Character)),
        (limits.seconds, book.dearest(Class::Second)),
        (limits.search_units, book.dearest(Class::SearchUnit)),
        (1, book.dearest(Class::Request)),
    ];
    let cost = parts
        .into_iter()
        .try_fold(0_i128, |sum, (units, rate)| {
            sum.checked_add(i128::from(units).checked_mul(i128::from(rate.picos()))?)
        })
        .ok_or(OutOfRange)?;
    let marked = cost.checked_mul(i128::from(markup.factor())).ok_or(OutOfRange)?;
    let rounded_up = marked.checked_add(SCALE - 1).ok_or(OutOfRange)?.div_euclid(SCALE);
    i64::try_from(rounded_up).map(Amount::from_nanos).map_err(|_| OutOfRange)
}

/// How many completion tokens `available` pays for beside the rest of `limits`: the largest count whose
/// [`bound`] is not above `available`, at most `limits.completion_tokens`. `None` when not even the
/// prompt is covered.
///
/// # Errors
/// [`OutOfRange`] when an amount does not fit into nano-dollars.
pub fn affordable_output(
    book: &PriceBook,
    markup: Markup,
    limits: Bound,
    available: Amount,
) -> Result<Option<u64>, OutOfRange> {
    let fits = |completion_tokens| {
        bound(book, markup, Bound { completion_tokens, ..limits }).map(|amount| amount <= available)
    };
    if !fits(0)? {
        return Ok(None);
    }
    let (mut low, mut high) = (0_u64, limits.completion_tokens);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle)? {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(Some(low))
}

/// The dearest that a unit of any of these classes can be.
fn dearest(book: &PriceBook, classes: &[Class]) -> Rate {
    classes.iter().map(|class| book.dearest(*class)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;

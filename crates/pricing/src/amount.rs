//! Checked integer money: [`Amount`], [`Rate`] and [`Markup`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A sum or a parse left the range of the integer that carries it, or a decimal had too many digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is outside the range or the precision that can be kept")]
pub struct OutOfRange;

/// An amount of money in nano-USD (10⁻⁹ USD). Holds up to ±9.2 billion USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(i64);

impl Amount {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_add(other.0).map(Self).ok_or(OutOfRange)
    }

    /// # Errors
    /// [`OutOfRange`] when the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_sub(other.0).map(Self).ok_or(OutOfRange)
    }

    /// The amount as a JSON number of USD, exact to the nano-dollar, without trailing zeros: `0.000125`.
    #[must_use]
    pub fn to_json_number(self) -> serde_json::Number {
        decimal(i128::from(self.0), 9)
            .parse::<serde_json::Number>()
            .unwrap_or_else(|_| serde_json::Number::from(0))
    }
}

/// USD with up to nine decimals, trailing zeros dropped: `1.5`, `-0.000000001`, `0`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(i128::from(self.0), 9))
    }
}

/// Parses decimal USD, exact; more than nine decimals are refused rather than rounded.
impl FromStr for Amount {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        parse_decimal(text, 9).map(Self)
    }
}

/// A price in pico-USD (10⁻¹² USD) per unit: a token, an image, a second or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(i64);

impl Rate {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_picos(picos: i64) -> Self {
        Self(picos)
    }

    #[must_use]
    pub const fn picos(self) -> i64 {
        self.0
    }

    /// The rate that a caller with this markup is shown, rounded up to the next pico-dollar so that a
    /// listed price is never under the charged one.
    #[must_use]
    pub fn with_markup(self, markup: Markup) -> Self {
        let marked = i128::from(self.0) * i128::from(markup.factor());
        Self(i64::try_from((marked + 9_999).div_euclid(10_000)).unwrap_or(i64::MAX))
    }
}

/// USD per unit with up to twelve decimals: `0.0000025`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(i128::from(self.0), 12))
    }
}

/// Parses decimal USD per unit, exact; negative rates and more than twelve decimals are refused.
impl FromStr for Rate {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        match parse_decimal(text, 12)? {
            picos if picos < 0 => Err(OutOfRange),
            picos => Ok(Self(picos)),
        }
    }
}

/// What a tenant's plan adds to provider prices, in basis points (hundredths of a percent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markup(i32);

impl Markup {
    pub const NONE: Self = Self(0);

    /// At least -10,000, which makes everything free: nobody is paid for buying.
    #[must_use]
    pub const fn from_basis_points(points: i32) -> Self {
        Self(if points < -10_000 { -10_000 } else { points })
    }

    #[must_use]
    pub const fn basis_points(self) -> i32 {
        self.0
    }

    /// The factor over 10,000 that prices are multiplied with.
    #[must_use]
    pub const fn factor(self) -> i64 {
        10_000 + self.0 as i64
    }
}

fn decimal(value: i128, places: u32) -> String {
    let scale = 10_i128.pow(places);
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.abs();
    let (whole, fraction) = (magnitude / scale, magnitude % scale);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{fraction:0width$}", width = places as usize);
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// Reads `[-]digits[.digits][e[-]digits]` into an integer scaled by 10^places, without floating point.
fn parse_decimal(text: &str, places: u32) -> Result<i64, OutOfRange> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| OutOfRange)?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(OutOfRange);
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(OutOfRange);
        }
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i128::from(digit - b'0')))
            .ok_or(OutOfRange)?;
    }
    let decimals = i32::try_from(fraction.len()).map_err(|_| OutOfRange)?;
    let shift = i32::try_from(places).map_err(|_| OutOfRange)? - decimals + exponent;
    let power = |n: u32| 10_i128.checked_pow(n).ok_or(OutOfRange);
    let scaled = if shift >= 0 {
        value.checked_mul(power(shift.unsigned_abs())?).ok_or(OutOfRange)?
    } else {
        let divisor = power(shift.unsigned_abs())?;
        if value % divisor != 0 {
            return Err(OutOfRange);
        }
        value / divisor
    };
    i64::try_from(if negative { -scaled } else { scaled }).map_err(|_| OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_without_loss() {
        for text in ["0", "1.5", "-0.000000001", "9223372036.854775807"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
        assert_eq!("2.5e-06".parse::<Rate>().unwrap(), Rate::from_picos(2_500_000));
        assert_eq!("0.0000000000001".parse::<Rate>(), Err(OutOfRange));
        assert_eq!("-1".parse::<Rate>(), Err(OutOfRange));
        assert_eq!("".parse::<Amount>(), Err(OutOfRange));
        assert_eq!("1,5".parse::<Amount>(), Err(OutOfRange));
    }

    #[test]
    fn json_number_keeps_every_nano() {
        assert_eq!(Amount::from_nanos(125).to_json_number().to_string(), "1.25e-7");
        assert_eq!(Amount::from_nanos(1_000_000_001).to_json_number().to_string(), "1.000000001");
    }

    #[test]
    fn a_listed_rate_is_never_under_the_charged_one() {
        let rate = Rate::from_picos(3);
        assert_eq!(rate.with_markup(Markup::from_basis_points(500)), Rate::from_picos(4));
        assert_eq!(rate.with_markup(Markup::NONE), rate);
    }
}

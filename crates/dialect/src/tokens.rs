//! Counts as providers write them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A count that may be missing, null, negative or written as a float; what is no number is refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_unit<E: Error>(self) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
        Ok(Count(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(value).unwrap_or_default()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Count, E> {
        match format!("{value:.0}").parse() {
            Ok(count) => Ok(Count(count)),
            Err(_) if value < 0.0 => Ok(Count(0)),
            Err(_) => Err(E::invalid_value(Unexpected::Float(value), &self)),
        }
    }
}

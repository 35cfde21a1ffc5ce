//! Money and metering, pure and exact.
//!
//! Amounts are integer nano-USD, rates integer pico-USD per unit, and the product of the two is kept in
//! `i128` until one division per request. Nothing here knows of time, storage or the wire.
//!
//! - [`Amount`] and [`Rate`]: checked integers; there is no unchecked `+`.
//! - [`Usage`]: what one generation used, in disjoint [`Class`]es.
//! - [`PriceBook`]: the rates of one immutable price version, with long-context tiers.
//! - [`charge`] and [`bound`]: what a usage costs, and the most that a request can cost.

mod amount;
mod book;
mod quote;
mod usage;

pub use amount::{Amount, Markup, OutOfRange, Rate};
pub use book::{PriceBook, Rates, Tier};
pub use quote::{Bound, affordable_output, bound, charge, provider_cost};
pub use usage::{Class, Source, Usage};

//! What the fuzz targets share: the checks of the property tests, and the choice that the first byte makes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a target fails by panicking")]

#[path = "../../crates/dialect/tests/properties/checks.rs"]
pub mod checks;

pub use checks::choice::*;

//! What the fuzz targets share: the checks of the property tests, and the choice that the first byte makes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a target fails by panicking")]

#[path = "../../crates/dialect/tests/properties/checks/choice.rs"]
pub mod choice;
#[path = "../../crates/dialect/tests/properties/checks/clients.rs"]
pub mod clients;
#[path = "../../crates/dialect/tests/properties/checks/endpoints.rs"]
pub mod endpoints;
#[path = "../../crates/content-filter/tests/properties/check.rs"]
pub mod filters;
#[path = "../../crates/dialect/tests/properties/checks/requests.rs"]
pub mod requests;
#[path = "../../crates/dialect/tests/properties/checks/streams.rs"]
pub mod streams;
#[path = "../../crates/dialect/tests/properties/checks/wholes.rs"]
pub mod wholes;

pub use choice::*;

//! Properties: what holds for any bytes, tried on damaged answers and requests of our own making, and round trips.
//!
//! `checks` says them; the fuzz targets in `fuzz/` try the same ones for longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the checks are also a part of the fuzz targets")]

mod checks;
mod damage;
mod replayed;
mod round_trips;

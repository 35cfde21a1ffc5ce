//! Golden mappings: what a request of each client dialect becomes for each provider dialect, and what is lost.
//!
//! The requests are in `requests/`, one folder for each subject. What they become stands in `snapshots/`, written
//! by `INSTA_UPDATE=always cargo test -p dialect --test golden`, to be read before it is committed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod losses;
mod providers;
mod reference;
mod replay;
mod requests;

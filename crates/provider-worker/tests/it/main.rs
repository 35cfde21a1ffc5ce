//! The real worker, called in process, against scripted providers and a billing service that takes notes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod billing;
mod bus;
mod credentials;
mod failover;
mod leaving;
mod media;
mod open;
mod own_keys;
mod quantum;
mod routing;
mod shares;
mod spool;
mod storm;
mod streamed;
mod upstream;
mod uptime;
mod world;

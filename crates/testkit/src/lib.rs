//! What system tests share: a platform in either topology, upstreams of its simulator, clients, and the
//! ledger as the auditor reads it.

mod admin;
mod api;
mod catalogue;
mod collector;
mod http;
mod kept;
mod ledger;
mod people;
mod platform;
mod processes;
mod upstream;
mod wiretap;

pub use admin::{Admin, Organisation};
pub use api::{Api, Chunk, Download, Reply, Streamed};
pub use catalogue::{provider_model, unique};
pub use collector::{Collector, Span};
pub use ledger::{Balance, Charge, Ledger, Settled};
pub use people::Session;
pub use platform::{DevFile, Platform, Topology, run_binary};
pub use processes::Process;
pub use upstream::{Dialect, GOOD_CARD, Provider, Sent, Simulator, event_signature};
pub use wiretap::Wiretap;

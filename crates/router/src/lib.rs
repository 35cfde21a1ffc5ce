//! The router: the catalogue, endpoint health, and the choice of attempts.
//!
//! - [`catalogue`]: an immutable snapshot of what can be called and at what price.
//! - [`choose`]: the choice of attempts, a pure function of request, catalogue, health, policy and seed.
//! - [`health`]: what observations say of each endpoint under each credential.
//! - `plan`, `sticky`: one request from wire to wire, and which endpoint holds a conversation.
//! - `decide`: decisions that are kept, explained and made again.
//! - `store`, `seed`, `jobs`: Postgres, the shipped catalogue, and what keeps the snapshot current.
//! - `snapshot`: the last good catalogue on disk, for a start without Postgres.
//!
//! `Plan` reads memory only: the newest valid snapshot and the newest standings, both swapped atomically.

mod app;
pub mod catalogue;
pub mod choose;
mod config;
mod decide;
mod error;
mod grpc;
pub mod health;
mod jobs;
mod metrics;
mod plan;
mod rehearsal;
mod seed;
mod service;
mod snapshot;
mod sticky;
mod store;

pub use config::{AutoConfig, Config, DecisionsConfig, HealthConfig, TimeoutConfig};
pub use error::Error;
pub use rehearsal::Rehearsal;
pub use seed::{KnownProvider, ProviderOverride, SeedReport, known_providers, seed};
pub use service::{Deps, Service};

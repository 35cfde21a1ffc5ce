//! The public HTTP service.
//!
//! - [`http`]: connections, routes, and how answers and errors are written.
//! - [`auth`]: who calls, from a cache that outlives the database.
//! - [`limits`]: how often they may.
//! - [`presets`]: settings that requests take over by naming them.
//! - [`admission`]: what a request may cost, planned and reserved before anything is executed.
//! - [`lease`]: the sessions with billing.
//! - [`replay`]: answers that are given again instead of made again.
//! - [`execution`]: the task that sees one request through, whatever becomes of its client.

mod admission;
mod auth;
mod bootstrap;
mod config;
mod error;
mod execution;
mod http;
mod lease;
mod limits;
mod metrics;
mod presets;
mod rehearsal;
mod replay;
mod service;
mod store;

pub use bootstrap::{Bootstrapped, Demo, bootstrap};
pub use config::{
    AuthConfig, CacheConfig, Config, HttpConfig, IdempotencyConfig, LeasesConfig, LimitsConfig, Millis,
    RequestsConfig,
};
pub use error::Error;
pub use rehearsal::Rehearsal;
pub use service::{Deps, Service};

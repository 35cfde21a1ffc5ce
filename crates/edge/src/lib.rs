//! The public HTTP service.
//!
//! - [`http`]: connections, routes, and how answers and errors are written.
//! - [`access`]: who may call what of the management and operator APIs.
//! - [`auth`]: who calls, from a cache that outlives the database.
//! - [`audit`]: the record of changes, sealed behind whoever writes it.
//! - [`erasure`]: what becomes of an organisation that is erased.
//! - [`flags`]: what operators turn on and off.
//! - [`keys`]: managing keys, whichever API asks.
//! - [`oauth`]: apps that ask people for a key.
//! - [`people`]: how people sign in, and how they come into organisations.
//! - [`limits`]: how often they may.
//! - [`presets`]: settings that requests take over by naming them.
//! - [`admission`]: what a request may cost, planned and reserved before anything is executed.
//! - [`guardrails`]: what an organisation forbids its own keys and members.
//! - [`byok`]: the organisations' own credentials for providers.
//! - [`content`]: what was sent to models and came back, where it is to be kept.
//! - [`destinations`]: where organisations have traces of their generations sent.
//! - [`lease`]: the sessions with billing.
//! - [`live`]: what operators watch as it happens.
//! - [`replay`]: answers that are given again instead of made again.
//! - [`text`]: names and other texts that people write.
//! - [`execution`]: the task that sees one request through, whatever becomes of its client.

mod access;
mod admission;
mod audit;
mod auth;
mod bootstrap;
mod byok;
mod config;
mod content;
mod destinations;
mod erasure;
mod error;
mod execution;
mod flags;
mod guardrails;
mod http;
mod keys;
mod lease;
mod limits;
mod live;
mod metrics;
mod oauth;
mod people;
mod presets;
mod rehearsal;
mod replay;
mod service;
mod store;
mod text;

pub use bootstrap::{Bootstrapped, Demo, bootstrap};
pub use byok::{Rewrapped, forget_tenant_keys, rewrap_tenant_keys, rotate_tenant_key};
pub use config::{
    AuditConfig, AuthConfig, CacheConfig, Config, ConsoleConfig, ContentConfig, DestinationsConfig,
    ErasureConfig, HttpConfig, IdempotencyConfig, LeasesConfig, LimitsConfig, LiveConfig, MailConfig, Millis,
    OidcConfig, RequestsConfig, SessionsConfig,
};
pub use error::Error;
pub use http::console::{Files, Site};
pub use rehearsal::Rehearsal;
pub use service::{Deps, Service};

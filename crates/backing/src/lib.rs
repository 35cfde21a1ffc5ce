//! Private PostgreSQL, Redis and NATS from installed binaries: on loopback, behind a random password, each
//! in its own process group.
//!
//! A server outlives the process that started it unless that process stops it; what a killed process left
//! behind is found again and adopted.

mod account;
mod error;
mod executable;
mod nats;
mod port;
mod postgres;
mod process;
mod redis;
mod secret;
mod server;

use std::sync::Arc;

pub use error::Error;
pub use port::{HeldPort, free_ports};
pub use postgres::{Postgres, PostgresOptions, TestDatabase, ThrowAway};
pub use process::{Process, is_alive, log_tail, started_at};
pub use secret::{random_text, write_secret};
pub use server::{Kind, Server, ServerOptions};

/// Tells the user one step of what is being done.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    /// Tells every step to `listener`.
    #[must_use]
    pub fn new(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    fn say(&self, step: &str) {
        (self.0)(step);
    }
}

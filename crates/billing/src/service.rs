//! The service: built from its configuration and what it depends on, its jobs on the process's tasks.

use lifecycle::{Health, Metrics as Registry, Tasks};
use rpc::billing::billing_server::BillingServer;
use sqlx::PgPool;

use crate::app::App;
use crate::metrics::Metrics;
use crate::{Config, Error, jobs};

/// What billing is given.
pub struct Deps {
    /// Acts as `pg::Owner::Billing`.
    pub pool: PgPool,
    /// Where usage comes in; without it, workers settle by call.
    pub bus: Option<async_nats::Client>,
    pub tasks: Tasks,
    pub health: Health,
    pub metrics: Registry,
}

/// One replica of billing. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) app: App,
}

impl Service {
    /// Starts the jobs and answers at once; the database and the bus may come later.
    ///
    /// # Errors
    /// None today; what a start may refuse is part of the contract.
    #[allow(clippy::unused_async, reason = "every service starts alike")]
    pub async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        let metrics = Metrics::new(&deps.metrics);
        deps.health.set("billing", false);
        let app = App::new(config, deps.pool, deps.tasks, deps.health, metrics);
        jobs::start(&app, deps.bus);
        Ok(Self { app })
    }

    /// The gRPC server, to be served or called in process.
    #[must_use]
    pub fn grpc(&self) -> BillingServer<Self> {
        BillingServer::new(self.clone())
            .max_decoding_message_size(rpc::MAX_MESSAGE)
            .max_encoding_message_size(rpc::MAX_MESSAGE)
    }
}

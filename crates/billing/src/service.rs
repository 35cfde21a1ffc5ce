//! The service: built from its configuration and what it depends on, its jobs on the process's tasks.

use std::sync::Arc;

use identity::MasterKey;
use lifecycle::{Health, Metrics as Registry, Tasks};
use rpc::billing::billing_server::BillingServer;
use rpc::billing::budgets_server::BudgetsServer;
use rpc::billing::invoices_server::InvoicesServer;
use rpc::billing::ledger_server::LedgerServer;
use rpc::billing::payments_server::PaymentsServer;
use rpc::billing::plans_server::PlansServer;
use rpc::billing::usage_reports_server::UsageReportsServer;
use rpc::status::service_status_server::ServiceStatusServer;
use sqlx::PgPool;
use tonic::service::Routes;

use crate::app::App;
use crate::app::notices::Courier;
use crate::metrics::Metrics;
use crate::{Config, Error, jobs};

/// What billing is given.
pub struct Deps {
    /// Acts as `pg::Owner::Billing`.
    pub pool: PgPool,
    /// Where usage comes in; without it, workers settle by call.
    pub bus: Option<async_nats::Client>,
    /// Seals the secrets that webhooks are signed with.
    pub master_key: Arc<MasterKey>,
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
    /// [`Error::Setting`] and [`Error::Processor`] when the configuration names something that cannot be used.
    #[allow(clippy::unused_async, reason = "every service starts alike")]
    pub async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        let metrics = Metrics::new(&deps.metrics);
        deps.health.set("billing", false);
        let courier = Courier::new(&config.notices, &deps.master_key)?;
        let app = App::new(config, deps.pool, deps.tasks, deps.health, metrics, courier)?;
        jobs::start(&app, deps.bus);
        Ok(Self { app })
    }

    /// The gRPC servers, to be served or called in process.
    #[must_use]
    pub fn grpc(&self) -> Routes {
        let billing = BillingServer::new(self.clone())
            .max_decoding_message_size(rpc::MAX_MESSAGE)
            .max_encoding_message_size(rpc::MAX_MESSAGE);
        Routes::new(billing)
            .add_service(PlansServer::new(self.clone()))
            .add_service(BudgetsServer::new(self.clone()))
            .add_service(PaymentsServer::new(self.clone()))
            .add_service(InvoicesServer::new(self.clone()).max_encoding_message_size(rpc::MAX_MESSAGE))
            .add_service(LedgerServer::new(self.clone()).max_decoding_message_size(rpc::MAX_MESSAGE))
            .add_service(UsageReportsServer::new(self.clone()).max_encoding_message_size(rpc::MAX_MESSAGE))
            .add_service(ServiceStatusServer::new(self.clone()))
    }
}

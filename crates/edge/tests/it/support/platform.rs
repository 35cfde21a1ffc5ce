//! The service between its neighbours.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use edge::{Config, Demo, Deps, Service, Site, bootstrap};
use http::Method;
use hyper::body::Incoming;
use identity::{ApiKey, KeyKind, MasterKey, OpaqueToken};
use lifecycle::{Health, Metrics, Tasks};
use rpc::Channel;
use rpc::billing::billing_server::BillingServer;
use rpc::billing::budgets_server::BudgetsServer;
use rpc::billing::invoices_server::InvoicesServer;
use rpc::billing::ledger_server::LedgerServer;
use rpc::billing::payments_server::PaymentsServer;
use rpc::billing::plans_server::PlansServer;
use rpc::billing::usage_reports_server::UsageReportsServer;
use rpc::router::router_server::RouterServer;
use rpc::worker::worker_server::WorkerServer;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::billing::FakeBilling;
use super::budgets::FakeBudgets;
use super::client::{self, Answer};
use super::database::Database;
use super::eventually;
use super::invoices::FakeInvoices;
use super::ledger::FakeLedger;
use super::payments::FakePayments;
use super::plans::FakePlans;
use super::reports::FakeReports;
use super::router::FakeRouter;
use super::worker::FakeWorker;

/// The same for all edges of a test.
pub(crate) const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[derive(serde::Deserialize)]
struct File {
    edge: Config,
}

/// The defaults with what a test says of its own. Calls wait as long as a busy machine may need.
fn config(inline: &str) -> Config {
    let waits = if inline.contains("[edge.calls]") { "" } else { "[edge.calls]\nwait_ms = 60_000\n" };
    let inline = format!("{waits}[edge.http]\nlinger_ms = 0\n{inline}");
    let defaults = include_str!("../../../../../config/default.toml");
    let file: File = lifecycle::load(defaults, None, &inline).unwrap();
    file.edge
}

/// A running edge. End a test with [`Platform::stop`].
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    pub(crate) billing: FakeBilling,
    pub(crate) budgets: FakeBudgets,
    pub(crate) plans: FakePlans,
    pub(crate) payments: FakePayments,
    pub(crate) invoices: FakeInvoices,
    pub(crate) reports: FakeReports,
    pub(crate) ledger: FakeLedger,
    pub(crate) router: FakeRouter,
    pub(crate) worker: FakeWorker,
    pub(crate) demo: Demo,
    pub(crate) tenant: identity::TenantId,
    pub(crate) pool: PgPool,
    pub(crate) database: Database,
    pub(crate) metrics: Metrics,
    pub(crate) console: Site,
    tasks: Tasks,
    serving: JoinHandle<()>,
}

/// One running edge.
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    tasks: Tasks,
    serving: JoinHandle<()>,
}

impl Edge {
    async fn start(config: Config, deps: Deps) -> Self {
        let (tasks, health) = (deps.tasks.clone(), deps.health.clone());
        let service = Service::start(config, deps).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { service.serve(listener).await.unwrap() });
        eventually("the edge is ready", async || health.is_ready().then_some(())).await;
        Self { address, tasks, serving }
    }

    pub(crate) async fn stop(self) {
        assert!(self.tasks.drain(Duration::from_secs(30)).await, "the edge does not drain");
        self.serving.await.unwrap();
    }
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::start_with("", None).await
    }

    /// With configuration of its own, as TOML, and Redis.
    pub(crate) async fn start_with(inline: &str, redis: Option<redis::Client>) -> Self {
        Self::start_on(Database::create().await, inline, redis, None).await
    }

    pub(crate) async fn start_on(
        database: Database,
        inline: &str,
        redis: Option<redis::Client>,
        bus: Option<async_nats::Client>,
    ) -> Self {
        let config = config(inline);
        let pool = pg::connect(&pg::Config { url: database.url(), max_connections: 6 }, pg::Owner::Identity)
            .unwrap();
        let (billing, router, worker) = (FakeBilling::new(), FakeRouter::new(), FakeWorker::default());
        let (budgets, plans) = (FakeBudgets::default(), FakePlans::default());
        let (payments, invoices) = (FakePayments::default(), FakeInvoices::default());
        let reports = FakeReports::default();
        let ledger = FakeLedger::default();
        let services = Routes::new(BillingServer::new(billing.clone()))
            .add_service(BudgetsServer::new(budgets.clone()))
            .add_service(PlansServer::new(plans.clone()))
            .add_service(PaymentsServer::new(payments.clone()))
            .add_service(InvoicesServer::new(invoices.clone()))
            .add_service(UsageReportsServer::new(reports.clone()))
            .add_service(LedgerServer::new(ledger.clone()));
        let billing_channel = Channel::local(services);
        let demo = Demo {
            api_key: ApiKey::generate(KeyKind::Inference),
            management_key: ApiKey::generate(KeyKind::Management),
            markup_api_key: ApiKey::generate(KeyKind::Inference),
            admin_token: OpaqueToken::generate("pb-op-"),
            admin_email: "admin@patchbay.localhost".to_owned(),
            admin_password: "a password of tests".into(),
        };
        let bootstrapped = bootstrap(&pool, &billing_channel, &demo).await.unwrap();
        let (metrics, console) = (Metrics::default(), Site::default());
        let deps = Deps {
            pool: pool.clone(),
            router: Channel::local(RouterServer::new(router.clone())),
            worker: Channel::local(WorkerServer::new(worker.clone())),
            billing: billing_channel,
            bus,
            redis,
            console: console.clone(),
            master_key: std::sync::Arc::new(MasterKey::from_hex(MASTER_KEY).unwrap()),
            tasks: Tasks::default(),
            health: Health::default(),
            metrics: metrics.clone(),
        };
        let Edge { address, tasks, serving } = Edge::start(config, deps).await;
        let tenant = bootstrapped.demo;
        Self {
            address,
            billing,
            budgets,
            plans,
            payments,
            invoices,
            reports,
            ledger,
            router,
            worker,
            demo,
            tenant,
            pool,
            database,
            metrics,
            console,
            tasks,
            serving,
        }
    }

    /// Has the edge give back what the tenant's credit has leased.
    pub(crate) async fn empty_the_pool(&self) {
        self.billing.recall(&self.tenant.to_string());
        eventually("nothing is held", async || {
            self.billing.with(|heard| (heard.books.held() == 0).then_some(()))
        })
        .await;
    }

    /// Another edge between the same neighbours.
    pub(crate) async fn second_edge(&self, inline: &str) -> Edge {
        let config = config(inline);
        let deps = Deps {
            pool: self.pool.clone(),
            router: Channel::local(RouterServer::new(self.router.clone())),
            worker: Channel::local(WorkerServer::new(self.worker.clone())),
            billing: Channel::local(BillingServer::new(self.billing.clone())),
            bus: None,
            redis: None,
            console: Site::default(),
            master_key: std::sync::Arc::new(MasterKey::from_hex(MASTER_KEY).unwrap()),
            tasks: Tasks::default(),
            health: Health::default(),
            metrics: Metrics::default(),
        };
        Edge::start(config, deps).await
    }

    /// Stops as on SIGTERM: everything ends by itself.
    pub(crate) async fn stop(self) {
        assert!(self.tasks.drain(Duration::from_secs(30)).await, "the edge does not drain");
        self.billing.with(|heard| assert!(heard.books.breaches.is_empty(), "{:#?}", heard.books.breaches));
        self.serving.await.unwrap();
    }

    pub(crate) fn begin_stop(&self) {
        self.tasks.shutdown().begin();
    }

    /// Sends a chat request with the demo key; the answer is still being read.
    pub(crate) async fn open(&self, body: &str) -> http::Response<Incoming> {
        let bearer = format!("Bearer {}", self.demo.api_key.expose());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = Bytes::from(body.to_owned());
        client::send(self.address, Method::POST, "/api/v1/chat/completions", &headers, body).await
    }

    pub(crate) async fn chat(&self, body: &str) -> Answer {
        client::whole(self.open(body).await).await
    }

    pub(crate) async fn chat_as(&self, key: &str, body: &str) -> Answer {
        self.call(Method::POST, "/api/v1/chat/completions", Some(key), body).await
    }

    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.call(Method::GET, path, key, "").await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, key: Option<&str>, body: &str) -> Answer {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        let body = Bytes::from(body.to_owned());
        client::whole(client::send(self.address, method, path, &headers, body).await).await
    }

    /// A request with these headers and no key.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let body = Bytes::from(body.to_owned());
        client::whole(client::send(self.address, method, path, headers, body).await).await
    }

    /// Sends a request with headers of its own beside the demo key's; the answer is still being read.
    pub(crate) async fn open_at(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> http::Response<Incoming> {
        let bearer = format!("Bearer {}", self.demo.api_key.expose());
        let mut all = vec![("authorization", bearer.as_str())];
        all.retain(|(name, _)| headers.iter().all(|(other, _)| name != other));
        all.extend_from_slice(headers);
        client::send(self.address, Method::POST, path, &all, Bytes::from(body.to_owned())).await
    }

    /// A chat request with headers of its own.
    pub(crate) async fn chat_with(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        client::whole(self.open_at("/api/v1/chat/completions", headers, body).await).await
    }

    /// How often the worker was told to start.
    pub(crate) fn executions(&self) -> usize {
        self.worker.with(|seen| seen.starts.len())
    }

    /// As the operator.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call(method, &format!("/admin/v1{path}"), Some(self.demo.admin_token.expose()), body).await
    }

    /// The witness of the only generation there was.
    pub(crate) async fn witness(&self) -> rpc::billing::Witness {
        eventually("billing hears of the generation", async || {
            self.billing.with(|heard| heard.witnesses.first().cloned())
        })
        .await
    }
}

//! The service: its parts, its background jobs, and the server that is made of it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use identity::{MasterKey, Role};
use lifecycle::{Health, Tasks};
use rpc::billing::billing_client::BillingClient;
use rpc::status::service_status_server::ServiceStatusServer;
use rpc::worker::worker_server::WorkerServer;
use rpc::{Channel, MAX_MESSAGE};
use tokio::sync::{Semaphore, oneshot};
use tonic::service::Routes;

use crate::app::App;
use crate::breaker::Breakers;
use crate::budget::RetryBudgets;
use crate::config::SpoolSync;
use crate::count::Counter;
use crate::credential::google::Tokens;
use crate::jobs::observe::Observer;
use crate::jobs::open::Teller;
use crate::jobs::ship::Shipper;
use crate::media::Fetcher;
use crate::metrics::Metrics;
use crate::shares::Endpoints;
use crate::spool::{Options, Spool};
use crate::upstream::Upstream;
use crate::{Config, Error};

/// How this service is called where readiness is told.
pub(crate) const PART: &str = Role::ProviderWorker.as_str();

/// What the worker works with.
pub struct Deps {
    pub billing: Channel,
    /// Every router hears of endpoint health, over this where there is no bus.
    pub router: Channel,
    pub bus: Option<async_nats::Client>,
    /// Not used yet: what workers see reaches the shared windows through the routers.
    pub redis: Option<redis::Client>,
    /// Opens the credentials of providers.
    pub master_key: Arc<MasterKey>,
    pub tasks: Tasks,
    pub health: Health,
    pub metrics: lifecycle::Metrics,
}

/// One worker. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) tasks: Tasks,
}

impl Service {
    /// Opens the spool, brings what a crash left open to its end, and starts shipping. Waits for no other
    /// service.
    ///
    /// # Errors
    /// [`Error`] when the spool cannot be used, is held by another worker, or a setting makes no sense.
    pub async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        check(&config)?;
        let media = Fetcher::new(&config.media).map_err(Error::Media)?;
        let options = options(&config);
        let (spool, worker_id) = tokio::task::spawn_blocking(move || {
            let directory = options.directory.clone();
            let spool = Spool::open(options).map_err(Error::Spool)?;
            Ok((spool, kept_id(&directory)?))
        })
        .await
        .map_err(Error::Interrupted)??;
        let worker_id = if config.id.is_empty() { worker_id } else { config.id.clone() };
        if !worker_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(Error::MalformedId(worker_id));
        }
        let metrics = Metrics::register(&deps.metrics);
        let app = Arc::new(App {
            worker_id,
            slots: Arc::new(Semaphore::new(config.max_executions)),
            room: Mutex::default(),
            endpoints: Endpoints::default(),
            config,
            spool,
            upstream: Upstream::new(),
            tokens: Tokens::new(),
            media,
            breakers: Breakers::default(),
            budgets: RetryBudgets::default(),
            counter: Counter,
            metrics,
            master_key: deps.master_key.clone(),
        });
        start_jobs(&app, &deps);
        deps.health.set(PART, true);
        Ok(Self { app, tasks: deps.tasks })
    }

    /// The gRPC servers.
    #[must_use]
    pub fn grpc(&self) -> Routes {
        let worker = WorkerServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Routes::new(worker).add_service(ServiceStatusServer::new(self.clone()))
    }

    /// This worker's name on the bus.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.app.worker_id
    }

    /// Executions that billing has not settled yet, running ones included.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.app.spool.depth()
    }
}

fn start_jobs(app: &Arc<App>, deps: &Deps) {
    let (tasks, shutdown) = (&deps.tasks, deps.tasks.shutdown());
    let shipper = Shipper {
        worker_id: app.worker_id.clone(),
        spool: app.spool.clone(),
        billing: BillingClient::new(deps.billing.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE),
        bus: deps.bus.clone(),
        metrics: app.metrics.clone(),
        health: deps.health.clone(),
        batch: app.config.ship_batch,
        settle_wait: Duration::from_millis(app.config.settle_wait_ms),
    };
    let (slots, all) = (Arc::clone(&app.slots), app.config.max_executions);
    let teller = Teller {
        worker_id: app.worker_id.clone(),
        spool: app.spool.clone(),
        billing: shipper.billing.clone(),
        every: Duration::from_millis(app.config.open_leases_ms),
    };
    let (ended, shipped) = oneshot::channel();
    let shipping = shipper.clone().ship(shutdown.clone(), move || slots.available_permits() == all);
    tasks.spawn(async move {
        shipping.await;
        drop(ended);
    });
    tasks.spawn(teller.run(shipped));
    tasks.spawn(shipper.clone().chase(shutdown.clone()));
    tasks.spawn(shipper.listen(shutdown.clone()));
    let observer = Observer {
        app: Arc::clone(app),
        router: deps.router.clone(),
        bus: deps.bus.clone(),
        every: Duration::from_millis(app.config.observe_ms),
    };
    tasks.spawn(observer.run(shutdown.clone()));
    // The first count would hold up a stream while the tokenizer is built.
    let counter = app.counter;
    drop(tokio::task::spawn_blocking(move || counter.count("warm")));
}

fn options(config: &Config) -> Options {
    Options {
        directory: config.spool_dir.clone(),
        max_bytes: config.spool_max_bytes,
        segment_bytes: config.spool_segment_bytes,
        sync_interval: Duration::from_millis(config.spool_sync_interval_ms),
        strict: config.spool_sync == SpoolSync::Strict,
    }
}

fn check(config: &Config) -> Result<(), Error> {
    let positive = [
        ("ship_batch", config.ship_batch > 0),
        ("max_executions", config.max_executions > 0),
        ("observe_ms", config.observe_ms > 0),
        ("open_leases_ms", config.open_leases_ms > 0),
        ("checkpoint_deltas", config.checkpoint_deltas > 0),
        ("whole_answer_factor", config.whole_answer_factor > 0),
        ("total_ms", config.total_ms > 0),
        ("media.max_fetches", config.media.max_fetches > 0),
    ];
    match positive.into_iter().find(|(_, is_positive)| !is_positive) {
        Some((key, _)) => Err(Error::Zero(key)),
        None => Ok(()),
    }
}

/// The name that stays with a spool directory, made when there is none.
fn kept_id(directory: &Path) -> Result<String, Error> {
    let path = directory.join("id");
    let failed = |source| Error::Id { path: path.clone(), source };
    match std::fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let id = format!("worker-{}", uuid::Uuid::now_v7().simple());
    std::fs::write(&path, &id).map_err(failed)?;
    Ok(id)
}

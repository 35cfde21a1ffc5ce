//! The service: what it is made of, and how it starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use identity::{KeyWrapper, MasterKey};
use lifecycle::{Health, Tasks};
use rpc::Channel;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::access::Calls;
use crate::admission::Sticks;
use crate::audit;
use crate::auth::{self, Announcer, Keys, Source};
use crate::content::Keeper;
use crate::destinations::{self, Outbox, Sender};
use crate::erasure;
use crate::http::console::Site;
use crate::http::models::{Answers, DefaultMarkups};
use crate::http::server;
use crate::lease::Leases;
use crate::limits::Limits;
use crate::live::{self, Live};
use crate::metrics::Metrics;
use crate::people::People;
use crate::presets::Presets;
use crate::replay::{self, Replay};
use crate::{Config, Error};

/// The part of the process's readiness that is this service's.
const PART: &str = "edge";

/// What the service is given.
pub struct Deps {
    /// Acts as the owner of the schema `identity`.
    pub pool: PgPool,
    pub router: Channel,
    pub worker: Channel,
    pub billing: Channel,
    pub bus: Option<async_nats::Client>,
    pub redis: Option<redis::Client>,
    /// The web console's files, where no folder of them is configured.
    pub console: Site,
    /// Seals the answers that are kept outside this process, and wraps the keys of tenants.
    pub master_key: Arc<MasterKey>,
    pub tasks: Tasks,
    pub health: Health,
    pub metrics: lifecycle::Metrics,
}

/// The running service. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<App>);

/// What every handler works with.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) pool: PgPool,
    pub(crate) router: Channel,
    pub(crate) worker: Channel,
    pub(crate) billing: Channel,
    pub(crate) keys: Arc<Keys>,
    pub(crate) announcer: Announcer,
    pub(crate) leases: Leases,
    pub(crate) limits: Limits,
    pub(crate) calls: Calls,
    pub(crate) replay: Replay,
    pub(crate) content: Keeper,
    /// Wraps the keys that tenants' credentials are sealed under.
    pub(crate) wrapper: Arc<dyn KeyWrapper>,
    pub(crate) catalogue: Answers,
    pub(crate) default_markups: Arc<DefaultMarkups>,
    pub(crate) presets: Presets,
    pub(crate) console: Site,
    pub(crate) people: People,
    /// Reaches the destinations of traces.
    pub(crate) sender: Sender,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) open: Arc<Semaphore>,
    pub(crate) sticks: Sticks,
    pub(crate) live: Live,
    pub(crate) bus: Option<async_nats::Client>,
    pub(crate) redis: Option<redis::Client>,
    pub(crate) tasks: Tasks,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
}

impl Service {
    /// Starts what runs in the background. Waits for nothing: the service is ready once a session with
    /// billing is up and changes to keys are followed.
    ///
    /// # Errors
    /// [`Error::Redis`] when the Redis client's address cannot be used; [`Error::Accounts`] when mail or
    /// sign-ins cannot work as they are configured; [`Error::Destinations`] likewise of traces.
    #[allow(clippy::unused_async, reason = "services start alike, whatever they have to wait for")]
    pub async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        let Deps { pool, router, worker, billing, bus, redis, console, master_key, tasks, health, metrics } =
            deps;
        let metrics = Metrics::new(&metrics);
        let ready = Ready::new(health.clone());
        let source = Source {
            pool: pool.clone(),
            billing: billing.clone(),
            timeout: config.auth.lookup_timeout_ms.get(),
        };
        let keys = Arc::new(Keys::new(&config.auth, source));
        let default_markups = Arc::new(DefaultMarkups::new());
        auth::follow(&tasks, &pool, (&keys, &default_markups), bus.clone(), config.auth.poll_ms.get(), {
            let ready = Arc::clone(&ready);
            move || ready.keys_are_followed()
        });
        let console = match config.console.folder.as_os_str().is_empty() {
            true => console,
            false => Site::open(&config.console.folder),
        };
        let edge_id = match config.id.as_str() {
            "" => format!("edge-{}", uuid::Uuid::now_v7()),
            id => id.to_owned(),
        };
        let people = People::start(&config, &pool, &master_key, &tasks)
            .map_err(|error| Error::Accounts(Box::new(error)))?;
        let sender =
            Sender::new(&config.destinations).map_err(|error| Error::Destinations(Box::new(error)))?;
        let (cache, idempotency, named) = (&config.cache, &config.idempotency, edge_id.clone());
        let wrapper: Arc<dyn KeyWrapper> = Arc::<MasterKey>::clone(&master_key);
        let outbox = Outbox {
            pool: pool.clone(),
            billing: billing.clone(),
            wrapper: Arc::clone(&wrapper),
            sender: sender.clone(),
            config: config.destinations.clone(),
            metrics: metrics.clone(),
        };
        destinations::run(&tasks, &outbox);
        let replay = Replay::new(
            cache,
            idempotency,
            named.clone(),
            pool.clone(),
            redis.as_ref(),
            Arc::clone(&master_key),
        )
        .map_err(Error::Redis)?;
        audit::run(&tasks, &pool, &config.audit, &metrics);
        erasure::finish(&tasks, pool.clone(), billing.clone(), config.erasure.look_every_ms.get());
        replay::sweep(&tasks, pool.clone(), config.idempotency.sweep_every_ms.get());
        let content = Keeper::new(&config.content, &pool, &wrapper, &tasks, &metrics);
        let live = Live::new(named.clone(), config.live.clone(), metrics.open_requests.clone());
        live::run(&tasks, &live, live::Sources { bus: bus.clone(), router: router.clone() });
        let leases = Leases::start(&config.leases, edge_id, billing.clone(), &tasks, &metrics, {
            let ready = Arc::clone(&ready);
            move || ready.session_is_up()
        });
        let limits = Limits::new(config.limits.clone(), redis.as_ref(), &named).map_err(Error::Redis)?;
        limits.keep(&tasks);
        Ok(Self(Arc::new(App {
            announcer: Announcer::new(Arc::clone(&keys), Arc::clone(&default_markups), bus.clone()),
            live,
            bus,
            redis,
            master_key,
            catalogue: Answers::new(router.clone()),
            default_markups,
            presets: Presets::new(
                pool.clone(),
                config.auth.lookup_timeout_ms.get(),
                config.auth.stale_ms.get(),
            ),
            console,
            people,
            sender,
            open: Arc::new(Semaphore::new(config.requests.max_open.get().min(Semaphore::MAX_PERMITS))),
            sticks: Sticks::default(),
            calls: Calls::new(&config.calls, pool.options().get_max_connections()),
            config,
            pool,
            router,
            worker,
            billing,
            keys,
            leases,
            limits,
            replay,
            content,
            wrapper,
            tasks,
            health,
            metrics,
        })))
    }

    /// Serves the public API on a bound listener until the stop has begun, then lets running answers end for
    /// as long as `http.drain_ms` says.
    ///
    /// # Errors
    /// [`Error::Listener`] when connections can no longer be accepted.
    pub async fn serve(&self, listener: TcpListener) -> Result<(), Error> {
        let served = server::serve(&self.0, listener).await;
        self.0.health.set(PART, false);
        served.map_err(Error::Listener)
    }
}

/// Readiness: both must have come about once. What is lost later is a degraded mode, not unreadiness.
struct Ready {
    health: Health,
    keys: AtomicBool,
    session: AtomicBool,
    told: AtomicBool,
}

impl Ready {
    fn new(health: Health) -> Arc<Self> {
        health.set(PART, false);
        Arc::new(Self {
            health,
            keys: AtomicBool::new(false),
            session: AtomicBool::new(false),
            told: AtomicBool::new(false),
        })
    }

    fn keys_are_followed(&self) {
        self.keys.store(true, Ordering::SeqCst);
        self.tell();
    }

    fn session_is_up(&self) {
        self.session.store(true, Ordering::SeqCst);
        self.tell();
    }

    fn tell(&self) {
        let is_ready = self.keys.load(Ordering::SeqCst) && self.session.load(Ordering::SeqCst);
        if is_ready && !self.told.swap(true, Ordering::SeqCst) {
            self.health.set(PART, true);
        }
    }
}

//! The service: what it holds, how it starts, how it is served.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use identity::MasterKey;
use rpc::router::router_server::RouterServer;
use rpc::status::service_status_server::ServiceStatusServer;
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore, watch};
use tonic::service::Routes;

use crate::app::Views;
use crate::catalogue::Catalogue;
use crate::choose::Policy;
use crate::decide::{Recorder, Rules};
use crate::grpc::Server;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::plan::Desk;
use crate::sticky::Sticky;
use crate::store::rows::Tables;
use crate::{Config, Error, jobs};

/// The part of the process that readiness is said for.
pub(crate) const PART: &str = "router";
/// Replays of decisions at once.
const REPLAYS: usize = 2;

/// What the router needs from the process it runs in.
#[derive(Clone)]
pub struct Deps {
    /// Of [`pg::Owner::Catalog`].
    pub pool: PgPool,
    pub bus: Option<async_nats::Client>,
    pub redis: Option<redis::Client>,
    /// Keeps a copy of each price version before a plan may use it.
    pub billing: rpc::Channel,
    pub master_key: Arc<MasterKey>,
    pub tasks: lifecycle::Tasks,
    pub health: lifecycle::Health,
    pub metrics: lifecycle::Metrics,
}

/// The router. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) deps: Deps,
    pub(crate) metrics: Metrics,
    pub(crate) current: ArcSwap<Loaded>,
    pub(crate) health: Health,
    pub(crate) sticky: Sticky,
    pub(crate) clock: Clock,
    pub(crate) decisions: Recorder,
    /// Room for those who have decisions made again: it is work for a whole processor.
    pub(crate) replays: Semaphore,
    /// Rung when the tables may have changed.
    pub(crate) changed: Notify,
    /// What is known of the newest version.
    pub(crate) newest: Mutex<Newest>,
    /// The tables of the version that was put in use last, to be kept on disk.
    pub(crate) good: watch::Sender<Option<Arc<Tables>>>,
}

/// What is known of the newest version of the catalogue, be it in use or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Newest {
    /// As the database last said; `None` = it was not heard yet.
    pub(crate) version: Option<u64>,
    /// Why it is not in use, if it is refused.
    pub(crate) refused: Option<String>,
    /// Whether the last look at it failed.
    pub(crate) is_unknown: bool,
}

impl Newest {
    /// Whether a snapshot may not be the newest that there is.
    pub(crate) fn is_behind(&self, loaded: &Loaded) -> bool {
        loaded.source == Source::Disk || self.refused.is_some() || self.is_unknown
    }
}

/// Where a snapshot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Source {
    #[default]
    Database,
    /// What this router kept of an earlier life.
    Disk,
}

impl Source {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Disk => "snapshot",
        }
    }
}

/// A snapshot in use, with what was rendered from it.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) catalogue: Catalogue,
    /// When it was read, by the database's clock.
    pub(crate) read_at: DateTime<Utc>,
    pub(crate) source: Source,
    pub(crate) views: Views,
}

/// Unix time that never runs backwards while the process lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_ms: u64,
}

impl Clock {
    fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: Instant::now(),
            started_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_ms.saturating_add(elapsed)
    }
}

impl Inner {
    /// Everything that plans are made from, now.
    pub(crate) fn desk<'a>(&'a self, loaded: &'a Loaded) -> Desk<'a> {
        Desk {
            catalogue: &loaded.catalogue,
            health: &self.health,
            sticky: &self.sticky,
            now_ms: self.clock.now_ms(),
            policy: Policy { max_attempts: self.config.max_attempts, auto: &self.config.auto },
        }
    }

    pub(crate) fn newest(&self) -> Newest {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What operators decide about every choice, as it is kept.
    pub(crate) fn rules(&self) -> Rules {
        Rules::of(&self.config)
    }

    /// Takes note of what is now known of the newest version.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Newest)) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut newest);
        self.metrics.catalogue_stale.set(newest.is_behind(&self.current.load()).into());
    }
}

impl Service {
    /// Starts the router's jobs. Waits for nothing: until the first snapshot is in use, the part `router` is
    /// not ready and calls are refused as unavailable.
    ///
    /// # Errors
    /// None today; the signature is that of every service.
    #[expect(clippy::unused_async, reason = "every service starts by the same signature")]
    pub async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        deps.health.set(PART, false);
        let metrics = Metrics::register(&deps.metrics);
        let tasks = deps.tasks.clone();
        let health = Health::new(config.health);
        let (decisions, records) = Recorder::new(config.decisions.share);
        let inner = Arc::new(Inner {
            decisions,
            replays: Semaphore::new(REPLAYS),
            health,
            sticky: Sticky::new(config.sticky_limit, config.sticky_idle_ms),
            config,
            deps,
            metrics,
            current: ArcSwap::default(),
            clock: Clock::start(),
            changed: Notify::new(),
            newest: Mutex::default(),
            good: watch::Sender::default(),
        });
        tasks.spawn(jobs::refresh(Arc::clone(&inner)));
        tasks.spawn(jobs::listen(Arc::clone(&inner)));
        if let Some(path) = inner.config.snapshot_path() {
            tasks.spawn(jobs::keep(Arc::clone(&inner), path.to_owned()));
        }
        tasks.spawn(jobs::tick(Arc::clone(&inner)));
        tasks.spawn(jobs::keep_decisions(Arc::clone(&inner), records));
        tasks.spawn(jobs::sweep_decisions(Arc::clone(&inner)));
        if inner.deps.bus.is_some() {
            tasks.spawn(jobs::observe(Arc::clone(&inner)));
        }
        if inner.deps.redis.is_some() {
            tasks.spawn(jobs::share(Arc::clone(&inner)));
        }
        Ok(Self(inner))
    }

    /// The gRPC servers, with the message limits of every call.
    #[must_use]
    pub fn grpc(&self) -> Routes {
        let server = Server::new(Arc::clone(&self.0));
        let router = RouterServer::new(server.clone())
            .max_decoding_message_size(rpc::MAX_MESSAGE)
            .max_encoding_message_size(rpc::MAX_MESSAGE);
        Routes::new(router).add_service(ServiceStatusServer::new(server))
    }
}

//! Services put together in one process: each is given what it needs and does not know whether what it
//! calls is here or elsewhere.

mod sockets;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge::Site;
use identity::Role;
use lifecycle::{Health, Metrics, Tasks, serve_probes};
use pg::Owner;
use rpc::{Channel, ServiceKeys};
use tokio::sync::mpsc;
use tonic::service::Routes;

pub(crate) use self::sockets::{Sockets, bind_public};
use crate::config::Config;
use crate::connect;
use crate::signals::Signals;

/// Callees end after their callers.
const DRAIN_ORDER: [Role; 4] = [Role::Edge, Role::ProviderWorker, Role::Router, Role::Billing];

/// The services that run in this process.
pub(crate) struct Platform {
    pub(crate) health: Health,
    metrics: Metrics,
    /// Each service's tasks, so that they can be ended one after the other.
    tasks: BTreeMap<Role, Tasks>,
    /// The probes answer until the last service has ended.
    probes: Tasks,
    local: BTreeMap<Role, Channel>,
    sockets: Sockets,
    failed: mpsc::UnboundedSender<anyhow::Error>,
    failures: mpsc::UnboundedReceiver<anyhow::Error>,
    config: Config,
    bus: Option<async_nats::Client>,
    redis: Option<redis::Client>,
    console: Site,
}

impl Platform {
    /// Starts `roles` on bound sockets. Services that are not in this process are reached at their
    /// configured addresses; none has to be up. An edge serves `console` unless a folder is configured.
    pub(crate) async fn start(
        config: Config,
        roles: &[Role],
        sockets: Sockets,
        console: Site,
    ) -> anyhow::Result<Self> {
        let (failed, failures) = mpsc::unbounded_channel();
        let mut platform = Self {
            health: Health::default(),
            metrics: Metrics::default(),
            tasks: BTreeMap::new(),
            probes: Tasks::default(),
            local: BTreeMap::new(),
            sockets,
            failed,
            failures,
            bus: connect::bus(&config).await?,
            redis: connect::redis(&config)?,
            console,
            config,
        };
        platform.serve_probes();
        // Callees start before their callers.
        for role in Role::ALL.into_iter().filter(|role| roles.contains(role)) {
            platform.start_role(role).await?;
        }
        Ok(platform)
    }

    async fn start_role(&mut self, role: Role) -> anyhow::Result<()> {
        let tasks = self.tasks.entry(role).or_default().clone();
        match role {
            Role::Billing => self.start_billing(tasks).await,
            Role::Router => self.start_router(tasks).await,
            Role::ProviderWorker => self.start_worker(tasks).await,
            Role::Edge => self.start_edge(tasks).await,
        }
    }

    async fn start_billing(&mut self, tasks: Tasks) -> anyhow::Result<()> {
        let deps = billing::Deps {
            pool: connect::pool(&self.config, Owner::Billing)?,
            bus: self.bus.clone(),
            master_key: self.config.master_key()?,
            tasks: tasks.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
        };
        let service = billing::Service::start(self.config.billing.clone(), deps).await?;
        let routes = service.grpc();
        self.offer(Role::Billing, &tasks, Channel::local(routes.clone()), routes)
    }

    async fn start_router(&mut self, tasks: Tasks) -> anyhow::Result<()> {
        let deps = router::Deps {
            pool: connect::pool(&self.config, Owner::Catalog)?,
            bus: self.bus.clone(),
            redis: self.redis.clone(),
            billing: self.channel(Role::Router, Role::Billing)?,
            master_key: self.config.master_key()?,
            tasks: tasks.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
        };
        let service = router::Service::start(self.config.router.clone(), deps).await?;
        let routes = service.grpc();
        self.offer(Role::Router, &tasks, Channel::local(routes.clone()), routes)
    }

    async fn start_worker(&mut self, tasks: Tasks) -> anyhow::Result<()> {
        let deps = provider_worker::Deps {
            billing: self.channel(Role::ProviderWorker, Role::Billing)?,
            router: self.channel(Role::ProviderWorker, Role::Router)?,
            bus: self.bus.clone(),
            redis: self.redis.clone(),
            master_key: self.config.master_key()?,
            tasks: tasks.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
        };
        let service = provider_worker::Service::start(self.config.worker.clone(), deps).await?;
        let routes = service.grpc();
        self.offer(Role::ProviderWorker, &tasks, Channel::local(routes.clone()), routes)
    }

    async fn start_edge(&mut self, tasks: Tasks) -> anyhow::Result<()> {
        let deps = edge::Deps {
            pool: connect::pool(&self.config, Owner::Identity)?,
            router: self.channel(Role::Edge, Role::Router)?,
            worker: self.channel(Role::Edge, Role::ProviderWorker)?,
            billing: self.channel(Role::Edge, Role::Billing)?,
            bus: self.bus.clone(),
            redis: self.redis.clone(),
            console: self.console.clone(),
            master_key: self.config.master_key()?,
            tasks: tasks.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
        };
        let service = edge::Service::start(self.config.edge.clone(), deps).await?;
        if let Some(listener) = self.sockets.edge.take() {
            let failed = self.failed.clone();
            tasks.spawn(async move {
                if let Err(error) = service.serve(listener).await {
                    let _ = failed.send(error.into());
                }
            });
        }
        Ok(())
    }

    /// Puts a started service where its callers find it: in this process, and on its socket if it has one.
    fn offer(&mut self, role: Role, tasks: &Tasks, local: Channel, server: Routes) -> anyhow::Result<()> {
        self.local.insert(role, local);
        let Some(listener) = self.sockets.grpc.remove(&role) else { return Ok(()) };
        let (keys, failed) = (self.keys()?, self.failed.clone());
        let shutdown = tasks.shutdown().wait();
        tasks.spawn(async move {
            if let Err(error) = rpc::serve(listener, role, keys, server, shutdown).await {
                let _ = failed.send(error.into());
            }
        });
        Ok(())
    }

    /// The way from one service to another: in process where it can be.
    pub(crate) fn channel(&self, caller: Role, callee: Role) -> anyhow::Result<Channel> {
        if let Some(channel) = self.local.get(&callee) {
            return Ok(channel.clone());
        }
        let addresses = self.config.services.called(callee).map(|service| service.addresses.clone());
        Ok(Channel::remote(&addresses.unwrap_or_default(), caller, callee, self.keys()?)?)
    }

    fn keys(&self) -> anyhow::Result<ServiceKeys> {
        Ok(self.config.service_keys()?)
    }

    fn serve_probes(&mut self) {
        for listener in std::mem::take(&mut self.sockets.probes) {
            let (health, metrics) = (self.health.clone(), self.metrics.clone());
            let (shutdown, failed) = (self.probes.shutdown().clone(), self.failed.clone());
            self.probes.spawn(async move {
                if let Err(error) = serve_probes(listener, health, metrics, shutdown).await {
                    let _ = failed.send(error.into());
                }
            });
        }
    }

    /// Waits until every service says that it is ready, at most `limit`. Whether they are.
    pub(crate) async fn ready(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while !self.health.is_ready() {
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Runs until a signal, or until a service fails; then drains. A second signal cuts that short.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> anyhow::Result<()> {
        let failure = tokio::select! {
            () = signals.next() => None,
            failure = self.failures.recv() => failure,
        };
        tracing::info!("stopping");
        tokio::select! {
            () = self.drain() => {}
            () = signals.next() => tracing::warn!("stopped without waiting for running requests"),
        }
        failure.map_or(Ok(()), Err)
    }

    /// Ends the services, callers first, within the configured time.
    pub(crate) async fn drain(&self) {
        self.health.set("process", false);
        let until = Instant::now() + Duration::from_secs(self.config.services.drain_seconds);
        for role in DRAIN_ORDER {
            let Some(tasks) = self.tasks.get(&role) else { continue };
            if !tasks.drain(until.saturating_duration_since(Instant::now())).await {
                tracing::warn!(service = %role, "the service did not end in time");
            }
        }
        self.probes.drain(Duration::from_secs(1)).await;
    }
}

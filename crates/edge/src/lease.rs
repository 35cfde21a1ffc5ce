//! Reservations: long-lived sessions with every billing replica, over which the edge asks for leases, extends
//! them, and reports what became of each generation until it is told that the report is kept.

mod board;
mod outbox;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::{GenerationId, TenantId};
use lifecycle::Tasks;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::{Ask, Hello};
use rpc::worker::LeaseUse;

use crate::config::LeasesConfig;
use crate::metrics::Metrics;
use board::Board;
pub(crate) use outbox::{Outbox, Slot};
use session::Answer;

/// How often the set of billing replicas is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The reason of a denial that is none.
const UNAVAILABLE: &str = "unavailable";
/// The reason of a denial when the group was reserved before and is closed by now.
const CLOSED: &str = "closed";
/// How long to wait before billing is asked again that could not tell.
const NOT_NOW: Duration = Duration::from_millis(50);

/// What a request wants reserved from every account of its key.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) generation: GenerationId,
    pub(crate) tenant: TenantId,
    pub(crate) accounts: Vec<String>,
    pub(crate) want: Amount,
    /// With less the request is not worth executing.
    pub(crate) floor: Amount,
}

/// What was reserved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Granted {
    pub(crate) leases: Vec<LeaseUse>,
    /// From each account.
    pub(crate) amount: Amount,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotGranted {
    /// `credit`, `key_limit` or `unknown_account`, and what is available.
    #[error("the reservation was denied: {reason}")]
    Denied { reason: String, available: Amount },
    #[error("no billing replica answered in time")]
    Unavailable,
}

/// The sessions and what goes over them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Leases {
    board: Board,
    outbox: Outbox,
    config: Arc<LeasesConfig>,
    metrics: Metrics,
}

impl Leases {
    /// Opens a session with each replica of billing and keeps it open, until the stop has begun and every
    /// admitted generation is reported. `up` is told of each session that comes up.
    pub(crate) fn start(
        config: &LeasesConfig,
        edge_id: String,
        billing: Channel,
        tasks: &Tasks,
        metrics: &Metrics,
        up: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let board = Board::new(metrics.lease_sessions.clone());
        let outbox = Outbox::start(config, board.clone(), tasks, metrics);
        let leases = Self { board, outbox, config: Arc::new(config.clone()), metrics: metrics.clone() };
        let hello = Hello { edge_id, epoch: epoch() };
        tasks.spawn(leases.clone().follow_replicas(billing, hello, tasks.clone(), Arc::new(up)));
        leases
    }

    /// Reserves, asking another replica with the same group when one dies or is silent.
    ///
    /// # Errors
    /// [`NotGranted`]; whatever a late answer may still reserve is given back.
    pub(crate) async fn reserve(&self, wanted: &Reservation) -> Result<Granted, NotGranted> {
        let began = Instant::now();
        let outcome = self.ask_until_answered(wanted).await;
        self.metrics.lease_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.lease_asked(match &outcome {
            Ok(_) => "granted",
            Err(NotGranted::Denied { .. }) => "denied",
            Err(NotGranted::Unavailable) => "unavailable",
        });
        outcome
    }

    async fn ask_until_answered(&self, wanted: &Reservation) -> Result<Granted, NotGranted> {
        let deadline = tokio::time::Instant::now() + self.config.deadline_ms.get();
        let mut avoid = None;
        loop {
            let Ok(session) = tokio::time::timeout_at(deadline, self.board.pick(avoid)).await else {
                return Err(NotGranted::Unavailable);
            };
            avoid = Some(session.id());
            let until = deadline.min(tokio::time::Instant::now() + self.config.ask_again_ms.get());
            let ask = Ask {
                ask_id: self.board.next_id(),
                group_id: wanted.generation.uuid().to_string(),
                tenant_id: wanted.tenant.to_string(),
                account_ids: wanted.accounts.clone(),
                shared: false,
                want: wanted.want.nanos(),
                floor: wanted.floor.nanos(),
                trace: rpc::current_trace(),
            };
            match tokio::time::timeout_at(until, session.ask(ask)).await {
                Ok(Some(Answer::Granted(granted))) => {
                    let amount = Amount::from_nanos(granted.amount);
                    return Ok(Granted { leases: granted.leases, amount });
                }
                // Billing cannot tell at present, which says nothing of the account.
                Ok(Some(Answer::Denied(denied))) if denied.reason == UNAVAILABLE => {
                    if tokio::time::timeout_at(deadline, tokio::time::sleep(NOT_NOW)).await.is_err() {
                        return Err(NotGranted::Unavailable);
                    }
                }
                // The reservation ran out before its answer came, which says nothing of the account either.
                Ok(Some(Answer::Denied(denied))) if denied.reason == CLOSED => {
                    return Err(NotGranted::Unavailable);
                }
                Ok(Some(Answer::Denied(denied))) => {
                    let available = Amount::from_nanos(denied.available);
                    return Err(NotGranted::Denied { reason: denied.reason, available });
                }
                // The session ended under the ask, or its replica is silent.
                Ok(None) | Err(_) if tokio::time::Instant::now() >= deadline => {
                    return Err(NotGranted::Unavailable);
                }
                Ok(None) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(_) => {}
            }
        }
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    async fn follow_replicas(
        self,
        billing: Channel,
        hello: Hello,
        tasks: Tasks,
        up: Arc<dyn Fn() + Send + Sync>,
    ) {
        let mut followed: Vec<(Option<String>, tokio::task::AbortHandle)> = Vec::new();
        let idle = self.outbox.idle_after(tasks.shutdown().clone());
        tokio::pin!(idle);
        loop {
            let replicas = billing.each();
            let addresses: Vec<Option<String>> = replicas.iter().map(Channel::address).collect();
            followed.retain(|(address, task)| {
                let stays = addresses.contains(address);
                if !stays {
                    task.abort();
                }
                stays
            });
            for (channel, address) in replicas.into_iter().zip(addresses) {
                if followed.iter().any(|(known, _)| *known == address) {
                    continue;
                }
                let session = session::keep_open(
                    channel,
                    hello.clone(),
                    self.board.clone(),
                    self.config.heartbeat_ms.get(),
                    Arc::clone(&up),
                );
                followed.push((address, tasks.spawn(session).abort_handle()));
            }
            tokio::select! {
                () = &mut idle => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        for (_, task) in followed {
            task.abort();
        }
    }
}

/// Higher at each start of an edge, as long as the machine's clock is not set back between two starts.
fn epoch() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

//! Reservations. The edge keeps shared leases in memory and reserves from them without asking anybody; over
//! long-lived sessions with every billing replica it asks for more, extends them, gives back what it has no use
//! for, and reports what became of each generation until it is told that the report is kept.
//!
//! - [`pool`]: what is leased, and reserving from it.
//! - [`held`]: what one request has reserved, and what it came to.
//! - [`refill`], [`single`], [`ask`]: asking for shared leases, and for those of one request when money is tight.
//! - [`trim`]: giving back.
//! - [`session`], [`board`], [`outbox`]: the way to billing.

mod ask;
mod board;
mod held;
mod outbox;
mod pool;
mod refill;
mod session;
mod single;
mod trim;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::{GenerationId, GroupId, TenantId};
use lifecycle::Tasks;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::{Hello, Return, lease_up};
use tokio_util::task::TaskTracker;

use crate::config::LeasesConfig;
use crate::metrics::Metrics;
use board::Board;
pub(crate) use held::Held;
pub(crate) use outbox::{Outbox, Slot};
use pool::Need;
pub(crate) use pool::{Life, Name, Pool, Rules};
use turns::Turns;

/// How often the set of billing replicas is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The reason of a denial that what is known of a key's accounts is out of date.
const UNKNOWN_ACCOUNT: &str = "unknown_account";
/// How many asks for shared leases a request waits for before it asks for one of its own.
const MOST_REFILLS: u32 = 3;

/// What is to be reserved from one account.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) account_id: String,
    pub(crate) want: Amount,
    /// With less the request is not worth executing.
    pub(crate) floor: Amount,
}

/// What a request wants reserved, from all accounts or none.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) generation: GenerationId,
    pub(crate) tenant: TenantId,
    pub(crate) accounts: Vec<Wanted>,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotGranted {
    /// The kind of the account that is short or `unknown_account`, what is available there, and which it is.
    #[error("the reservation was denied: {reason}")]
    Denied { reason: String, available: Amount, account_id: String },
    #[error("no billing replica answered in time")]
    Unavailable,
}

impl NotGranted {
    /// Nobody pays.
    fn without_account() -> Self {
        let reason = UNKNOWN_ACCOUNT.to_owned();
        Self::Denied { reason, available: Amount::ZERO, account_id: String::new() }
    }

    pub(crate) fn is_unknown_account(&self) -> bool {
        matches!(self, Self::Denied { reason, .. } if reason == UNKNOWN_ACCOUNT)
    }
}

/// The pool, the sessions and what goes over them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Leases {
    board: Board,
    outbox: Outbox,
    pool: Arc<Pool>,
    config: Arc<LeasesConfig>,
    metrics: Metrics,
    tasks: Tasks,
    /// Groups that are given back without a slot of the outbox.
    returns: TaskTracker,
}

impl Leases {
    /// Opens a session with each replica of billing and keeps it open, until the stop has begun, every admitted
    /// generation is reported and every lease given back. `up` is told of each session that comes up.
    pub(crate) fn start(
        config: &LeasesConfig,
        edge_id: String,
        billing: Channel,
        tasks: &Tasks,
        metrics: &Metrics,
        up: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let board = Board::new(metrics.lease_sessions.clone());
        let leases = Self {
            outbox: Outbox::start(config, board.clone(), tasks, metrics),
            pool: Arc::new(Pool::new(Rules::of(config))),
            config: Arc::new(config.clone()),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            returns: TaskTracker::new(),
            board,
        };
        let edge = session::Edge {
            hello: Hello { edge_id, epoch: epoch() },
            board: leases.board.clone(),
            pool: Arc::clone(&leases.pool),
            heartbeat: config.heartbeat_ms.get(),
            up: Arc::new(up),
        };
        tasks.spawn(leases.clone().run(billing, edge));
        leases
    }

    /// Reserves from every account or none: from the pool when it has enough, which takes no round trip.
    ///
    /// # Errors
    /// [`NotGranted`]; nothing is reserved, and whatever a late answer may still reserve is given back.
    pub(crate) async fn reserve(&self, wanted: &Reservation) -> Result<Held, NotGranted> {
        self.reserve_as(wanted, false).await
    }

    /// Reserves more for a request that has a reservation, from the same accounts, all or none.
    ///
    /// # Errors
    /// [`NotGranted`]; nothing was added.
    pub(crate) async fn reserve_more(&self, more: &Reservation) -> Result<Held, NotGranted> {
        self.reserve_as(more, true).await
    }

    /// Gives a reservation back: nothing was or will be executed under it.
    pub(crate) fn give_back(&self, held: Held, slot: Slot) {
        let groups = held.release();
        if !groups.is_empty() {
            self.outbox.give_back(groups, slot);
        }
    }

    /// Gives back what was reserved beside a request's own reservation: nothing was or will be executed under it.
    pub(crate) fn release(&self, held: Held) {
        self.tell_returned(held.release());
    }

    async fn reserve_as(&self, wanted: &Reservation, is_more: bool) -> Result<Held, NotGranted> {
        if wanted.accounts.is_empty() {
            return Err(NotGranted::without_account());
        }
        let needs = self.pool.needs(
            wanted
                .accounts
                .iter()
                .map(|account| (account.account_id.as_str(), account.want.nanos(), account.floor.nanos())),
        );
        let deadline = tokio::time::Instant::now() + self.config.deadline_ms.get();
        let mut turns = Turns::default();
        let mut how = "pool";
        let mut asked = 0;
        loop {
            match self.pool.take(Instant::now(), &needs, |n| turns.has(n)) {
                Ok(mut taken) => {
                    drop(turns);
                    let held = Held::taken(&self.pool, &mut taken);
                    self.top_up(&needs, &taken.low, wanted.tenant);
                    if taken.tight.is_empty() {
                        self.metrics.reserved(how);
                        return Ok(held);
                    }
                    self.metrics.reserved("single");
                    let tight = taken.tight.iter().filter_map(|n| needs.get(*n).cloned()).collect();
                    return self.complete(wanted, &needs, tight, held, is_more, deadline).await;
                }
                Err(short) if turns.have(&short) => {
                    how = "refill";
                    asked += 1;
                    if asked > MOST_REFILLS {
                        // What comes is used by others or cannot be used: this one helps itself.
                        let accounts = short.iter().filter_map(|n| needs.get(*n));
                        accounts.for_each(|need| self.pool.tighten(&need.account));
                        continue;
                    }
                    let trace = rpc::current_trace();
                    let flights = short.iter().filter_map(|n| needs.get(*n));
                    let flights: Vec<_> =
                        flights.map(|need| self.refill(need, wanted.tenant, trace.clone())).collect();
                    for mut flight in flights {
                        // A flight whose task is gone is over as well.
                        let answered = flight.wait_for(|is_answered| *is_answered);
                        if tokio::time::timeout_at(deadline, answered).await.is_err() {
                            return Err(NotGranted::Unavailable);
                        }
                    }
                }
                Err(short) => {
                    how = "refill";
                    let widened = turns.widen(&needs, &short);
                    if tokio::time::timeout_at(deadline, widened).await.is_err() {
                        return Err(NotGranted::Unavailable);
                    }
                }
            }
        }
    }

    /// Reserves from the tight accounts what the pool did not have.
    async fn complete(
        &self,
        wanted: &Reservation,
        needs: &[Need],
        tight: Vec<Need>,
        mut held: Held,
        is_more: bool,
        deadline: tokio::time::Instant,
    ) -> Result<Held, NotGranted> {
        if let Err(error) = self.reserve_singly(wanted, &tight, &mut held, is_more, deadline).await {
            self.tell_returned(held.release());
            return Err(error);
        }
        let is_alike = needs.windows(2).all(|pair| pair[0].want == pair[1].want);
        if is_alike {
            // What one account cannot pay is not kept from the others.
            let amount = held.amount().nanos();
            held.shrink(needs, amount);
        }
        Ok(held)
    }

    /// Nothing was or will be executed under these groups.
    fn tell_returned(&self, groups: Vec<GroupId>) {
        if groups.is_empty() {
            return;
        }
        let (board, again) = (self.board.clone(), self.config.report_again_ms.get());
        let group_ids: Vec<String> = groups.iter().map(GroupId::to_string).collect();
        self.tasks.spawn(self.returns.track_future(async move {
            outbox::deliver(&board, again, |message_id| {
                lease_up::Message::Return(Return { group_ids: group_ids.clone(), message_id })
            })
            .await;
        }));
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Sees the leases through from the first session to the last word.
    async fn run(self, billing: Channel, edge: session::Edge) {
        let trimmer = self.tasks.spawn(self.clone().keep_trimmed()).abort_handle();
        let follower = self.tasks.spawn(follow_replicas(billing, edge, self.tasks.clone()));
        self.tasks.shutdown().begun().await;
        // What is idle serves others while the last requests are seen through.
        self.pool.close();
        self.outbox.idle_after(self.tasks.shutdown().clone()).await;
        self.give_up().await;
        self.returns.close();
        self.returns.wait().await;
        trimmer.abort();
        follower.abort();
    }
}

/// Keeps a session with each replica open, for as long as the task runs.
async fn follow_replicas(billing: Channel, edge: session::Edge, tasks: Tasks) {
    let mut followed = Followed::default();
    loop {
        let replicas = billing.each();
        let addresses: Vec<Option<String>> = replicas.iter().map(Channel::address).collect();
        followed.0.retain(|(address, task)| {
            let stays = addresses.contains(address);
            if !stays {
                task.abort();
            }
            stays
        });
        for (channel, address) in replicas.into_iter().zip(addresses) {
            if followed.0.iter().any(|(known, _)| *known == address) {
                continue;
            }
            let session = session::keep_open(channel, edge.clone());
            followed.0.push((address, tasks.spawn(session).abort_handle()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The replicas that are followed, and the tasks that do it: they end with whoever follows.
#[derive(Default)]
struct Followed(Vec<(Option<String>, tokio::task::AbortHandle)>);

impl Drop for Followed {
    fn drop(&mut self) {
        for (_, task) in &self.0 {
            task.abort();
        }
    }
}

/// Higher at each start of an edge, as long as the machine's clock is not set back between two starts.
fn epoch() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

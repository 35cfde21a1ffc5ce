//! What must reach billing: every admitted generation, reported until it is known to be kept.

use std::sync::Arc;
use std::time::Duration;

use identity::GroupId;
use lifecycle::{Shutdown, Tasks};
use prometheus_client::metrics::gauge::Gauge;
use rpc::billing::{Report, Return, Witness, lease_up};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::board::Board;
use super::held::Reported;
use crate::config::LeasesConfig;
use crate::metrics::{Metrics, Open};

/// Messages that are on their way at once.
const IN_FLIGHT: usize = 16;

/// The right and the duty to report one generation. Dropped without a report, it reports nothing: for
/// requests that came to nothing before anything was reserved.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
    _open: Open,
}

enum Item {
    Witness(Box<Witness>, Reported),
    /// The groups whose reservations are given back.
    Return(Vec<GroupId>),
}

/// Reports that wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<(Item, Slot)>,
    slots: Arc<Semaphore>,
    size: usize,
    unreported: Gauge,
}

impl Outbox {
    pub(super) fn start(config: &LeasesConfig, board: Board, tasks: &Tasks, metrics: &Metrics) -> Self {
        let size = config.max_unreported.get().min(Semaphore::MAX_PERMITS);
        let (queue, items) = mpsc::channel(size);
        let outbox = Self {
            queue,
            slots: Arc::new(Semaphore::new(size)),
            size,
            unreported: metrics.unreported.clone(),
        };
        let idle = outbox.idle_after(tasks.shutdown().clone());
        let deliveries = Deliveries {
            board,
            tasks: tasks.clone(),
            again: config.report_again_ms.get(),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
        };
        let (every, batch) = (config.report_every_ms.get(), config.report_batch.get());
        tasks.spawn(async move {
            tokio::select! {
                () = idle => {}
                () = gather(items, every, batch, deliveries) => {}
            }
        });
        outbox
    }

    /// A slot for one generation, or `None` when too many wait for billing already.
    pub(crate) fn slot(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        Some(Slot { _permit: permit, _open: Open::one(&self.unreported) })
    }

    /// Keeps the sessions up while it is held, though nothing is open: requests may still come.
    pub(crate) async fn stay(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Reports what became of a generation, under leases that are not done before billing knows.
    pub(crate) fn report(&self, witness: Witness, reported: Reported, slot: Slot) {
        self.put(Item::Witness(Box::new(witness), reported), slot);
    }

    /// Gives leases of single requests back: nothing was or will be executed under them.
    pub(super) fn give_back(&self, groups: Vec<GroupId>, slot: Slot) {
        self.put(Item::Return(groups), slot);
    }

    fn put(&self, item: Item, slot: Slot) {
        // There are as many places as slots, so only a queue that is closed refuses: at the very end.
        if self.queue.try_send((item, slot)).is_err() {
            tracing::error!("a generation could not be reported");
        }
    }

    /// Completes when the stop has begun and every slot is free again.
    pub(super) fn idle_after(&self, stop: Shutdown) -> impl Future<Output = ()> + Send + 'static {
        let (slots, size) = (Arc::clone(&self.slots), self.size);
        async move {
            stop.begun().await;
            while slots.available_permits() < size {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

struct Deliveries {
    board: Board,
    tasks: Tasks,
    again: Duration,
    in_flight: Arc<Semaphore>,
}

/// Makes batches of what comes and sends them on their way.
async fn gather(
    mut items: mpsc::Receiver<(Item, Slot)>,
    every: Duration,
    batch: usize,
    deliveries: Deliveries,
) {
    let mut gathered = Vec::with_capacity(batch);
    while items.recv_many(&mut gathered, batch).await > 0 {
        if gathered.len() < batch {
            tokio::time::sleep(every).await;
            while gathered.len() < batch
                && let Ok(item) = items.try_recv()
            {
                gathered.push(item);
            }
        }
        let Ok(permit) = Arc::clone(&deliveries.in_flight).acquire_owned().await else { return };
        let (mut witnesses, mut reported) = (Vec::new(), Vec::new());
        let (mut groups, mut slots) = (Vec::new(), Vec::new());
        for (item, slot) in gathered.drain(..) {
            match item {
                Item::Witness(witness, leases) => {
                    witnesses.push(*witness);
                    reported.push(leases);
                }
                Item::Return(given_back) => groups.extend(given_back.iter().map(GroupId::to_string)),
            }
            slots.push(slot);
        }
        let (board, again) = (deliveries.board.clone(), deliveries.again);
        deliveries.tasks.spawn(async move {
            if !witnesses.is_empty() {
                deliver(&board, again, |message_id| {
                    lease_up::Message::Report(Report { witnesses: witnesses.clone(), message_id })
                })
                .await;
                reported.into_iter().for_each(Reported::stored);
            }
            if !groups.is_empty() {
                deliver(&board, again, |message_id| {
                    lease_up::Message::Return(Return { group_ids: groups.clone(), message_id })
                })
                .await;
            }
            drop((slots, permit));
        });
    }
}

/// Tells it again, on another session when there is one, until it is known to be kept.
pub(super) async fn deliver(board: &Board, again: Duration, message: impl Fn(u64) -> lease_up::Message) {
    let mut avoid = None;
    loop {
        let session = board.pick(avoid).await;
        let id = board.next_id();
        match tokio::time::timeout(again, session.tell(id, message(id))).await {
            Ok(Some(())) => return,
            Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(_) => tracing::warn!("billing did not acknowledge a report in time, it is repeated"),
        }
        avoid = Some(session.id());
    }
}

//! One session with one billing replica.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{Ask, Denied, Granted, Heartbeat, Hello, LeaseDown, LeaseUp, lease_down, lease_up};
use rpc::{Channel, Fault};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use super::board::Board;
use super::pool::Pool;

/// Messages that wait to be sent.
const QUEUE: usize = 1_024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A session that lasted so long was a good one: the next may follow at once.
const GOOD: Duration = Duration::from_secs(5);
/// The status of a session that is refused because a later life of this edge is known.
const LATER_LIFE: u16 = 409;
/// Heartbeats whose answers may be under way.
const MOST_BEATS: usize = 64;

/// What billing answers to an ask.
#[derive(Debug)]
pub(super) enum Answer {
    Granted(Granted),
    Denied(Denied),
}

#[derive(Default)]
struct Waiting {
    /// The session has ended: nobody will be answered any more.
    is_over: bool,
    asks: HashMap<u64, oneshot::Sender<Answer>>,
    told: HashMap<u64, oneshot::Sender<()>>,
}

/// A session that is up.
pub(crate) struct Session {
    id: u64,
    up: mpsc::Sender<LeaseUp>,
    waiting: Mutex<Waiting>,
    open: AtomicUsize,
}

impl Session {
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// Questions and reports without an answer.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Asks, and waits for the answer. `None` when the session ends first.
    pub(super) async fn ask(&self, ask: Ask) -> Option<Answer> {
        let id = ask.ask_id;
        let (sender, receiver) = oneshot::channel();
        let _open = self.wait(
            |waiting| waiting.asks.insert(id, sender).is_none(),
            move |waiting| {
                waiting.asks.remove(&id);
            },
        )?;
        self.send(lease_up::Message::Ask(ask)).await?;
        receiver.await.ok()
    }

    /// Tells something that is answered with Stored under `message_id`, and waits until it is. `None` when
    /// the session ends first.
    pub(super) async fn tell(&self, message_id: u64, message: lease_up::Message) -> Option<()> {
        let (sender, receiver) = oneshot::channel();
        let _open = self.wait(
            |waiting| waiting.told.insert(message_id, sender).is_none(),
            move |waiting| {
                waiting.told.remove(&message_id);
            },
        )?;
        self.send(message).await?;
        receiver.await.ok()
    }

    async fn send(&self, message: lease_up::Message) -> Option<()> {
        self.up.send(LeaseUp { message: Some(message) }).await.ok()
    }

    /// Registers a waiter, and what forgets it again when the caller stops waiting.
    fn wait<F: FnOnce(&mut Waiting)>(
        &self,
        register: impl FnOnce(&mut Waiting) -> bool,
        forget: F,
    ) -> Option<Waiter<'_, F>> {
        let mut waiting = self.waiting();
        if waiting.is_over || !register(&mut waiting) {
            return None;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Waiter { session: self, forget: Some(forget) })
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an answer to whoever waits for it.
    fn take(&self, down: LeaseDown) {
        let mut waiting = self.waiting();
        match down.message {
            Some(lease_down::Message::Granted(granted)) => {
                if let Some(asker) = waiting.asks.remove(&granted.ask_id) {
                    // Who gave up asks elsewhere with the same group.
                    let _ = asker.send(Answer::Granted(granted));
                }
            }
            Some(lease_down::Message::Denied(denied)) => {
                if let Some(asker) = waiting.asks.remove(&denied.ask_id) {
                    let _ = asker.send(Answer::Denied(denied));
                }
            }
            Some(lease_down::Message::Stored(stored)) => {
                if let Some(teller) = waiting.told.remove(&stored.message_id) {
                    let _ = teller.send(());
                }
            }
            // Heard by whoever holds the session.
            Some(lease_down::Message::Recall(_) | lease_down::Message::Extended(_)) | None => {}
        }
    }

    /// Everybody who waits is told that no answer comes.
    fn end(&self) {
        *self.waiting() = Waiting { is_over: true, ..Waiting::default() };
    }
}

struct Waiter<'s, F: FnOnce(&mut Waiting)> {
    session: &'s Session,
    forget: Option<F>,
}

impl<F: FnOnce(&mut Waiting)> Drop for Waiter<'_, F> {
    fn drop(&mut self) {
        self.session.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(forget) = self.forget.take() {
            forget(&mut self.session.waiting());
        }
    }
}

/// Takes the session off the board when it ends, also when its task is dropped.
struct OnBoard {
    board: Board,
    session: Arc<Session>,
}

impl Drop for OnBoard {
    fn drop(&mut self) {
        self.board.remove(self.session.id);
        self.session.end();
    }
}

/// What every session of this edge shares.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) hello: Hello,
    pub(super) board: Board,
    pub(super) pool: Arc<Pool>,
    pub(super) heartbeat: Duration,
    /// Told of each session that comes up.
    pub(super) up: Arc<dyn Fn() + Send + Sync>,
}

/// Keeps a session with a replica open, for as long as the task runs.
pub(super) async fn keep_open(replica: Channel, edge: Edge) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = tokio::time::Instant::now();
        match hold(&replica, &edge).await {
            Ok(()) => {}
            // A fault with details is billing's own word.
            Err(status) if !status.details().is_empty() => {
                tracing::warn!(error = %status, "billing ended a session");
                if Fault::from_status(&status).status == LATER_LIFE {
                    // Whatever was leased belongs to nobody any more.
                    edge.pool.fence();
                }
            }
            Err(status) => tracing::debug!(error = %status, "no session with a billing replica"),
        }
        pause = if began.elapsed() >= GOOD { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        // Jitter: edges do not come back all at once.
        let share = rand::rng().random_range(0.5..1.0);
        tokio::time::sleep(pause.mul_f64(share)).await;
    }
}

/// One session from its beginning to its end.
async fn hold(replica: &Channel, edge: &Edge) -> Result<(), tonic::Status> {
    let (up, queue) = mpsc::channel(QUEUE);
    let first = LeaseUp { message: Some(lease_up::Message::Hello(edge.hello.clone())) };
    up.try_send(first).map_err(|_| tonic::Status::internal("a new queue is full"))?;
    let mut down =
        BillingClient::new(replica.clone()).lease_session(ReceiverStream::new(queue)).await?.into_inner();
    let session = Arc::new(Session {
        id: edge.board.next_id(),
        up: up.clone(),
        waiting: Mutex::default(),
        open: AtomicUsize::new(0),
    });
    edge.board.add(Arc::clone(&session));
    let on_board = OnBoard { board: edge.board.clone(), session };
    (edge.up)();
    let mut beats = Beats::default();
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + edge.heartbeat, edge.heartbeat);
    loop {
        tokio::select! {
            message = down.message() => match message? {
                Some(LeaseDown { message: Some(lease_down::Message::Recall(recall)) }) => {
                    edge.pool.recall(&recall.account_ids);
                }
                Some(LeaseDown { message: Some(lease_down::Message::Extended(extended)) }) => {
                    if let Some(sent) = beats.answered(extended.beat_id) {
                        edge.pool.extend(sent, Duration::from_millis(extended.expires_in_ms.into()));
                    }
                }
                Some(message) => on_board.session.take(message),
                None => return Ok(()),
            },
            _ = beat.tick() => {
                let beat_id = beats.next();
                let message = LeaseUp { message: Some(lease_up::Message::Heartbeat(Heartbeat { beat_id })) };
                // A full queue means that more than a heartbeat is on its way.
                let _ = up.try_send(message);
            }
        }
    }
}

/// When the last heartbeats of a session were sent.
#[derive(Default)]
struct Beats {
    last: u64,
    sent: VecDeque<(u64, Instant)>,
}

impl Beats {
    /// The id of a heartbeat that is sent after this.
    fn next(&mut self) -> u64 {
        self.last += 1;
        if self.sent.len() == MOST_BEATS {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last, Instant::now()));
        self.last
    }

    /// When it was sent; earlier ones are not answered any more.
    fn answered(&mut self, id: u64) -> Option<Instant> {
        while let Some((sent, at)) = self.sent.pop_front() {
            if sent == id {
                return Some(at);
            }
            if sent > id {
                self.sent.push_front((sent, at));
                return None;
            }
        }
        None
    }
}

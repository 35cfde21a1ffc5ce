//! One execution on one worker: what it sends is handed to the client, what becomes of the client is told it.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::canonical::FinishReason;
use dialect::error::ErrorType;
use rpc::Fault;
use rpc::worker::worker_client::WorkerClient;
use rpc::worker::{
    Commit, Done, ExecuteDown, ExecuteUp, Failed, Final, Grant, Start, Stop, execute_down, execute_up,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Client, Request, witness};
use crate::admission::Admitted;
use crate::http::reply::Refusal;
use crate::lease::{Held, NotGranted};
use crate::service::App;

/// Messages to the worker that wait: Start, Stop twice, Done, and the one Grant that it has not used yet.
const UP: usize = 8;
/// How long a worker may take to say what a request that was stopped has come to.
const AFTER_DEADLINE: Duration = Duration::from_secs(30);
/// How long a worker may take to close the stream once its Final is acknowledged.
const AFTER_DONE: Duration = Duration::from_secs(5);

/// How an execution ended.
pub(super) enum Ended {
    Final(Box<Final>),
    /// No attempt reached content; nothing is owed.
    Failed(Failed),
    /// The worker would not begin, and no other would: the request itself is the reason.
    Refused(Fault),
    /// The worker is gone, or never was reached.
    Lost(Status),
}

impl Ended {
    /// The word that counts it.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Final(_) => "final",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Lost(_) => "lost",
        }
    }
}

/// How far a request has come, over all of its executions.
pub(super) struct Progress {
    /// The current one, from 1.
    pub(super) execution: u32,
    pub(super) first_attempt: u32,
    /// The attempt that the current execution started last.
    pub(super) started: Option<u32>,
    pub(super) commit: Option<Commit>,
    /// Content deltas of the current execution.
    pub(super) deltas: u32,
    /// Something of the answer was handed to the client: there is no way back.
    pub(super) delivered: bool,
    deadline: Instant,
}

impl Progress {
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            execution: 0,
            first_attempt: 0,
            started: None,
            commit: None,
            deltas: 0,
            delivered: false,
            deadline,
        }
    }

    pub(super) fn may_execute_again(&self, executions: u32, client: &Client) -> bool {
        !self.delivered && self.execution < executions && !client.is_gone() && Instant::now() < self.deadline
    }

    /// Goes on after the attempt that was started last. When it was the plan's last one it is made again:
    /// that its worker is gone says nothing of the endpoint.
    pub(super) fn execute_again(&mut self, attempts: usize) {
        if let Some(started) = self.started.take() {
            let next = started.saturating_add(1);
            self.first_attempt = if (next as usize) < attempts { next } else { started };
        }
        self.commit = None;
        self.deltas = 0;
    }
}

/// How an answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// In one piece.
    Whole,
    /// Piece by piece, in frames that can also tell of an error.
    Events,
    /// Piece by piece, as the bytes of a medium.
    Bytes,
}

impl Delivery {
    pub(super) fn of(request: &Request) -> Self {
        match (request.peek.stream, request.peek.media_type) {
            (false, _) => Self::Whole,
            (true, None) => Self::Events,
            (true, Some(_)) => Self::Bytes,
        }
    }
}

/// Runs one execution to its end.
pub(super) async fn execute(
    app: &App,
    request: &Request,
    admitted: &mut Admitted,
    start: Start,
    progress: &mut Progress,
    client: &mut Client,
) -> Ended {
    let (delivery, received_at_ms) = (Delivery::of(request), start.received_at_ms);
    let (up, queue) = mpsc::channel(UP);
    let up = Up(up);
    up.send(execute_up::Message::Start(start));
    let call = WorkerClient::new(app.worker.clone())
        .max_decoding_message_size(rpc::MAX_MESSAGE)
        .max_encoding_message_size(rpc::MAX_MESSAGE)
        .execute(ReceiverStream::new(queue))
        .await;
    let down = match call {
        Ok(answer) => answer.into_inner(),
        Err(status) => return of_refusal(status),
    };
    let mut relay = Relay {
        app,
        request,
        admitted,
        delivery,
        up,
        progress,
        client,
        whole: BytesMut::new(),
        received_at_ms,
        extension: None,
        is_last: false,
    };
    let ended = relay.run(down).await;
    relay.give_back();
    ended
}

struct Up(mpsc::Sender<ExecuteUp>);

impl Up {
    fn send(&self, message: execute_up::Message) {
        // There is room for all that is ever said; a channel that is closed means a lost worker.
        let _ = self.0.try_send(ExecuteUp { message: Some(message) });
    }
}

/// More money on its way to a running answer.
type Extension = Pin<Box<dyn Future<Output = Result<Held, NotGranted>> + Send>>;

struct Relay<'r> {
    app: &'r App,
    request: &'r Request,
    admitted: &'r mut Admitted,
    delivery: Delivery,
    up: Up,
    progress: &'r mut Progress,
    client: &'r mut Client,
    /// The frames of an answer that is handed over in one piece.
    whole: BytesMut,
    received_at_ms: i64,
    extension: Option<Extension>,
    /// There was no more to be had.
    is_last: bool,
}

impl Relay<'_> {
    async fn run(&mut self, mut down: Streaming<ExecuteDown>) -> Ended {
        let (mut told_gone, mut told_deadline) = (false, false);
        let mut limit = std::pin::pin!(tokio::time::sleep_until(self.progress.deadline));
        loop {
            let message = tokio::select! {
                message = down.message() => message,
                added = arrived(&mut self.extension) => {
                    self.extension = None;
                    self.extended(added);
                    continue;
                }
                () = self.client.gone(), if !told_gone => {
                    told_gone = true;
                    self.up.send(stop("client_gone"));
                    continue;
                }
                () = &mut limit => {
                    if told_deadline {
                        return Ended::Lost(Status::deadline_exceeded("a worker did not end in time"));
                    }
                    told_deadline = true;
                    limit.as_mut().reset(Instant::now() + AFTER_DEADLINE);
                    self.up.send(stop("deadline"));
                    continue;
                }
            };
            match message {
                Ok(Some(ExecuteDown { message: Some(message) })) => {
                    if let Some(ended) = self.take(message).await {
                        self.up.send(execute_up::Message::Done(Done {}));
                        if let Ended::Final(last) = &ended {
                            self.conclude(last).await;
                        }
                        // Done is on its way as long as the stream is read.
                        let closed = async { while let Ok(Some(_)) = down.message().await {} };
                        let _ = tokio::time::timeout(AFTER_DONE, closed).await;
                        return ended;
                    }
                }
                Ok(Some(ExecuteDown { message: None })) => {}
                Ok(None) => return Ended::Lost(Status::unavailable("the worker ended without an outcome")),
                Err(status) => return Ended::Lost(status),
            }
        }
    }

    /// Takes one message; the last one ends the execution.
    async fn take(&mut self, message: execute_down::Message) -> Option<Ended> {
        match message {
            execute_down::Message::AttemptStarted(attempt) => self.progress.started = Some(attempt.n),
            execute_down::Message::Commit(commit) => self.progress.commit = Some(commit),
            execute_down::Message::Data(data) => {
                self.progress.deltas = data.deltas;
                self.extend(data.used_tokens);
                self.frames(data.frames).await;
            }
            execute_down::Message::Final(last) => {
                // Before the client hears the last of it: it may ask again at once.
                self.admitted.pass.settle(witness::tokens(&last));
                if self.delivery == Delivery::Whole {
                    let whole = self.whole.split().freeze();
                    self.hand_over(whole).await;
                }
                return Some(Ended::Final(Box::new(last)));
            }
            execute_down::Message::Failed(failed) => return Some(Ended::Failed(failed)),
        }
        None
    }

    /// Asks for more where the answer has used most of what is reserved for it.
    fn extend(&mut self, used_tokens: u64) {
        let Some(quantum) = &self.admitted.quantum else { return };
        if self.extension.is_none() && !self.is_last && quantum.is_low(used_tokens) {
            let (leases, more) = (self.app.leases.clone(), quantum.extension(self.request));
            self.extension = Some(Box::pin(async move { leases.reserve_more(&more).await }));
        }
    }

    /// The answer has ended: what is still on its way for it goes back.
    fn give_back(&mut self) {
        if let Some(extension) = self.extension.take() {
            let leases = self.app.leases.clone();
            self.app.tasks.spawn(async move {
                if let Ok(held) = extension.await {
                    leases.release(held);
                }
            });
        }
    }

    /// Hands on what was reserved for the rest of the answer, or that there is nothing more.
    fn extended(&mut self, added: Result<Held, NotGranted>) {
        let grant = match (added, &self.admitted.quantum) {
            (Ok(added), Some(quantum)) => {
                let (leases, amount) = (added.leases(), added.amount().nanos());
                let tokens = quantum.step();
                self.admitted.extend(added);
                Grant { amount, leases, tokens }
            }
            (outcome, _) => {
                tracing::debug!(
                    error = outcome.err().map(tracing::field::display),
                    "an answer is paid for no further"
                );
                self.is_last = true;
                Grant::default()
            }
        };
        self.up.send(execute_up::Message::Grant(grant));
    }

    /// Ends the answer: with an error where the frames could not tell of it.
    async fn conclude(&mut self, last: &Final) {
        if last.finish_reason != FinishReason::Error.as_str() {
            self.client.went_well();
        }
        if self.delivery == Delivery::Bytes && last.finish_reason == FinishReason::Error.as_str() {
            let message = "The provider failed while it answered.";
            self.client.refuse(Refusal::new(ErrorType::ProviderUnavailable, message)).await;
        }
        self.client.end();
    }

    async fn frames(&mut self, frames: Bytes) {
        if self.delivery != Delivery::Whole {
            self.hand_over(frames).await;
        } else {
            // Nothing of an answer in one piece is shown before the end, so that a worker that is lost
            // half-way costs the client nothing.
            self.whole.extend_from_slice(&frames);
        }
    }

    async fn hand_over(&mut self, frames: Bytes) {
        if frames.is_empty() || self.client.is_gone() {
            return;
        }
        if !self.progress.delivered {
            let waited = chrono::Utc::now().timestamp_millis().saturating_sub(self.received_at_ms);
            let waited = Duration::from_millis(u64::try_from(waited).unwrap_or_default());
            self.app.metrics.first_token_seconds.observe(waited.as_secs_f64());
        }
        // Only now: until something is shown, the request may still be executed again or fail with a status.
        let simulated = self.progress.commit.as_ref().is_some_and(|commit| commit.simulated);
        self.client.begin(simulated).await;
        if self.client.frames(frames).await {
            self.progress.delivered = true;
        }
    }
}

/// What an execution that did not begin has come to.
fn of_refusal(status: Status) -> Ended {
    let fault = Fault::from_status(&status);
    if !status.details().is_empty() && fault.status < 500 {
        Ended::Refused(fault)
    } else {
        Ended::Lost(status)
    }
}

/// What an extension came to. Never completes where there is none.
async fn arrived(extension: &mut Option<Extension>) -> Result<Held, NotGranted> {
    match extension {
        Some(extension) => extension.await,
        None => std::future::pending().await,
    }
}

fn stop(reason: &str) -> execute_up::Message {
    execute_up::Message::Stop(Stop { reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_goes_on_after_the_attempt_that_was_started_last() {
        let mut progress = Progress::new(Instant::now());
        progress.execute_again(3);
        assert_eq!(progress.first_attempt, 0);
        progress.started = Some(0);
        progress.execute_again(3);
        assert_eq!(progress.first_attempt, 1);
        progress.started = Some(2);
        progress.execute_again(3);
        assert_eq!((progress.first_attempt, progress.started), (2, None));
    }
}

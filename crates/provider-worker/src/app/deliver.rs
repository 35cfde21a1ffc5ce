//! Passing an answer on once it is committed to, and the end of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dialect::canonical::{Event, FinishReason};
use dialect::client::{AnswerEncoder, Bill, PublicError};
use dialect::error::ProviderError;
use rpc::worker::execute_down::Message as Down;
use rpc::worker::{Commit, Data};
use serde_json::Value;

use super::App;
use super::account::checkpoint;
use super::answer::Answer;
use super::edge::{Edge, Left};
use super::job::Planned;
use super::quantum::{Grants, used};
use super::tally::{Extent, Progress, Tally};

/// Frames that are there at once go out in one message up to this size.
const MESSAGE: usize = 16 * 1024;
/// The most that one message holds, well below what the edge takes: a thousand vectors are more.
const LARGEST: usize = rpc::MAX_MESSAGE / 2;
/// Bytes of text that a delta of one token has on average, at most.
const TOKEN: u64 = 8;
/// Bytes of text by which a few long tokens may pass that.
const SLACK: u64 = 16;
/// How long an answer whose quantum is used up waits for more.
const GRANT_WAIT: Duration = Duration::from_secs(5);

/// How an answer ended.
pub(crate) enum End {
    Good,
    /// The provider failed after content.
    Broken(ProviderError),
    /// Nobody waits for the rest.
    Left,
    /// Nobody pays for more of it.
    Spent,
}

/// An answer on its way to the client.
pub(crate) struct Delivery<'a> {
    app: &'a App,
    planned: &'a Arc<Planned>,
    pub(crate) tally: Tally,
    encoder: Box<dyn AnswerEncoder>,
    /// Frames that have not been sent yet.
    frames: Vec<u8>,
    checkpointed: (Instant, Progress),
}

impl<'a> Delivery<'a> {
    /// An answer that is committed to; what the tally knows of it is yet to be passed on.
    pub(crate) fn new(app: &'a App, planned: &'a Arc<Planned>, tally: Tally, routing: Option<Value>) -> Self {
        let job = &planned.job;
        let envelope = job.envelope(planned.attempt(), routing);
        let mut encoder = job.dialect.answer(envelope, Some(&job.task), job.start.stream);
        let mut frames = Vec::new();
        for sent in job.echoes().take() {
            encoder.echo(&sent, &mut frames);
        }
        Self { app, planned, tally, encoder, frames, checkpointed: (Instant::now(), Progress::default()) }
    }

    /// Commits to the attempt, passes on what was held back and then what comes, until the answer ends.
    pub(crate) async fn run(&mut self, edge: &mut Edge, held: Vec<Event>, answer: &mut Answer) -> End {
        if let Err(Left) = edge.send(Down::Commit(self.commit())).await {
            return End::Left;
        }
        let mut events = held;
        loop {
            if let Err(end) = self.pass(edge, &mut events).await {
                return end;
            }
            // What is there already goes along.
            if self.frames.len() < MESSAGE {
                match answer.ready(self.planned, &mut events) {
                    Ok(true) => {
                        self.note(&events);
                        continue;
                    }
                    Ok(false) => {}
                    Err(error) => return End::Broken(error),
                }
            }
            if let Err(Left) = self.flush(edge).await {
                return End::Left;
            }
            match self.is_paid_for(edge).await {
                Ok(true) => {}
                Ok(false) => return End::Spent,
                Err(Left) => return End::Left,
            }
            let next = tokio::select! {
                next = answer.next(self.planned, &mut events) => next,
                _ = edge.leaves() => return End::Left,
            };
            match next {
                Ok(true) => self.note(&events),
                Ok(false) => return End::Good,
                Err(error) => return End::Broken(error),
            }
        }
    }

    fn commit(&self) -> Commit {
        let attempt = self.planned.attempt();
        Commit {
            n: u32::try_from(self.planned.n).unwrap_or(u32::MAX),
            model: attempt.model.clone(),
            provider_name: attempt.provider_name.clone(),
            simulated: attempt.simulated,
        }
    }

    fn note(&mut self, events: &[Event]) {
        for event in events {
            self.tally.see(event, &self.app.counter);
        }
    }

    /// Turns events, which are in the tally already, into frames.
    async fn pass(&mut self, edge: &mut Edge, events: &mut Vec<Event>) -> Result<(), End> {
        for event in events.drain(..) {
            if let Event::Failure(error) = event {
                return Err(End::Broken(error));
            }
            self.encoder.event(event, &mut self.frames);
            if self.frames.len() >= MESSAGE {
                self.flush(edge).await.map_err(|Left| End::Left)?;
            }
        }
        Ok(())
    }

    /// Passes frames on. What is to be written down is written first, so that not even a worker that dies at once,
    /// alone or with its edge, leaves what the client has of it unaccounted for.
    async fn flush(&mut self, edge: &mut Edge) -> Result<(), Left> {
        if self.outruns_the_edge() || self.is_checkpoint_due() {
            self.checkpoint(edge.grants().clone()).await;
        }
        self.send(edge).await
    }

    async fn send(&mut self, edge: &mut Edge) -> Result<(), Left> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let deltas = self.tally.progress.deltas;
        let is_quantum = self.planned.job.start.quantum_tokens.is_some();
        let used_tokens = if is_quantum { used(self.tally.progress) } else { 0 };
        let mut frames = Bytes::from(std::mem::take(&mut self.frames));
        while frames.len() > LARGEST {
            edge.send(Down::Data(Data { frames: frames.split_to(LARGEST), deltas, used_tokens })).await?;
        }
        edge.send(Down::Data(Data { frames, deltas, used_tokens })).await
    }

    /// Whether the edge, which takes each delta since the last checkpoint for a token, would count too little:
    /// at the first content, which settles the prompt, and where deltas carry many tokens.
    fn outruns_the_edge(&self) -> bool {
        let (deltas, text_bytes) = self.since_checkpoint();
        let is_first = self.checkpointed.1.deltas == 0;
        let is_fat = text_bytes > u64::from(deltas) * TOKEN + SLACK;
        deltas > 0
            && (is_first || is_fat)
            && self.planned.job.start.stream
            && self.tally.is_cheap(self.planned)
    }

    fn is_checkpoint_due(&self) -> bool {
        let config = &self.app.config;
        let (deltas, _) = self.since_checkpoint();
        let age = self.checkpointed.0.elapsed();
        deltas > 0
            && (deltas >= config.checkpoint_deltas || age >= Duration::from_millis(config.checkpoint_ms))
            && self.planned.job.start.stream
    }

    /// Deltas and bytes of text that no checkpoint has.
    fn since_checkpoint(&self) -> (u32, u64) {
        let (now, then) = (self.tally.progress, self.checkpointed.1);
        (now.deltas - then.deltas, now.text_bytes - then.text_bytes)
    }

    /// Whether there is money for more of the answer. Where the reservation is a quantum that is used up, waits for
    /// the edge to extend it.
    async fn is_paid_for(&mut self, edge: &mut Edge) -> Result<bool, Left> {
        let Some(quantum) = self.planned.job.start.quantum_tokens else { return Ok(true) };
        let used = used(self.tally.progress);
        if used < quantum.saturating_add(edge.grants().tokens()) {
            return Ok(true);
        }
        // Nothing may come while nobody reads: an upstream that is slow to be read is not slow to answer.
        let more = edge.more_than(used.saturating_sub(quantum));
        tokio::time::timeout(GRANT_WAIT, more).await.unwrap_or(Ok(false))
    }

    /// Ends an answer that nobody pays for any further, as one that has reached its length.
    pub(crate) fn cut_short(&mut self) {
        let finish = Event::Finish { choice: 0, reason: FinishReason::Length, native: String::new() };
        self.tally.see_end(&finish);
        self.encoder.event(finish, &mut self.frames);
    }

    /// Writes down how far the stream has come.
    async fn checkpoint(&mut self, grants: Grants) {
        self.checkpointed = (Instant::now(), self.tally.progress);
        let (usage, source) = self.tally.usage(Extent::Part, self.planned, &self.app.counter).await;
        let mut checkpoint = checkpoint(self.planned, &self.tally, &usage, source);
        if grants.amount() > 0 {
            let start = &self.planned.job.start;
            (checkpoint.reserved, checkpoint.leases) = grants.on_top_of(start.reserved, &start.leases);
        }
        if let Err(error) = self.app.spool.checkpoint(checkpoint) {
            tracing::warn!(%error, "a checkpoint could not be written");
        }
    }

    /// Passes on what ends the answer, once it is written down: its usage and cost, or the error that broke it.
    pub(crate) async fn end(
        mut self,
        edge: &mut Edge,
        bill: &Bill,
        broken: Option<&PublicError>,
    ) -> Result<(), Left> {
        match broken {
            None => self.encoder.finish(bill, &mut self.frames),
            Some(error) => self.encoder.fail(error, Some(bill), &mut self.frames),
        }
        self.send(edge).await
    }
}

/// Reads what an endpoint still says of an answer that nobody waits for, because it bills on anyway. Whether
/// it came to its end.
pub(crate) async fn drain(answer: &mut Answer, planned: &Planned, tally: &mut Tally, wait: Duration) -> bool {
    answer.hurry(tokio::time::Instant::now() + wait);
    let mut events = Vec::new();
    loop {
        let more = answer.next(planned, &mut events).await;
        for event in events.drain(..) {
            if matches!(event, Event::Failure(_)) {
                return false;
            }
            tally.see_end(&event);
        }
        match more {
            Ok(true) => {}
            // What is no conversation is whole when it could be read.
            Ok(false) => return tally.finish.is_some() || planned.job.task.chat().is_none(),
            Err(_) => return false,
        }
    }
}

/// The finish that a broken answer has.
pub(crate) fn break_off(tally: &mut Tally) {
    let native = tally.finish.take().map(|(_, native)| native).unwrap_or_default();
    tally.finish = Some((FinishReason::Error, native));
}

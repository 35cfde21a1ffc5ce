//! The one retry loop over a plan's attempts, for all dialects.

use std::sync::Arc;
use std::time::Duration;

use dialect::canonical::Event;
use dialect::error::{ProviderError, Retry};
use rpc::events::UsageRecord;
use rpc::router::Attempt;
use rpc::worker::execute_down::Message as Down;
use rpc::worker::{AttemptOutcome, AttemptStarted};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::answer::{Answer, Limits};
use super::edge::Edge;
use super::job::{Job, Planned};
use super::order::Order;
use super::refusal::Failure;
use super::tally::Tally;
use super::{App, attempt};
use crate::shares::{Crowded, Place};

/// An attempt is not begun with less time than this.
const LEAST: Duration = Duration::from_secs(1);

/// One execution of one generation.
pub(crate) struct Execution {
    pub(super) app: Arc<App>,
    pub(super) job: Arc<Job>,
    pub(super) edge: Edge,
    pub(super) opening: UsageRecord,
    pub(super) outcomes: Vec<AttemptOutcome>,
    pub(super) failures: Vec<Failure>,
    deadline: Instant,
    _slot: Slot,
}

/// A place among the executions that run at once.
pub(crate) struct Slot {
    app: Arc<App>,
    tenant: String,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Takes a place for a tenant.
    ///
    /// # Errors
    /// [`Crowded`] when all places are taken, or the rest is for tenants that have fewer.
    pub(crate) fn take(app: &Arc<App>, tenant: &str) -> Result<Self, Crowded> {
        let mut room = app.room();
        room.admits(tenant, app.config.max_executions)?;
        let permit = Arc::clone(&app.slots).try_acquire_owned().map_err(|_| Crowded::Full)?;
        room.enter(tenant);
        app.metrics.executions.inc();
        Ok(Self { app: Arc::clone(app), tenant: tenant.to_owned(), _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.app.room().leave(&self.tenant);
        self.app.metrics.executions.dec();
    }
}

/// What came of one attempt.
enum Turn {
    /// The execution is over and accounted for.
    Ended,
    Failed(ProviderError),
}

/// What came of an answer before any of it was passed on.
enum Begun {
    /// Content, or a whole answer: these events are to be passed on.
    Good(Vec<Event>),
    Failed(ProviderError),
    Left,
}

impl Execution {
    pub(crate) fn new(app: Arc<App>, job: Job, edge: Edge, opening: UsageRecord, slot: Slot) -> Self {
        let total = Duration::from_millis(u64::from(app.config.total_ms));
        Self {
            app,
            job: Arc::new(job),
            edge,
            opening,
            outcomes: Vec::new(),
            failures: Vec::new(),
            deadline: Instant::now() + total,
            _slot: slot,
        }
    }

    /// Runs the execution to its end. Must not be dropped before.
    pub(crate) async fn run(mut self) {
        let mut order = Order::new(self.job.start.first_attempt as usize, self.job.start.attempts.len());
        while let Some(n) = self.choose(&mut order) {
            let is_last = order.is_empty();
            let span = tracing::info_span!(
                "attempt",
                n,
                provider = self.job.attempt(n).map(|attempt| &*attempt.provider),
                model = self.job.attempt(n).map(|attempt| &*attempt.model),
            );
            self.note_skipped(&order, n);
            match self.attempt(n, is_last).instrument(span).await {
                Turn::Ended => return,
                Turn::Failed(error) => {
                    if error.retry == Retry::Never {
                        // Another model may take what this one never will.
                        let model = self.job.attempt(n).map(|attempt| attempt.model.clone());
                        let job = &self.job;
                        order.retain(|n| job.attempt(n).map(|attempt| &attempt.model) != model.as_ref());
                    }
                    self.failures.push(Failure { n, error });
                }
            }
        }
        self.note_skipped(&order, usize::MAX);
        self.give_up().await;
    }

    /// The next attempt to make, within the deadline and the retry budget.
    fn choose(&self, order: &mut Order) -> Option<usize> {
        let now = std::time::Instant::now();
        let is_first = self.failures.is_empty();
        if order.is_empty() {
            return None;
        }
        if self.deadline.saturating_duration_since(Instant::now()) < LEAST {
            tracing::info!("no attempt is made for want of time");
            return None;
        }
        let (app, job) = (&self.app, &self.job);
        let tenant = job.start.tenant_id.as_str();
        if !is_first && !app.budgets.allows_tenant(tenant, now) {
            tracing::warn!("no further attempt is made: the tenant's retry budget is spent");
            return None;
        }
        let may_go = |attempt: &Attempt| {
            (is_first || app.budgets.allows_endpoint(&attempt.endpoint_id, now))
                && app.endpoints.admits(tenant, attempt).is_ok()
        };
        let n =
            order.next(|n| job.attempt(n).is_some_and(|one| may_go(one) && app.breakers.admits(one, now)))?;
        if is_first {
            let endpoints = job.start.attempts.iter().map(|attempt| attempt.endpoint_id.as_str());
            app.budgets.earn(tenant, endpoints);
            return Some(n);
        }
        let endpoint = job.attempt(n).map(|attempt| attempt.endpoint_id.as_str()).unwrap_or_default();
        if app.budgets.spend(tenant, endpoint, now) {
            return Some(n);
        }
        tracing::warn!("no further attempt is made: the retry budgets are spent");
        None
    }

    /// Keeps the outcome of attempts that were passed over, but for one that is made after all.
    fn note_skipped(&mut self, order: &Order, made: usize) {
        self.outcomes.retain(|outcome| outcome.n as usize != made);
        for n in order.skipped() {
            if !self.outcomes.iter().any(|outcome| outcome.n as usize == n) {
                self.note_attempt(n, "skipped", None, Duration::ZERO);
            }
        }
    }

    async fn attempt(&mut self, n: usize, is_last: bool) -> Turn {
        let Some(planned) = Planned::read(&self.job, n).map(Arc::new) else {
            tracing::error!("the plan's data of an attempt are malformed");
            let error = attempt::ours("The endpoint is not set up correctly.");
            self.failed(n, &error, Duration::ZERO);
            return Turn::Failed(error);
        };
        let _place = match self.take_place(&planned).await {
            Ok(place) => place,
            Err(turn) => return turn,
        };
        let started = AttemptStarted { n: u32::try_from(n).unwrap_or(u32::MAX) };
        if self.edge.send(Down::AttemptStarted(started)).await.is_err() {
            self.leave(&planned, None).await;
            return Turn::Ended;
        }
        let began = Instant::now();
        let limits =
            Limits::of(planned.attempt(), &self.app.config, self.job.task.is_streamed(), self.deadline);
        let mut tally = Tally::of(&self.job.task);
        let mut answer = match self.call(&planned, limits).await {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                self.leave(&planned, None).await;
                return Turn::Ended;
            }
            Err(error) => {
                self.failed(n, &error, began.elapsed());
                return Turn::Failed(error);
            }
        };
        match self.begin(&planned, &mut answer, &mut tally, is_last).await {
            Begun::Good(events) => {
                self.serve(&planned, answer, tally, events).await;
                Turn::Ended
            }
            Begun::Failed(error) => {
                self.failed(n, &error, began.elapsed());
                Turn::Failed(error)
            }
            Begun::Left => {
                self.leave(&planned, Some((answer, tally))).await;
                Turn::Ended
            }
        }
    }

    /// Takes a place at the endpoint, or finds that there is none for this tenant.
    async fn take_place(&mut self, planned: &Arc<Planned>) -> Result<Option<Place>, Turn> {
        let began = Instant::now();
        let endpoints = self.app.endpoints.clone();
        let place = tokio::select! {
            place = endpoints.enter(&self.job.start.tenant_id, planned.attempt()) => place,
            _ = self.edge.leaves() => {
                self.leave(planned, None).await;
                return Err(Turn::Ended);
            }
        };
        place.map_err(|crowded| {
            let error = attempt::crowded(planned.attempt(), crowded);
            // It says nothing of the endpoint, which was not asked.
            self.note_failure(planned.n, &error, began.elapsed());
            Turn::Failed(error)
        })
    }

    /// Calls the endpoint. `None` when everybody left meanwhile; an endpoint that bills on is still heard.
    async fn call(
        &mut self,
        planned: &Arc<Planned>,
        limits: Limits,
    ) -> Result<Option<Answer>, ProviderError> {
        let call = attempt::call(&self.app, planned, limits);
        tokio::pin!(call);
        tokio::select! {
            answer = &mut call => return answer.map(Some),
            _ = self.edge.leaves() => {}
        }
        if planned.attempt().cancel_stops_billing || self.edge.stopped().is_some() {
            return Ok(None);
        }
        // Goes on with the answer: the next look at the edge finds that nobody waits for it.
        let wait = Duration::from_millis(self.app.config.drain_ms);
        Ok(tokio::time::timeout(wait, call).await.ok().and_then(Result::ok))
    }

    /// Reads an answer up to its first content, or to its end when it is not streamed.
    async fn begin(
        &mut self,
        planned: &Planned,
        answer: &mut Answer,
        tally: &mut Tally,
        is_last: bool,
    ) -> Begun {
        let mut held: Vec<Event> = Vec::new();
        loop {
            let seen = held.len();
            let more = tokio::select! {
                more = answer.next(planned, &mut held) => more,
                _ = self.edge.leaves() => return Begun::Left,
            };
            for event in &held[seen..] {
                // Content and failure may come at once: what a stream's client can have, it gets.
                if let Event::Failure(error) = event
                    && !(self.job.start.stream && tally.has_content())
                {
                    return Begun::Failed(error.clone());
                }
                tally.see(event, &self.app.counter);
            }
            if tally.has_content() && self.job.start.stream {
                answer.content_came();
                return Begun::Good(held);
            }
            match more {
                Ok(true) => {}
                Ok(false) if tally.is_empty() && !is_last => {
                    let name = &planned.attempt().provider_name;
                    return Begun::Failed(ProviderError::broken(&format!("{name} gave an empty answer")));
                }
                Ok(false) => return Begun::Good(held),
                Err(error) => return Begun::Failed(error),
            }
        }
    }
}

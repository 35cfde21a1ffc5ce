//! How an execution ends: every way out writes its account down before the last word leaves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dialect::canonical::{Event, FinishReason};
use dialect::client::PublicError;
use dialect::error::{ErrorType, ProviderError, Retry};
use rpc::events::UsageRecord;
use rpc::worker::execute_down::Message as Down;

use super::account::{Served, millis, outcome, summary};
use super::answer::Answer;
use super::deliver::{Delivery, End, break_off, drain};
use super::edge::Stopped;
use super::execute::Execution;
use super::job::Planned;
use super::refusal::{Failure, public_error, refusal};
use super::routing;
use super::tally::{Extent, Tally};
use crate::breaker::Sighting;
use crate::metrics::AttemptLabels;

impl Execution {
    /// Passes a good answer on and accounts for it.
    pub(super) async fn serve(
        &mut self,
        planned: &Arc<Planned>,
        mut answer: Answer,
        tally: Tally,
        held: Vec<Event>,
    ) {
        let app = Arc::clone(&self.app);
        app.breakers.answered(planned.attempt(), tally.began(), Instant::now());
        let routing = routing::told(&self.job, &self.outcomes, Some(planned.n));
        let mut delivery = Delivery::new(&app, planned, tally, routing.clone());
        let end = delivery.run(&mut self.edge, held, &mut answer).await;
        let end = match (end, self.edge.stopped()) {
            (End::Left, Some(why)) => End::Broken(stopped(why)),
            (end, _) => end,
        };
        let is_left = matches!(end, End::Left);
        let is_spent = matches!(end, End::Spent);
        let (extent, failure) = match end {
            End::Good => (Extent::Whole, None),
            End::Broken(error) => {
                drop(answer);
                break_off(&mut delivery.tally);
                (Extent::Part, Some(error))
            }
            End::Left => (self.unwanted(answer, planned, &mut delivery.tally).await, None),
            End::Spent => {
                drop(answer);
                delivery.cut_short();
                (Extent::Part, None)
            }
        };
        let mut good = None;
        match &failure {
            None if is_left => self.note_attempt(planned.n, "cancelled", None, delivery.tally.elapsed()),
            None => good = self.succeeded(planned, &delivery.tally),
            Some(error) => self.broke(planned.n, error, &delivery.tally),
        }
        let calls = std::mem::take(&mut delivery.tally.calls);
        let began = delivery.tally.began();
        let (served, reserved) = self.price(planned, &mut delivery.tally, extent).await;
        let record = UsageRecord {
            cancelled: is_left,
            partial: extent == Extent::Part && delivery.tally.has_content() && !is_spent,
            attempts: std::mem::take(&mut self.outcomes),
            ..served.record(std::mem::take(&mut self.opening), planned, &delivery.tally, reserved)
        };
        let last = Down::Final(summary(&record));
        self.write_down(record).await;
        if !is_left {
            let broken = failure.map(|error| PublicError {
                routing,
                ..public_error(&self.job, &Failure { n: planned.n, error })
            });
            // A client that leaves now had all but the last words; the account stands as it is.
            let _ = delivery.end(&mut self.edge, served.bill(), broken.as_ref()).await;
        }
        self.say_last(last).await;
        if let Some(sighting) = good {
            // Nobody waits for this.
            let sighting = sighting.with_tools(calls.judge(planned).await);
            app.breakers.see(planned.attempt(), sighting, began, Instant::now());
        }
    }

    /// Nobody waits any more, before any of an answer was passed on.
    pub(super) async fn leave(&mut self, planned: &Arc<Planned>, begun: Option<(Answer, Tally)>) {
        if let Some(why) = self.edge.stopped() {
            drop(begun);
            let error = stopped(why);
            self.failed(planned.n, &error, self.job.began.elapsed());
            self.failures.push(Failure { n: planned.n, error });
            return self.give_up().await;
        }
        let mut record = UsageRecord { cancelled: true, ..std::mem::take(&mut self.opening) };
        let mut elapsed = Duration::ZERO;
        if let Some((answer, mut tally)) = begun {
            elapsed = tally.elapsed();
            // What was read but not passed on is no delivery.
            tally.forget_content();
            let extent = self.unwanted(answer, planned, &mut tally).await;
            if extent == Extent::Whole && !tally.is_insured() {
                let (served, reserved) = self.price(planned, &mut tally, extent).await;
                record = served.record(record, planned, &tally, reserved);
            }
        }
        self.note_attempt(planned.n, "cancelled", None, elapsed);
        record.attempts = std::mem::take(&mut self.outcomes);
        let last = Down::Final(summary(&record));
        self.write_down(record).await;
        self.say_last(last).await;
    }

    /// No attempt served.
    pub(super) async fn give_up(&mut self) {
        let attempts = std::mem::take(&mut self.outcomes);
        let record = UsageRecord {
            finish_reason: FinishReason::Error.as_str().to_owned(),
            attempts: attempts.clone(),
            ..std::mem::take(&mut self.opening)
        };
        self.write_down(record).await;
        let routing = routing::told(&self.job, &attempts, None);
        let failed = rpc::worker::Failed { attempts, ..refusal(&self.job, &self.failures, routing) };
        self.say_last(Down::Failed(failed)).await;
    }

    /// Nobody waits for the rest of an answer: the upstream is stopped where that stops its bill and what was
    /// delivered can be counted here, else heard to its end. How much of the answer its own count covers.
    async fn unwanted(&self, mut answer: Answer, planned: &Planned, tally: &mut Tally) -> Extent {
        if planned.attempt().cancel_stops_billing && tally.is_countable(planned) {
            return Extent::Part;
        }
        let wait = Duration::from_millis(self.app.config.drain_ms);
        if drain(&mut answer, planned, tally, wait).await { Extent::Whole } else { Extent::Part }
    }

    async fn price(&self, planned: &Arc<Planned>, tally: &mut Tally, extent: Extent) -> (Served, i64) {
        let reserved = self.job.start.reserved.saturating_add(self.edge.grants().amount());
        let (usage, source) = tally.usage(extent, planned, &self.app.counter).await;
        let served = Served::new(planned, usage, source, reserved);
        if tally.is_insured() {
            return (served.waived(), reserved);
        }
        let absorbed = u64::try_from(served.absorbed().nanos()).unwrap_or_default();
        if absorbed > 0 {
            tracing::warn!(nanos = absorbed, "a charge is above its reservation; the rest is absorbed");
            self.app.metrics.absorbed_nanos.inc_by(absorbed);
        }
        (served, reserved)
    }

    async fn write_down(&self, mut record: UsageRecord) {
        self.edge.grants().note(&self.job.start, &mut record);
        if let Err(error) = self.app.spool.finish(record).await {
            tracing::error!(%error, generation.id = %self.job.key.generation, "an account could not be kept");
        }
    }

    async fn say_last(&mut self, message: Down) {
        let wait = Duration::from_millis(self.app.config.done_wait_ms);
        let is_acknowledged = self.edge.settle(message, wait).await;
        self.app.spool.ended(self.job.key, is_acknowledged);
    }

    /// An answer came to its end. What it shows of the endpoint, unless that is a fault, which is told at once.
    fn succeeded(&mut self, planned: &Planned, tally: &Tally) -> Option<Sighting> {
        let is_good = !tally.is_insured() && !matches!(tally.finish, Some((FinishReason::Error, _)));
        if tally.has_content() {
            self.app.metrics.first_token.observe(tally.first_token().as_secs_f64());
        }
        self.note_attempt(planned.n, if is_good { "ok" } else { "fault" }, None, tally.elapsed());
        if !is_good {
            self.app.breakers.see(planned.attempt(), Sighting::Fault, tally.began(), Instant::now());
            return None;
        }
        Some(Sighting::Success {
            first_token: tally.first_token(),
            generation: tally.generation(),
            output_tokens: if planned.job.task.chat().is_some() { tally.output_tokens() } else { 0 },
            tools: None,
        })
    }

    /// An attempt failed: tells the breaker and keeps its outcome.
    pub(super) fn failed(&mut self, n: usize, error: &ProviderError, elapsed: Duration) {
        self.judge(n, sighting(error), elapsed);
        self.note_failure(n, error, elapsed);
    }

    /// An answer broke that the client has seen the beginning of. It counts against the endpoint whatever broke it,
    /// but for what lies in the request.
    fn broke(&mut self, n: usize, error: &ProviderError, tally: &Tally) {
        let is_theirs = tally.has_content() && error.retry != Retry::Never;
        let sighting = if is_theirs { Some(Sighting::Fault) } else { sighting(error) };
        self.judge(n, sighting, tally.elapsed());
        self.note_failure(n, error, tally.elapsed());
    }

    fn judge(&self, n: usize, sighting: Option<Sighting>, elapsed: Duration) {
        let now = Instant::now();
        if let (Some(attempt), Some(sighting)) = (self.job.attempt(n), sighting) {
            self.app.breakers.see(attempt, sighting, now.checked_sub(elapsed).unwrap_or(now), now);
        }
    }

    pub(super) fn note_failure(&mut self, n: usize, error: &ProviderError, elapsed: Duration) {
        let outcome = match error.error_type {
            ErrorType::RateLimitExceeded => "rate_limited",
            ErrorType::Timeout => "timeout",
            _ if error.is_fault => "fault",
            _ => "refused",
        };
        tracing::info!(
            outcome,
            status = error.status,
            error_type = error.error_type.as_str(),
            "an attempt failed"
        );
        self.note_attempt(n, outcome, Some(error), elapsed);
    }

    pub(super) fn note_attempt(
        &mut self,
        n: usize,
        word: &'static str,
        error: Option<&ProviderError>,
        elapsed: Duration,
    ) {
        let provider = self.job.attempt(n).map(|attempt| attempt.provider.clone()).unwrap_or_default();
        self.app.metrics.attempts.get_or_create(&AttemptLabels { provider, outcome: word }).inc();
        let mut outcome = outcome(&self.job, n);
        outcome.outcome = word.to_owned();
        outcome.latency_ms = millis(elapsed);
        outcome.status = error.map_or(if word == "ok" { 200 } else { 0 }, |error| u32::from(error.status));
        outcome.error_type = error.map(|error| error.error_type.as_str().to_owned()).unwrap_or_default();
        self.outcomes.push(outcome);
    }
}

/// What a failure shows of the endpoint, if anything.
const fn sighting(error: &ProviderError) -> Option<Sighting> {
    match error.error_type {
        ErrorType::RateLimitExceeded => Some(Sighting::RateLimited { retry_after: error.retry_after }),
        _ if error.is_fault => Some(Sighting::Fault),
        _ => None,
    }
}

/// What it means for an attempt that the edge wants an end of it.
fn stopped(why: Stopped) -> ProviderError {
    match why {
        Stopped::Deadline => ProviderError {
            error_type: ErrorType::Timeout,
            ..ProviderError::broken("The request took longer than a request may take.")
        },
        Stopped::Revoked => ProviderError {
            error_type: ErrorType::PermissionDenied,
            retry: Retry::Never,
            is_fault: false,
            ..ProviderError::broken("The key that this request came with may not be used any more.")
        },
    }
}

//! The records of an execution: what goes into the spool.

use dialect::client::Bill;
use pricing::{Amount, Class, Source, Usage};
use rpc::convert;
use rpc::events::{Checkpoint, UsageRecord};
use rpc::worker::{AttemptOutcome, Final};

use super::job::{Job, Planned};
use super::tally::Tally;
use crate::meter::{self, Price};

/// What is known of an execution before any upstream call.
pub(crate) fn opening(job: &Job, worker_id: &str) -> UsageRecord {
    let start = &job.start;
    let end_user = Some(&*start.end_user).filter(|user| !user.is_empty()).or_else(|| job.task.user());
    UsageRecord {
        generation_id: job.key.generation.uuid().to_string(),
        execution: start.execution,
        worker_id: worker_id.to_owned(),
        tenant_id: start.tenant_id.clone(),
        key_id: start.key_id.clone(),
        leases: start.leases.clone(),
        reserved: start.reserved,
        model: job.attempt(start.first_attempt as usize).map(|a| a.model.clone()).unwrap_or_default(),
        streamed: start.stream,
        received_at_ms: start.received_at_ms,
        end_user: end_user.unwrap_or_default().to_owned(),
        app_referer: start.app_referer.clone(),
        app_title: start.app_title.clone(),
        session_id: start.session_id.clone(),
        workspace_id: start.workspace_id.clone(),
        user_id: start.user_id.clone(),
        ..UsageRecord::default()
    }
}

/// How far a running stream has come.
pub(crate) fn checkpoint(planned: &Planned, tally: &Tally, usage: &Usage, source: Source) -> Checkpoint {
    let attempt = planned.attempt();
    Checkpoint {
        generation_id: planned.job.key.generation.uuid().to_string(),
        execution: planned.job.key.execution,
        attempt: u32::try_from(planned.n).unwrap_or(u32::MAX),
        price: attempt.price.clone(),
        usage: Some(convert::usage_out(usage)),
        source: convert::source_out(source).into(),
        deltas: tally.progress.deltas,
        model: attempt.model.clone(),
        provider: attempt.provider.clone(),
        provider_name: attempt.provider_name.clone(),
        endpoint_id: attempt.endpoint_id.clone(),
        provider_response_id: tally.response_id.clone(),
        markup_basis_points: attempt.markup_basis_points,
        is_byok: attempt.is_byok,
        ..Checkpoint::default()
    }
}

/// What an attempt that served comes to.
pub(crate) struct Served {
    pub(crate) usage: Usage,
    pub(crate) source: Source,
    price: Price,
    bill: Bill,
}

impl Served {
    /// Prices a usage under what is reserved.
    pub(crate) fn new(planned: &Planned, usage: Usage, source: Source, reserved: i64) -> Self {
        let markup = convert::markup(planned.attempt().markup_basis_points);
        let price = meter::price(&planned.book, markup, &usage, Amount::from_nanos(reserved));
        let price = price.unwrap_or_else(|error| {
            tracing::error!(%error, "an answer cannot be priced and is not charged");
            Price::default()
        });
        let upstream_prompt = pricing::provider_cost(&planned.book, &prompt_of(&usage)).unwrap_or_default();
        let bill = Bill {
            usage,
            cost: price.charge,
            upstream: price.provider_cost,
            upstream_prompt,
            upstream_completion: price.provider_cost.minus(upstream_prompt).unwrap_or_default(),
            is_byok: planned.attempt().is_byok,
        };
        Self { usage, source, price, bill }
    }

    /// The same without a charge: what the provider asks is ours to bear.
    pub(crate) fn waived(mut self) -> Self {
        self.price = Price { charge: Amount::ZERO, absorbed: Amount::ZERO, ..self.price };
        self.bill.cost = Amount::ZERO;
        self
    }

    pub(crate) const fn bill(&self) -> &Bill {
        &self.bill
    }

    pub(crate) const fn absorbed(&self) -> Amount {
        self.price.absorbed
    }

    /// Fills in a record; `reserved` as it was priced with.
    pub(crate) fn record(
        &self,
        opening: UsageRecord,
        planned: &Planned,
        tally: &Tally,
        reserved: i64,
    ) -> UsageRecord {
        let attempt = planned.attempt();
        let (finish, native) = tally.finish.clone().unzip();
        let (provider_cost, upstream_cost) = self.price.costs(attempt.is_byok);
        UsageRecord {
            reserved,
            price: attempt.price.clone(),
            markup_basis_points: attempt.markup_basis_points,
            is_byok: attempt.is_byok,
            usage: Some(convert::usage_out(&self.usage)),
            source: convert::source_out(self.source).into(),
            charge: self.price.charge.nanos(),
            provider_cost,
            upstream_cost,
            absorbed: self.price.absorbed.nanos(),
            model: attempt.model.clone(),
            provider: attempt.provider.clone(),
            provider_name: attempt.provider_name.clone(),
            endpoint_id: attempt.endpoint_id.clone(),
            provider_response_id: tally.response_id.clone(),
            finish_reason: finish.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            native_finish_reason: native.unwrap_or_default(),
            latency_ms: tally.first_content.map_or(0, |at| millis(at.duration_since(planned.job.began))),
            generation_time_ms: millis(tally.generation()),
            deltas: tally.progress.deltas,
            ..opening
        }
    }
}

/// The last word to the edge about a record.
pub(crate) fn summary(record: &UsageRecord) -> Final {
    Final {
        usage: record.usage,
        source: record.source,
        charge: record.charge,
        provider_cost: record.provider_cost,
        finish_reason: record.finish_reason.clone(),
        attempts: record.attempts.clone(),
        upstream_cost: record.upstream_cost,
    }
}

/// What is to be said of one attempt, whatever became of it.
pub(crate) fn outcome(job: &Job, n: usize) -> AttemptOutcome {
    let n32 = u32::try_from(n).unwrap_or(u32::MAX);
    job.attempt(n).map_or_else(AttemptOutcome::default, |attempt| AttemptOutcome {
        n: n32,
        endpoint_id: attempt.endpoint_id.clone(),
        provider_name: attempt.provider_name.clone(),
        model: attempt.model.clone(),
        ..AttemptOutcome::default()
    })
}

pub(crate) fn millis(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A usage without what the model made.
fn prompt_of(usage: &Usage) -> Usage {
    Class::COMPLETION.into_iter().chain([Class::Picture]).fold(*usage, |usage, class| usage.with(class, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_all_that_the_model_did_not_make() {
        let usage = Class::ALL.into_iter().fold(Usage::default(), |usage, class| usage.with(class, 1));
        let made: Vec<Class> =
            Class::ALL.into_iter().filter(|class| prompt_of(&usage).get(*class) == 0).collect();
        let classes =
            [Class::Output, Class::Reasoning, Class::AudioOutput, Class::ImageOutput, Class::Picture];
        assert_eq!(made, classes);
    }
}

//! Kept decisions as they are asked for over the wire. Empty text and zero mean any.

use std::pin::Pin;
use std::sync::Arc;

use identity::GenerationId;
use rpc::Fault;
use rpc::convert::{book_in, id};
use rpc::router::{
    DecisionsResponse, ListDecisionsRequest, ReadDecisionRequest, ReplayDecisionsRequest, ReplayProgress,
};
use serde_json::{Map, Value};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use crate::app::{Replayed, Span, list_decisions, read_decision, replay_decisions};
use crate::catalogue::book_out;
use crate::decide::{Changes, PriceChange};
use crate::service::Inner;
use crate::store::decisions::{Filter, moment};

pub(super) async fn list(inner: &Inner, request: ListDecisionsRequest) -> Result<DecisionsResponse, Fault> {
    let filter = Filter {
        tenant: optional(&request.tenant_id, "tenant_id")?,
        model: Some(request.model).filter(|model| !model.is_empty()),
        provider: Some(request.provider).filter(|provider| !provider.is_empty()),
        since: (request.since_ms > 0).then(|| moment(request.since_ms)),
        after: optional(&request.after, "after")?,
    };
    Ok(answer(&list_decisions(inner, &filter, request.limit).await?))
}

pub(super) async fn read(inner: &Inner, request: &ReadDecisionRequest) -> Result<DecisionsResponse, Fault> {
    let generation: GenerationId = parse(&request.generation_id, "generation_id")?;
    Ok(answer(&read_decision(inner, generation).await?))
}

/// The steps of a replay on their way.
pub(super) type Steps = Pin<Box<dyn Stream<Item = Result<ReplayProgress, Status>> + Send>>;

pub(super) fn replay(inner: &Arc<Inner>, request: ReplayDecisionsRequest) -> Result<Steps, Fault> {
    let prices = request.prices.iter().map(price).collect::<Result<_, Fault>>()?;
    let changes = Changes {
        rules: members(&request.policy_json)?,
        prices,
        disable: request.disable,
        markup: request.markup_basis_points,
    };
    let bound = |ms: u64| (ms > 0).then(|| moment(ms));
    let span = Span { since: bound(request.since_ms), until: bound(request.until_ms), limit: request.limit };
    let steps = ReceiverStream::new(replay_decisions(inner, changes, span)?);
    Ok(Box::pin(steps.map(|step| step.map(told).map_err(|error| Fault::from(error).into()))))
}

fn told(step: Replayed) -> ReplayProgress {
    match step {
        Replayed::Progress { done, total } => {
            ReplayProgress { done: done.into(), total: total.into(), ..ReplayProgress::default() }
        }
        Replayed::Report(report) => {
            ReplayProgress { body_json: report.to_string().into(), ..ReplayProgress::default() }
        }
    }
}

fn members(json: &str) -> Result<Map<String, Value>, Fault> {
    if json.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(json).map_err(|_| Fault::invalid("`policy` must be an object"))
}

fn price(change: &rpc::router::PriceChange) -> Result<PriceChange, Fault> {
    let endpoint = optional(&change.endpoint_id, "prices.endpoint_id")?;
    if endpoint.is_none() && (change.model.is_empty() || change.provider.is_empty()) {
        return Err(Fault::invalid("a price must name `endpoint_id`, or `model` and `provider`"));
    }
    let price = change.price.as_ref().ok_or_else(|| Fault::invalid("a price must have rates"))?;
    let book = book_in(price).map_err(|malformed| Fault::invalid(malformed.to_string()))?;
    Ok(PriceChange {
        endpoint,
        model: change.model.clone(),
        provider: change.provider.clone(),
        book: book_out(&book),
    })
}

fn parse<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, Fault> {
    id(text, field).map_err(|_| Fault::invalid(format!("`{field}`: `{text}` is no id")))
}

fn optional<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, Fault> {
    if text.is_empty() { Ok(None) } else { parse(text, field).map(Some) }
}

fn answer(body: &Value) -> DecisionsResponse {
    DecisionsResponse { body_json: body.to_string().into() }
}

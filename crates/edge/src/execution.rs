//! One request seen through, in a task that its client cannot end: admitted, executed, executed again when a
//! worker is lost before content, relayed, acknowledged and reported.

mod client;
mod relay;
mod witness;

use std::sync::Arc;

use bytes::Bytes;
use dialect::canonical::FinishReason;
use dialect::client::{Dialect, Envelope, Peek, PublicError};
use dialect::error::ErrorType;
use identity::GenerationId;
use pricing::Amount;
use rpc::router::ProviderPreferences;
use rpc::worker::{Final, Start};
use tokio::time::Instant;

pub(crate) use client::{Client, Outgoing, Verdict};

use crate::admission::{self, Admitted, Quantum, RouterPlugins, StickyKey};
use crate::auth::Context;
use crate::http::reply::{Refusal, UserFacing};
use crate::live::Answered;
use crate::metrics::Open;
use crate::service::App;
use relay::{Delivery, Ended, Progress};

/// What a client asks for, read as far as the edge needs it.
pub(crate) struct Request {
    pub(crate) generation: GenerationId,
    pub(crate) caller: Arc<Context>,
    pub(crate) dialect: Dialect,
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
    pub(crate) preferences: ProviderPreferences,
    /// Unix milliseconds at which the body had been read.
    pub(crate) received_at_ms: i64,
    /// The app that asks, as it names itself.
    pub(crate) referer: String,
    pub(crate) title: String,
    pub(crate) session_id: String,
    /// What stands for the conversation, where anything does.
    pub(crate) sticky_key: Option<StickyKey>,
    /// The settings of router models.
    pub(crate) plugins: RouterPlugins,
    /// The data region to stay in; empty = anywhere.
    pub(crate) region: String,
    /// Whether the answer is to tell of its routing.
    pub(crate) wants_metadata: bool,
    /// What the guardrails did to it, as stages of `openrouter_metadata.pipeline`.
    pub(crate) pipeline: Vec<serde_json::Value>,
    /// The `anthropic-beta` header, for providers that know it.
    pub(crate) anthropic_beta: String,
    /// The model as the client wrote it, where a preset was filled in.
    pub(crate) requested: Option<String>,
    /// Whether the preset wants answers cached, and for how long.
    pub(crate) cache_enabled: Option<bool>,
    pub(crate) cache_ttl_seconds: Option<u64>,
}

impl Request {
    /// What surrounds an answer that the edge itself has to end.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope {
            id: self.generation.to_string(),
            created: u64::try_from(self.received_at_ms / 1_000).unwrap_or_default(),
            model: self.peek.models.first().cloned().unwrap_or_default(),
            ..Envelope::default()
        }
    }
}

/// Sees a request through to its end. Returns when everything is accounted for or handed to the outbox.
pub(crate) async fn run(app: Arc<App>, request: Request, mut client: Client) {
    let _open = Open::one(&app.metrics.open_requests);
    match admission::admit(&app, &request, client.gone_probe()).await {
        Ok(admitted) => {
            let tape = app.content.tape(&request);
            client.record(tape.clone());
            execute(&app, &request, admitted, client).await;
            if let Some(tape) = tape {
                app.content.keep(&request, &tape);
            }
        }
        Err(denied) => {
            app.metrics.denied(denied.reason());
            tracing::debug!(reason = denied.reason(), error = %denied, "a request is not executed");
            let metadata = admission::refused(&request, &denied);
            let refusal = denied.refusal();
            let is_error = refusal.status() >= 500 && !client.is_gone();
            app.live.answered(Answered { is_error, ..Answered::default() });
            client.refuse(refusal.with_metadata(metadata)).await;
        }
    }
}

async fn execute(app: &App, request: &Request, mut admitted: Admitted, mut client: Client) {
    if client.is_gone() {
        app.leases.give_back(admitted.held, admitted.slot);
        admitted.pass.end(Some(0)).await;
        return;
    }
    client.planned(admitted.attempts.iter().all(|attempt| attempt.simulated)).await;
    let mut progress = Progress::new(Instant::now() + app.config.requests.total_ms.get());
    let executions = app.config.requests.executions.get();
    let ended = loop {
        progress.execution += 1;
        let start = start(request, &admitted, &progress);
        let ended = relay::execute(app, request, &mut admitted, start, &mut progress, &mut client).await;
        app.metrics.executed(ended.reason());
        match ended {
            Ended::Lost(status) if progress.may_execute_again(executions, &client) => {
                tracing::warn!(error = %status, execution = progress.execution, "a worker was lost before content");
                progress.execute_again(admitted.attempts.len());
                // Long enough for the lost replica to be passed over.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            ended => break ended,
        }
    };
    admitted.pass.settle(tokens(&ended, &progress));
    app.live.answered(answered(&ended, client.is_gone()));
    let witness = witness::of(request, &admitted, &progress, &ended);
    if let Ended::Final(last) = &ended {
        keep_in_place(app, request, &admitted, &progress, last);
    }
    match &ended {
        Ended::Final(last) => client.attempted(&last.attempts),
        Ended::Failed(failed) => client.attempted(&failed.attempts),
        Ended::Refused(_) | Ended::Lost(_) => {}
    }
    let Admitted { held, slot, pass, .. } = admitted;
    // What the request did not take may serve the next one at once.
    let reported = match &ended {
        Ended::Final(last) => held.settle_each(|account| taken(request, account, last)),
        Ended::Failed(_) | Ended::Refused(_) => held.settle(Amount::ZERO),
        Ended::Lost(_) => held.lose(),
    };
    match ended {
        // The relay has handed everything over.
        Ended::Final(_) => client.end(),
        Ended::Failed(failed) => client.refuse(Refusal::of_failed(failed)).await,
        Ended::Refused(fault) => client.refuse(fault.refusal()).await,
        Ended::Lost(status) => lost(request, &progress, &status, &mut client).await,
    }
    match witness {
        Ok(witness) => app.leases.outbox().report(witness, reported, slot),
        Err(error) => {
            // Prices were read before, so this is a bug; the worker's record settles without a witness.
            tracing::error!(error = %error, "a generation could not be witnessed");
            drop(slot);
        }
    }
    pass.end(None).await;
}

/// What operators see of a request that was executed.
fn answered(ended: &Ended, is_gone: bool) -> Answered {
    match ended {
        Ended::Final(last) => Answered {
            is_error: last.finish_reason == FinishReason::Error.as_str(),
            tokens: witness::tokens(last).unwrap_or_default(),
            spend: last.charge,
        },
        Ended::Failed(_) | Ended::Lost(_) => Answered { is_error: !is_gone, ..Answered::default() },
        // It was wrong itself.
        Ended::Refused(_) => Answered::default(),
    }
}

/// Tokens that a request used, as far as is known.
fn tokens(ended: &Ended, progress: &Progress) -> Option<u64> {
    match ended {
        Ended::Final(last) => witness::tokens(last),
        Ended::Lost(_) if progress.delivered => None,
        Ended::Lost(_) | Ended::Failed(_) | Ended::Refused(_) => Some(0),
    }
}

/// What an account gives for an answer, as billing takes it.
fn taken(request: &Request, account_id: &str, last: &Final) -> Amount {
    let terms = &request.caller.terms;
    let counts = || terms.accounts.iter().any(|one| one.account_id == account_id && one.counts_own_keys);
    Amount::from_nanos(if account_id == terms.own_keys.allowance_account_id {
        last.upstream_cost
    } else if counts() {
        last.charge.saturating_add(last.upstream_cost)
    } else {
        last.charge
    })
}

/// Has the conversation served by the same endpoint again, where that holds its prompt: because the client
/// says that it goes on, or because there was something to read from the cache. Never against an order of the
/// client's own.
fn keep_in_place(app: &App, request: &Request, admitted: &Admitted, progress: &Progress, last: &Final) {
    let Some(key) = request.sticky_key.filter(|_| request.preferences.order.is_empty()) else { return };
    let served = progress.commit.as_ref().and_then(|commit| admitted.attempts.get(commit.n as usize));
    let was_cached = last.usage.is_some_and(|usage| usage.cache_read > 0);
    let is_good = last.finish_reason != FinishReason::Error.as_str();
    if let Some(served) = served
        && served.caches
        && is_good
        && (was_cached || !request.session_id.is_empty())
    {
        admission::stick(app, key, &admitted.route.name, served);
    }
}

/// Tells the client that no more comes: as an error of its own, or as the end of what it has.
async fn lost(request: &Request, progress: &Progress, status: &tonic::Status, client: &mut Client) {
    tracing::warn!(error = %status, delivered = progress.delivered, "a worker was lost and the request with it");
    if !progress.delivered {
        let fault = rpc::Fault::from_status(status);
        let refusal = if status.details().is_empty() { Refusal::unavailable() } else { fault.refusal() };
        client.refuse(refusal).await;
        return;
    }
    let message =
        "The connection to the provider was lost while it answered. What was delivered so far is charged.";
    if Delivery::of(request) == Delivery::Bytes {
        // A medium has no words for it: its end must not look like a good one.
        client.refuse(Refusal::new(ErrorType::ProviderUnavailable, message)).await;
        return;
    }
    let error = PublicError::new(ErrorType::ProviderUnavailable, message);
    let mut envelope = request.envelope();
    if let Some(commit) = &progress.commit {
        envelope.model.clone_from(&commit.model);
        envelope.provider.clone_from(&commit.provider_name);
        envelope.simulated = commit.simulated;
    }
    let mut frames = Vec::new();
    request.dialect.answer(envelope, None, true).fail(&error, None, &mut frames);
    client.frames(frames.into()).await;
    client.end();
}

fn start(request: &Request, admitted: &Admitted, progress: &Progress) -> Start {
    Start {
        generation_id: request.generation.uuid().to_string(),
        execution: progress.execution,
        tenant_id: request.caller.tenant().to_string(),
        key_id: request.caller.key.id.to_string(),
        body: request.body.clone(),
        client_dialect: request.dialect.as_str().to_owned(),
        stream: request.peek.stream,
        attempts: admitted.attempts.clone(),
        first_attempt: progress.first_attempt,
        leases: admitted.held.leases(),
        reserved: admitted.reserved.nanos(),
        max_tokens: admitted.max_tokens,
        received_at_ms: request.received_at_ms,
        end_user: request.peek.user.clone().unwrap_or_default(),
        app_referer: request.referer.clone(),
        app_title: request.title.clone(),
        session_id: request.session_id.clone(),
        anthropic_beta: request.anthropic_beta.clone(),
        metadata_json: admitted.route.metadata_json.clone(),
        workspace_id: request.caller.key.workspace.to_string(),
        user_id: request.caller.key.creator_id(),
        quantum_tokens: admitted.quantum.as_ref().map(Quantum::tokens),
    }
}

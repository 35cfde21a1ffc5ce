//! Requests with a name of the client's: made once, by whichever edge, and answered alike ever after.

use std::sync::Arc;

use axum::response::Response;
use dialect::error::ErrorType;
use http::header::{HeaderName, HeaderValue};
use identity::KeyId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::cached::{self, Told};
use super::claim::Named;
use super::fingerprint::Fingerprint;
use super::hearing::{self, Rename};
use super::kept::{About, Kept};
use super::recording::{End, Origin, Recorded, Recording};
use super::running::{Lead, Seat};
use super::wish::Caching;
use crate::execution::Request;
use crate::http::events::Form;
use crate::http::inference::GENERATION_ID;
use crate::http::reply::Refusal;
use crate::service::App;
use crate::store::answers::{Claim, Place};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// For how long the database may be unreachable before a request is turned away that nobody serves yet.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);

type Leader = Lead<(KeyId, [u8; 32])>;

/// What there is under a name.
enum Found {
    /// Nothing: it is this edge's to make.
    Ours,
    Kept(Kept),
    No(Refusal),
    /// Nobody waits for it any more.
    Unwanted,
}

/// Answers a request under its name.
pub(super) async fn answer(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    name: [u8; 32],
    caching: Option<Caching>,
) -> Result<Response, Refusal> {
    let print = Fingerprint::of(&request).await;
    let (form, caller) = (Form::asked(&request), Arc::clone(&request.caller));
    let limit = app.replay.claims.config.max_answer_bytes.get();
    let (place, mut reader) = match app.replay.named.seat((caller.key.id, name), print, limit, false) {
        Seat::Follow(reader) if reader.request() != print => return Err(different()),
        Seat::Follow(reader) => (Some(place), reader),
        Seat::Lead(lead, reader) => {
            // A task of its own: it goes on when the client leaves.
            let work = see_through(Arc::clone(app), request, place, lead, name, caching);
            app.tasks.spawn(work.in_current_span());
            (None, reader)
        }
        Seat::TooLate => return Err(too_large()),
    };
    let origin = reader.origin().await?;
    // A place of its own has who only listens.
    let is_replay = place.is_some() || origin.is_replay;
    if is_replay || matches!(origin.told, Some(Told::Hit { .. })) {
        super::spend(app, &caller).await?;
    }
    app.metrics.replayed(if is_replay { "idempotent" } else { "claimed" });
    let form = form.map(|form| form.of_generation(origin.generation));
    let mut response = hearing::hear(app, form, reader, None, place).await?;
    if is_replay {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    } else if let Some(told) = origin.told {
        told.tell(&mut response);
    }
    if let Some(id) = hearing::id_of(origin.generation) {
        response.headers_mut().insert(GENERATION_ID, id);
    }
    Ok(response)
}

/// Finds the answer or has it made, for all who hear the recording.
async fn see_through(
    app: Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    lead: Leader,
    name: [u8; 32],
    caching: Option<Caching>,
) {
    let caller = &request.caller;
    let named = Named {
        place: Place { tenant: caller.tenant(), key: caller.key.id, name },
        request: lead.recording.request(),
        generation: request.generation,
    };
    match find(&app, &named, &lead.recording).await {
        Found::Ours => make(&app, request, place, &lead, &named, caching).await,
        Found::Kept(kept) => {
            let end = if kept.about.is_broken { hearing::broken_off() } else { End::Poor };
            let generation = kept.about.generation;
            lead.recording.open(Origin { generation, is_replay: true, told: None });
            let recorded = Recorded { simulated: kept.about.simulated, frames: kept.frames };
            lead.recording.fill(recorded, end);
        }
        Found::No(refusal) => lead.recording.end(End::Refused(refusal)),
        Found::Unwanted => {}
    }
}

/// Looks until there is an answer, or it is this edge's to make.
async fn find(app: &App, named: &Named, recording: &Recording) -> Found {
    let claims = &app.replay.claims;
    // Whoever makes it now is done by then, or gone.
    let deadline = Instant::now() + app.config.requests.total_ms.get() + claims.config.claim_ms.get();
    let mut patience = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match claims.claim(named).await {
            Ok(Claim::Won) => return Found::Ours,
            Ok(Claim::Kept(sealed)) => {
                let kept = claims.open(named, sealed).await;
                return kept.map_or_else(|| Found::No(rpc::Fault::internal().into()), Found::Kept);
            }
            Ok(Claim::Different) => return Found::No(different()),
            Ok(Claim::TooLarge) => return Found::No(too_large()),
            Ok(Claim::Running(generation)) => {
                // It is worth waiting for, whatever becomes of the database meanwhile.
                patience = deadline;
                recording.open(Origin { generation, is_replay: true, told: None });
            }
            Err(error) if Instant::now() >= patience => {
                tracing::warn!(error = %error, "an answer cannot be claimed");
                return Found::No(Refusal::unavailable());
            }
            Err(error) => tracing::debug!(error = %error, "a claim is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(claims.config.look_again_ms.get()) => {}
            () = recording.abandoned() => return Found::Unwanted,
        }
    }
    Found::No(Refusal::unavailable())
}

/// Makes the answer under a claim, and keeps what comes of it.
async fn make(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    lead: &Leader,
    named: &Named,
    caching: Option<Caching>,
) {
    let (claims, recording) = (&app.replay.claims, &lead.recording);
    let mut origin = Origin { generation: named.generation, is_replay: false, told: None };
    let end = if let Some(kept) = cached(app, named, caching).await {
        origin.told = Some(Told::hit(&kept));
        recording.open(origin);
        let frames = Rename::of(&request).apply(kept.frames).await;
        recording.fill(Recorded { simulated: kept.about.simulated, frames }, End::Good);
        End::Good
    } else {
        origin.told = caching.map(|caching| Told::Miss { ttl: caching.ttl });
        recording.open(origin);
        let patience = app.config.requests.stalled_client_ms.get() / 2;
        let (outgoing, verdict) = hearing::make(app, request, place);
        let made = recording.record(outgoing, verdict, patience, true);
        let made = tokio::select! {
            made = made => made,
            // What is made without a claim is still owed to those who hear it.
            never = async { claims.hold(named).await; std::future::pending().await } => never,
        };
        let Some(end) = made else { return };
        if recording.recorded().is_some_and(|recorded| recorded.frames.is_empty()) {
            // Before anybody is told of the refusal: who is may ask for something else under the same name.
            claims.release(named).await;
            lead.leave();
            return recording.end(end);
        }
        if let Some(caching) = caching {
            cached::store(app, named.request, named.generation, recording, &end, caching.ttl).await;
        }
        recording.end(end.clone());
        end
    };
    keep(app, named, recording, &end).await;
}

async fn cached(app: &App, named: &Named, caching: Option<Caching>) -> Option<Kept> {
    cached::look_up(app, named.request, caching?).await
}

/// Keeps what was given, and charged.
async fn keep(app: &App, named: &Named, recording: &Recording, end: &End) {
    let claims = &app.replay.claims;
    let Some(recorded) = recording.recorded() else { return claims.keep(named, None).await };
    let about = About {
        generation: named.generation,
        simulated: recorded.simulated,
        is_broken: matches!(end, End::Refused(_)),
        made_at_ms: chrono::Utc::now().timestamp_millis(),
        ttl: u32::try_from(claims.config.keep_ms.get().as_secs()).unwrap_or(u32::MAX),
    };
    claims.keep(named, Some(Kept { about, frames: recorded.frames })).await;
}

fn different() -> Refusal {
    let message = "This `Idempotency-Key` was used with another request. Use a new key for a new request.";
    Refusal::new(ErrorType::Unprocessable, message)
}

fn too_large() -> Refusal {
    let message = "The answer under this `Idempotency-Key` was given once and is too large to be kept. It is not \
                   made again under the same key.";
    Refusal::new(ErrorType::Conflict, message)
}

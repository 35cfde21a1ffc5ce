//! The response cache: hits, misses, and those who hear a miss's answer while it is made.

use std::sync::Arc;

use axum::response::Response;
use http::header::{HeaderName, HeaderValue};
use identity::GenerationId;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::fingerprint::Fingerprint;
use super::hearing::{self, Rename};
use super::kept::{About, Kept};
use super::recording::{End, Origin, Recorded, Recording};
use super::running::{Lead, Seat};
use super::wish::Caching;
use crate::execution::Request;
use crate::http::events::Form;
use crate::http::inference;
use crate::http::reply::Refusal;
use crate::service::App;

const STATUS: HeaderName = HeaderName::from_static("x-openrouter-cache-status");
const AGE: HeaderName = HeaderName::from_static("x-openrouter-cache-age");
const TTL: HeaderName = HeaderName::from_static("x-openrouter-cache-ttl");
const SOURCE: HeaderName = HeaderName::from_static("x-openrouter-cache-source-id");

/// What is to be said of an answer's way through the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Miss { ttl: u32 },
    Hit { ttl: u32, age: u64, source: GenerationId },
}

impl Told {
    pub(super) fn hit(kept: &Kept) -> Self {
        Self::Hit { ttl: kept.about.ttl, age: kept.age().as_secs(), source: kept.about.generation }
    }

    pub(super) fn tell(self, response: &mut Response) {
        let headers = response.headers_mut();
        let (status, ttl) = match self {
            Self::Miss { ttl } => ("MISS", ttl),
            Self::Hit { ttl, age, source } => {
                headers.insert(AGE, age.into());
                if let Some(source) = hearing::id_of(source) {
                    headers.insert(SOURCE, source);
                }
                ("HIT", ttl)
            }
        };
        headers.insert(STATUS, HeaderValue::from_static(status));
        headers.insert(TTL, ttl.into());
    }
}

/// Answers from the cache, or with what is cached from then on.
pub(super) async fn answer(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    caching: Caching,
) -> Result<Response, Refusal> {
    let print = Fingerprint::of(&request).await;
    let looked_at_ms = chrono::Utc::now().timestamp_millis();
    if let Some(kept) = look_up(app, print, caching).await {
        return hit(app, &request, kept).await;
    }
    let miss = Told::Miss { ttl: caching.ttl };
    match app.replay.cached.seat(print, print, app.replay.cache.max_answer(), caching.clears) {
        Seat::Follow(mut reader) => {
            super::spend(app, &request.caller).await?;
            let origin = reader.origin().await?;
            app.metrics.replayed("coalesced");
            let told = Told::Hit { ttl: caching.ttl, age: 0, source: origin.generation };
            let rename = Rename::of(&request);
            let form = Form::asked(&request);
            let response = hearing::hear(app, form, reader, Some(rename), Some(place)).await;
            response.map(|response| with(told, response))
        }
        Seat::Lead(lead, reader) => {
            // Whoever led before may have left since the look-up.
            let kept = app.replay.cache.local(print).filter(|kept| kept.about.made_at_ms >= looked_at_ms);
            if let Some(kept) = kept.filter(|_| !caching.clears) {
                let recorded = Recorded { simulated: kept.about.simulated, frames: kept.frames.clone() };
                lead.recording.open(Origin {
                    generation: kept.about.generation,
                    is_replay: true,
                    told: None,
                });
                lead.recording.fill(recorded, End::Good);
                return hit(app, &request, kept).await;
            }
            app.metrics.replayed("miss");
            lead.recording.open(Origin { generation: request.generation, is_replay: false, told: None });
            let form = Form::asked(&request);
            begin(app, request, place, (lead, print), caching.ttl);
            let response = hearing::hear(app, form, reader, None, None).await;
            response.map(|response| with(miss, response))
        }
        // Too long to be cached, so that there is nothing to share.
        Seat::TooLate => {
            app.metrics.replayed("miss");
            inference::answer(app, request, place).await.map(|response| with(miss, response))
        }
    }
}

/// What is cached of a request, unless it asks to have that forgotten.
pub(super) async fn look_up(app: &App, print: Fingerprint, caching: Caching) -> Option<Kept> {
    if caching.clears {
        app.replay.cache.forget(print).await;
        return None;
    }
    app.replay.cache.get(print).await
}

async fn hit(app: &Arc<App>, request: &Request, kept: Kept) -> Result<Response, Refusal> {
    super::spend(app, &request.caller).await?;
    app.metrics.replayed("hit");
    let told = Told::hit(&kept);
    hearing::repeat(app, request, kept).await.map(|response| with(told, response))
}

fn with(told: Told, mut response: Response) -> Response {
    told.tell(&mut response);
    response
}

/// Has the answer made for all who hear it, for as long as somebody does, and caches it.
fn begin(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    (lead, print): (Lead<Fingerprint>, Fingerprint),
    ttl: u32,
) {
    let generation = request.generation;
    let patience = app.config.requests.stalled_client_ms.get() / 2;
    let (outgoing, verdict) = hearing::make(app, request, place);
    let made = Arc::clone(app);
    let work = async move {
        let Some(end) = lead.recording.record(outgoing, verdict, patience, false).await else { return };
        // Before the end is told: whoever has read it whole finds it cached at every edge.
        // Who asked to have it forgotten meanwhile gets another one.
        if lead.is_current() {
            store(&made, print, generation, &lead.recording, &end, ttl).await;
        }
        lead.recording.end(end);
    };
    app.tasks.spawn(work.in_current_span());
}

/// Caches a recorded answer if it is a good one.
pub(super) async fn store(
    app: &App,
    print: Fingerprint,
    generation: GenerationId,
    recording: &Recording,
    end: &End,
    ttl: u32,
) {
    if !matches!(end, End::Good) {
        return;
    }
    let Some(recorded) = recording.recorded().filter(|recorded| !recorded.frames.is_empty()) else { return };
    let about = About {
        generation,
        simulated: recorded.simulated,
        is_broken: false,
        made_at_ms: chrono::Utc::now().timestamp_millis(),
        ttl,
    };
    app.replay.cache.put(print, Kept { about, frames: recorded.frames }).await;
}

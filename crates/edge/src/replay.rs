//! Answers that are given again instead of made again, to those who asked for it: from the response cache, under an
//! `Idempotency-Key`, or by hearing an identical request's answer while it is made.
//!
//! - `wish`: what the headers ask for; `fingerprint`: when two requests are the same.
//! - `recording`, `running`: answers under way, heard by several; `hearing`: how a client gets one.
//! - `cached`, with `cache`: the response cache.
//! - `idempotent`, with `claim`: answers under a name of the client's.
//! - `kept`: how answers lie at rest.

mod cache;
mod cached;
mod claim;
mod fingerprint;
mod hearing;
mod idempotent;
mod kept;
mod recording;
mod running;
mod wish;

use std::sync::Arc;

use axum::response::Response;
use dialect::client::Dialect;
use identity::{KeyId, MasterKey};
use sqlx::PgPool;
use tokio::sync::OwnedSemaphorePermit;

use crate::auth::Context;
use crate::config::{CacheConfig, IdempotencyConfig};
use crate::execution::Request;
use crate::flags::Flag;
use crate::http::reply::Refusal;
use crate::service::App;
use cache::Cache;
use claim::Claims;
use fingerprint::Fingerprint;
use running::Running;
use wish::{Caching, Preset};

pub(crate) use claim::sweep;
pub(crate) use wish::Wish;

/// What the service keeps for it.
pub(crate) struct Replay {
    cache: Cache,
    /// Cached requests whose answers are being made.
    cached: Arc<Running<Fingerprint>>,
    claims: Claims,
    /// Named requests whose answers are being made or waited for.
    named: Arc<Running<(KeyId, [u8; 32])>>,
}

impl Replay {
    /// # Errors
    /// When the Redis client's address cannot be used.
    pub(crate) fn new(
        cache: &CacheConfig,
        idempotency: &IdempotencyConfig,
        edge: String,
        pool: PgPool,
        redis: Option<&redis::Client>,
        key: Arc<MasterKey>,
    ) -> Result<Self, redis::RedisError> {
        Ok(Self {
            cache: Cache::new(cache, redis, Arc::clone(&key))?,
            cached: Running::new(),
            claims: Claims::new(idempotency.clone(), edge, pool, key),
            named: Running::new(),
        })
    }
}

/// How a request that opted in is to be answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    name: Option<[u8; 32]>,
    caching: Option<Caching>,
}

impl Wish {
    /// What the wish comes to for a request; `None` for the many that ask for nothing.
    pub(crate) fn asked(&self, request: &Request) -> Option<Asked> {
        let ttl = request.cache_ttl_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        let caching = self
            .caching(Preset { caching: request.cache_enabled, ttl })
            .filter(|_| is_cached(request.dialect) && may_cache(&request.caller));
        let asked = Asked { name: self.name(), caching };
        (asked.name.is_some() || asked.caching.is_some()).then_some(asked)
    }
}

/// The dialects whose answers are cached.
const fn is_cached(dialect: Dialect) -> bool {
    matches!(
        dialect,
        Dialect::Chat | Dialect::Completions | Dialect::Responses | Dialect::Messages | Dialect::Embeddings
    )
}

/// Whether the operator and the caller's guardrails let answers be cached: not where one asks for zero data retention, of whichever
/// models. That a single request asks for endpoints without retention changes nothing.
fn may_cache(caller: &Context) -> bool {
    let policy = &caller.governance.guardrails.policy;
    !policy.zdr && policy.zdr_groups.is_empty() && caller.governance.flags.has(Flag::ResponseCache)
}

/// Answers a request that opted in.
///
/// # Errors
/// The [`Refusal`] that is the answer.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: Request,
    place: OwnedSemaphorePermit,
    asked: Asked,
) -> Result<Response, Refusal> {
    match (asked.name, asked.caching) {
        (Some(name), caching) => idempotent::answer(app, request, place, name, caching).await,
        (None, Some(caching)) => cached::answer(app, request, place, caching).await,
        // `asked` says at least one of them.
        (None, None) => Err(rpc::Fault::internal().into()),
    }
}

/// Counts a request that is answered without being admitted against the key's limit.
async fn spend(app: &App, caller: &Context) -> Result<(), Refusal> {
    Ok(app.limits.count_request(caller).await?)
}

//! Claims on answers under a client's name, in the database that all edges share.

use std::sync::Arc;
use std::time::Duration;

use identity::{GenerationId, MasterKey};
use lifecycle::Tasks;
use sqlx::PgPool;

use super::fingerprint::Fingerprint;
use super::kept::{Kept, Sealer};
use crate::config::IdempotencyConfig;
use crate::store::answers::{self, Claim, Place};

/// How often the keeping of an answer is tried.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// Answers that are forgotten in one statement.
const SWEEP: i32 = 1_000;

/// Makes, extends and redeems claims.
pub(super) struct Claims {
    pub(super) config: IdempotencyConfig,
    edge: String,
    pool: PgPool,
    sealer: Sealer,
}

/// An answer under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) place: Place,
    pub(super) request: Fingerprint,
    /// The generation that makes it, if this edge is to.
    pub(super) generation: GenerationId,
}

impl Claims {
    pub(super) fn new(config: IdempotencyConfig, edge: String, pool: PgPool, key: Arc<MasterKey>) -> Self {
        Self { config, edge, pool, sealer: Sealer::new(key, "idempotent answer") }
    }

    /// # Errors
    /// When the database cannot be asked.
    pub(super) async fn claim(&self, named: &Named) -> Result<Claim, sqlx::Error> {
        let times = (self.config.claim_ms.get(), self.config.keep_ms.get());
        let Named { place, request, generation } = named;
        answers::claim(&self.pool, *place, &request.0, *generation, &self.edge, times).await
    }

    /// The answer in a sealed record, if it can be opened.
    pub(super) async fn open(&self, named: &Named, sealed: Vec<u8>) -> Option<Kept> {
        match self.sealer.open(sealed, record(&named.place)).await {
            Ok(kept) => Some(kept),
            Err(error) => {
                tracing::error!(error = %error, "a kept answer cannot be opened");
                None
            }
        }
    }

    /// Tells again and again that this edge is still at it. Ends when it no longer has the claim.
    pub(super) async fn hold(&self, named: &Named) {
        let mut is_ours = true;
        while is_ours {
            tokio::time::sleep(self.config.heartbeat_ms.get()).await;
            let claim = self.config.claim_ms.get();
            match answers::extend(&self.pool, named.place, named.generation, claim).await {
                Ok(still) => is_ours = still,
                Err(error) => tracing::debug!(error = %error, "a claim could not be extended"),
            }
        }
        tracing::warn!(generation.id = %named.generation, "a claim on an answer was lost to another edge");
    }

    /// Keeps what was made under a claim; `None` when it was too large for that.
    pub(super) async fn keep(&self, named: &Named, kept: Option<Kept>) {
        let sealed = match kept {
            Some(kept) => match self.sealer.seal(&kept, record(&named.place)).await {
                Ok(sealed) => Some(sealed),
                Err(error) => {
                    tracing::error!(error = %error, "an answer could not be sealed and is not kept");
                    None
                }
            },
            None => None,
        };
        for _ in 0..TRIES {
            match answers::keep(&self.pool, named.place, named.generation, sealed.as_deref()).await {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "an answer could not be kept yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Gives a claim back under which nothing was made. One that cannot be given back lapses.
    pub(super) async fn release(&self, named: &Named) {
        if let Err(error) = answers::release(&self.pool, named.place, named.generation).await {
            tracing::debug!(error = %error, "a claim could not be given back and lapses");
        }
    }
}

/// What a sealed answer is bound to.
fn record(place: &Place) -> String {
    format!("{} {}", place.key, hex::encode(place.name))
}

/// Forgets answers whose time is over, in the background until the stop begins.
pub(crate) fn sweep(tasks: &Tasks, pool: PgPool, every: Duration) {
    let stop = tasks.shutdown().wait();
    let work = async move {
        loop {
            tokio::time::sleep(every).await;
            while let Ok(swept) = answers::sweep(&pool, SWEEP).await
                && swept >= i64::from(SWEEP)
            {}
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    });
}

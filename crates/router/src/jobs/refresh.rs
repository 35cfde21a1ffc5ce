//! Replaces the snapshot when the tables have changed.
//!
//! A snapshot is read whole, checked whole, and used only once billing keeps every price version in it. One
//! that fails the check is counted and refused; the last good one stays.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use identity::PriceVersionId;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{PinnedPrice, PutPricesRequest};
use tonic::Status;

use crate::catalogue::{Catalogue, Invalid};
use crate::service::{Inner, Loaded, PART};
use crate::store;

/// Price versions that one call to billing carries.
const BATCH: usize = 200;
/// How long one reading of the database may take.
const READING: Duration = Duration::from_secs(10);
/// How long one call to billing may take.
const CALL: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the catalogue cannot be read")]
    Read(#[from] sqlx::Error),
    #[error("the catalogue is invalid and refused")]
    Invalid(#[from] Invalid),
    #[error("billing does not keep the prices")]
    Prices(#[from] Status),
}

/// What the job remembers between rounds.
#[derive(Default)]
struct Memory {
    /// Price versions that billing keeps.
    kept: HashSet<PriceVersionId>,
    /// The version that was refused last, so that it is counted once.
    refused: Option<u64>,
    has_loaded: bool,
}

/// Keeps the snapshot current until the process stops.
pub(crate) async fn refresh(inner: Arc<Inner>) {
    let mut memory = Memory::default();
    let mut failures = 0_u32;
    loop {
        let outcome = tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            outcome = round(&inner, &mut memory) => outcome,
        };
        match outcome {
            Ok(()) => failures = 0,
            Err(failure) => {
                if failures == 0 {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "the catalogue is not refreshed"
                    );
                }
                failures = failures.saturating_add(1);
                inner.metrics.refresh_failures.inc();
            }
        }
        let pause = Duration::from_millis(inner.config.poll_ms.max(10));
        tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            () = inner.changed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn round(inner: &Inner, memory: &mut Memory) -> Result<(), Failure> {
    let current = inner.current.load_full();
    if memory.has_loaded {
        let behind = in_time(store::behind(&inner.deps.pool, current.read_at)).await?;
        let is_known =
            behind.version == current.catalogue.version() || memory.refused == Some(behind.version);
        if is_known && !behind.price_due {
            return Ok(());
        }
    }
    let tables = in_time(store::load(&inner.deps.pool)).await?;
    let (version, read_at) = (tables.version, tables.read_at);
    let catalogue = match check(Catalogue::build(tables, inner.config.timeouts), &current) {
        Ok(catalogue) => catalogue,
        Err(invalid) => {
            refuse(inner, memory, version, &invalid);
            return Ok(());
        }
    };
    keep_prices(inner, memory, &catalogue).await?;
    put_in_use(inner, catalogue, read_at);
    memory.has_loaded = true;
    memory.refused = None;
    Ok(())
}

/// Gives up on a database that has gone silent; each reading is one statement, which may be abandoned.
async fn in_time<T>(reading: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(READING, reading).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

fn check(built: Result<Catalogue, Invalid>, current: &Loaded) -> Result<Catalogue, Invalid> {
    match built {
        Ok(catalogue) if catalogue.is_empty() && !current.catalogue.is_empty() => Err(Invalid::Emptied),
        built => built,
    }
}

fn refuse(inner: &Inner, memory: &mut Memory, version: u64, invalid: &Invalid) {
    if memory.refused == Some(version) {
        return;
    }
    memory.refused = Some(version);
    inner.metrics.catalogue_refused.inc();
    tracing::error!(
        catalogue.version = version,
        error = invalid as &dyn std::error::Error,
        "a catalogue version is refused, the last good one stays in use"
    );
    let reason = format!("version {version}: {invalid}");
    *inner.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
}

/// Has billing keep every price version that it does not keep yet.
async fn keep_prices(inner: &Inner, memory: &mut Memory, catalogue: &Catalogue) -> Result<(), Status> {
    let new: Vec<PinnedPrice> = catalogue
        .endpoints()
        .iter()
        .flat_map(|endpoint| endpoint.prices.offers().iter().map(move |offer| (endpoint, offer)))
        .filter(|(_, offer)| !memory.kept.contains(&offer.id))
        .map(|(endpoint, offer)| PinnedPrice {
            price: Some(offer.version.clone()),
            endpoint_id: endpoint.attempt.endpoint_id.clone(),
            provider: endpoint.attempt.provider.clone(),
            model: endpoint.attempt.model.clone(),
        })
        .collect();
    let mut billing = BillingClient::new(inner.deps.billing.clone());
    for prices in new.chunks(BATCH) {
        let call = billing.put_prices(PutPricesRequest { prices: prices.to_vec() });
        tokio::time::timeout(CALL, call)
            .await
            .map_err(|_| Status::deadline_exceeded("billing did not answer in time"))??;
        let ids = prices.iter().filter_map(|pinned| pinned.price.as_ref()?.id.parse::<PriceVersionId>().ok());
        memory.kept.extend(ids);
    }
    Ok(())
}

fn put_in_use(inner: &Inner, catalogue: Catalogue, read_at: chrono::DateTime<chrono::Utc>) {
    let (version, endpoints) = (catalogue.version(), catalogue.endpoints().len());
    let is_ready = !catalogue.is_empty();
    tracing::info!(catalogue.version = version, endpoints, "a catalogue version is in use");
    inner.metrics.catalogue_version.set(i64::try_from(version).unwrap_or(i64::MAX));
    inner.metrics.catalogue_endpoints.set(i64::try_from(endpoints).unwrap_or(i64::MAX));
    inner.current.store(Arc::new(Loaded { catalogue, read_at, ..Loaded::default() }));
    *inner.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    inner.deps.health.set(PART, is_ready);
}

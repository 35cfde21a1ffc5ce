//! Replaces the snapshot when the tables have changed.
//!
//! A snapshot is read whole, checked whole, and used only once billing keeps every price version in it. One
//! that fails the check is counted and refused; the last good one stays. Where there is none yet, because the
//! process just started and the database or billing is away or what the database holds is refused, the one
//! that an earlier life kept on disk serves until there is.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::PriceVersionId;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{PinnedPrice, PutPricesRequest};
use tonic::Status;

use crate::catalogue::{Catalogue, Invalid};
use crate::service::{Inner, Loaded, PART, Source};
use crate::{snapshot, store};

/// Price versions that one call to billing carries.
const BATCH: usize = 200;
/// How long one reading of the database may take.
const READING: Duration = Duration::from_secs(10);
/// How long a start waits for the database and billing before it looks at what is on disk.
const PATIENCE: Duration = Duration::from_secs(2);
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

/// Why there is nothing to be had from disk.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the snapshot cannot be read")]
    Read(#[from] snapshot::Error),
    #[error("the snapshot is no catalogue by today's rules")]
    Invalid(#[from] Invalid),
}

/// What the job remembers between rounds.
#[derive(Default)]
struct Memory {
    /// Price versions that billing keeps.
    kept: HashSet<PriceVersionId>,
    /// The tables that were put in use or refused last, by version and time of reading.
    settled: Option<(u64, DateTime<Utc>)>,
}

/// Keeps the snapshot current until the process stops.
pub(crate) async fn refresh(inner: Arc<Inner>) {
    let mut memory = Memory::default();
    let mut failures = 0_u32;
    let mut is_first = true;
    loop {
        let outcome = tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            outcome = attempt(&inner, &mut memory, is_first) => outcome,
        };
        inner.note(|newest| newest.is_unknown = outcome.is_err());
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
        if std::mem::take(&mut is_first) && (failures > 0 || inner.newest().refused.is_some()) {
            start_from_disk(&inner).await;
        }
        let pause = Duration::from_millis(inner.config.poll_ms.max(10));
        tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            () = inner.changed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A round, which the first time must not keep a snapshot on disk waiting.
async fn attempt(inner: &Inner, memory: &mut Memory, is_first: bool) -> Result<(), Failure> {
    if !is_first || inner.config.snapshot_path().is_none() {
        return round(inner, memory).await;
    }
    let outcome = tokio::time::timeout(PATIENCE, round(inner, memory)).await;
    outcome.unwrap_or(Err(Failure::Read(sqlx::Error::PoolTimedOut)))
}

async fn round(inner: &Inner, memory: &mut Memory) -> Result<(), Failure> {
    let current = inner.current.load_full();
    if let Some((version, read_at)) = memory.settled {
        let behind = in_time(store::behind(&inner.deps.pool, read_at)).await?;
        if behind.version == version && !behind.price_due {
            return Ok(());
        }
    }
    let tables = in_time(store::load(&inner.deps.pool)).await?;
    let (version, read_at) = (tables.version, tables.read_at);
    inner.note(|newest| newest.version = Some(version));
    let good = inner.config.snapshot_path().map(|_| tables.clone());
    let catalogue = match check(Catalogue::build(tables, inner.config.timeouts), &current) {
        Ok(catalogue) => catalogue,
        Err(invalid) => {
            refuse(inner, version, &invalid);
            memory.settled = Some((version, read_at));
            return Ok(());
        }
    };
    keep_prices(inner, memory, &catalogue).await?;
    let is_worth_keeping = !catalogue.is_empty();
    put_in_use(inner, Loaded { catalogue, read_at, ..Loaded::default() });
    memory.settled = Some((version, read_at));
    // Only now, so that billing keeps every price version of what is on disk.
    if let Some(good) = good.filter(|_| is_worth_keeping) {
        inner.good.send_replace(Some(Arc::new(good.without_seeds())));
    }
    Ok(())
}

/// Puts in use what an earlier life kept on disk, if it did. Billing need not be asked: a version is written
/// there only after billing has taken its prices, which it never gives up.
async fn start_from_disk(inner: &Inner) {
    let Some(path) = inner.config.snapshot_path().map(ToOwned::to_owned) else { return };
    let key = Arc::clone(&inner.deps.master_key);
    let timeouts = inner.config.timeouts;
    let reading = tokio::task::spawn_blocking(move || {
        let Some(tables) = snapshot::read(&path, &key)? else { return Ok(None) };
        let read_at = tables.read_at;
        Ok(Some(Loaded {
            catalogue: Catalogue::build(tables, timeouts)?,
            read_at,
            source: Source::Disk,
            ..Loaded::default()
        }))
    });
    let outcome: Result<Option<Loaded>, Unreadable> = reading.await.unwrap_or(Ok(None));
    match outcome {
        Ok(None) => {}
        Ok(Some(loaded)) => {
            tracing::warn!(read_at = %loaded.read_at, "the catalogue is the one that was kept on disk");
            put_in_use(inner, loaded);
        }
        Err(error) => {
            inner.metrics.snapshot_failures.inc();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the catalogue that was kept on disk is passed over"
            );
        }
    }
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

/// A version is refused, and counted, once.
fn refuse(inner: &Inner, version: u64, invalid: &Invalid) {
    inner.metrics.catalogue_refused.inc();
    tracing::error!(
        catalogue.version = version,
        error = invalid as &dyn std::error::Error,
        "a catalogue version is refused, the last good one stays in use"
    );
    inner.note(|newest| newest.refused = Some(format!("version {version}: {invalid}")));
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

fn put_in_use(inner: &Inner, loaded: Loaded) {
    let (version, endpoints) = (loaded.catalogue.version(), loaded.catalogue.endpoints().len());
    let (is_ready, source) = (!loaded.catalogue.is_empty(), loaded.source);
    tracing::info!(
        catalogue.version = version,
        source = source.as_str(),
        endpoints,
        "a catalogue version is in use"
    );
    inner.metrics.catalogue_version.set(i64::try_from(version).unwrap_or(i64::MAX));
    inner.metrics.catalogue_endpoints.set(i64::try_from(endpoints).unwrap_or(i64::MAX));
    inner.current.store(Arc::new(loaded));
    inner.note(|newest| {
        if source == Source::Database {
            newest.refused = None;
        }
    });
    inner.deps.health.set(PART, is_ready);
}

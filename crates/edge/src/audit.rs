//! The record of changes, sealed in hash chains behind the transactions that write it: whoever writes waits for nobody.
//! What was sealed is verified again and again.

use lifecycle::Tasks;
use sqlx::PgPool;

use crate::config::AuditConfig;
use crate::metrics::Metrics;
use crate::store::audit;

/// Changes that are sealed at once.
const BATCH: i32 = 1_000;
/// Faults that are read, and those of them that are logged, at most.
const FOUND: i32 = 1_000;
const LOGGED: usize = 20;

/// Seals what was written and verifies what was sealed, in the background until the stop begins. Of several edges one
/// does each at a time.
pub(crate) fn run(tasks: &Tasks, pool: &PgPool, config: &AuditConfig, metrics: &Metrics) {
    let (stop, sealing, every) = (tasks.shutdown().wait(), pool.clone(), config.seal_every_ms.get());
    let seal = async move {
        loop {
            tokio::time::sleep(every).await;
            while sealed(&sealing).await >= i64::from(BATCH) {}
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = seal => {}
        }
    });
    let (stop, pool, config, metrics) =
        (tasks.shutdown().wait(), pool.clone(), config.clone(), metrics.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = verify(&pool, &config, &metrics) => {}
        }
    });
}

async fn sealed(pool: &PgPool) -> i64 {
    audit::seal(pool, BATCH).await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "the record of changes could not be sealed, it is tried again");
        0
    })
}

/// Looks at what is new, and at as much of what is old, for ever. All edges tell what any of them found.
async fn verify(pool: &PgPool, config: &AuditConfig, metrics: &Metrics) {
    let every = config.check_every_ms.get();
    let mut told = 0;
    loop {
        tokio::time::sleep(every).await;
        // A little less than the pause, so that an edge's own turn is never too early.
        let looked = audit::walk(pool, i32::from(config.check_batch.get()), every / 4 * 3).await;
        match (looked, audit::found(pool, FOUND).await) {
            (Ok(_), Ok(found)) => {
                metrics.audit_faults.set(i64::try_from(found.len()).unwrap_or(i64::MAX));
                for fault in found.iter().filter(|fault| fault.id > told).take(LOGGED) {
                    let entry = fault.entry.map(|id| id.to_string()).unwrap_or_default();
                    tracing::error!(
                        tenant.id = %fault.tenant,
                        entry,
                        detail = fault.detail,
                        "the record of changes is not whole"
                    );
                }
                told = found.iter().map(|fault| fault.id).fold(told, i64::max);
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(error = %error, "the record of changes could not be verified, it is tried again");
            }
        }
    }
}

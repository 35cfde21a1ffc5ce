//! The record of changes, sealed in hash chains behind the transactions that write it: whoever writes waits for nobody.

use std::time::Duration;

use lifecycle::Tasks;
use sqlx::PgPool;

use crate::store::audit;

/// Changes that are sealed at once.
const BATCH: i32 = 1_000;

/// Seals what was written, in the background until the stop begins. Of several edges one seals at a time.
pub(crate) fn seal(tasks: &Tasks, pool: PgPool, every: Duration) {
    let stop = tasks.shutdown().wait();
    let work = async move {
        loop {
            tokio::time::sleep(every).await;
            while sealed(&pool).await >= i64::from(BATCH) {}
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    });
}

async fn sealed(pool: &PgPool) -> i64 {
    audit::seal(pool, BATCH).await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "the record of changes could not be sealed, it is tried again");
        0
    })
}

//! Transactions that see one tenant.

use std::future::Future;
use std::pin::Pin;

use identity::TenantId;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres, Transaction};

/// A transaction bound to one tenant by row-level security. The first wall is the type: store functions
/// take it and cannot be called without a tenant.
pub struct TenantTx {
    transaction: Transaction<'static, Postgres>,
    tenant: TenantId,
}

impl TenantTx {
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

/// Runs `work` in a transaction of `tenant` and commits it when it succeeds.
///
/// The whole runs in a task of its own: a caller that goes away cannot leave a session inside a
/// transaction, nor stop a change half-way.
///
/// # Errors
/// What `work` answers, or the database's error in opening or committing.
pub async fn in_tenant<T, E, F>(pool: &PgPool, tenant: TenantId, work: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut TenantTx) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
        + Send
        + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut transaction = pool.begin().await?;
        sqlx::query_scalar!("select set_config('app.tenant', $1, true)", tenant.to_string())
            .fetch_one(&mut *transaction)
            .await?;
        let mut tenant_tx = TenantTx { transaction, tenant };
        let answer = work(&mut tenant_tx).await?;
        tenant_tx.transaction.commit().await?;
        Ok(answer)
    });
    task.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
}

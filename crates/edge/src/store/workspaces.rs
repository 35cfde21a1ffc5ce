//! The workspaces of an organisation.

use pg::TenantTx;
use uuid::Uuid;

/// What a workspace says for requests that leave it open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {}

/// The workspace of the transaction's tenant that goes by this id or slug.
pub(crate) async fn named(tx: &mut TenantTx, name: &str) -> Result<Option<Uuid>, sqlx::Error> {
    let (tenant, id) = (tx.tenant().uuid(), name.parse::<Uuid>().ok());
    sqlx::query_scalar!(
        "select id from identity.workspace where tenant_id = $1 and (id = $2 or slug = $3)
         order by id = $2 desc limit 1",
        tenant,
        id,
        name,
    )
    .fetch_optional(tx.connection())
    .await
}

//! Flags as operators have turned them.

use identity::TenantId;
use pg::TenantTx;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::flags::{Flag, Flags};

/// What somebody said of a flag.
#[derive(Debug, Clone)]
pub(crate) struct Turned {
    pub(crate) name: String,
    /// Zeros = for everybody.
    pub(crate) tenant: Uuid,
    pub(crate) is_on: bool,
}

/// What was said for everybody and, in its transaction, for the tenant; everybody's first.
pub(crate) async fn all(connection: &mut PgConnection, tenant: Uuid) -> Result<Vec<Turned>, sqlx::Error> {
    sqlx::query_as!(
        Turned,
        "select name, tenant_id as tenant, is_on from identity.flag
         where tenant_id = any(array[identity.nobody(), $1]) order by tenant_id <> identity.nobody(), name",
        tenant,
    )
    .fetch_all(connection)
    .await
}

/// Which flags are on for the transaction's tenant. Names that this service does not know are passed over.
pub(crate) async fn governing(tx: &mut TenantTx) -> Result<Flags, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let mut flags = Flags::default();
    for turned in all(tx.connection(), tenant).await? {
        if let Some(flag) = Flag::named(&turned.name) {
            flags.turn(flag, turned.is_on);
        }
    }
    Ok(flags)
}

/// Turns a flag for everybody or a tenant; `None` takes back what was said. Every edge hears of it.
pub(crate) async fn put(
    connection: &mut PgConnection,
    flag: Flag,
    tenant: Option<TenantId>,
    is_on: Option<bool>,
    actor: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"select identity.put_flag($1, $2, $3, $4) as "put: ()""#,
        flag.as_str(),
        tenant.map(TenantId::uuid),
        is_on,
        actor,
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

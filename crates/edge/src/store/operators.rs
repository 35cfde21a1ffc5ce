//! The bearer tokens of operators.

use identity::KeyHash;
use sqlx::PgPool;
use uuid::Uuid;

/// The name of the operator whose token this is, when it is in force.
pub(crate) async fn by_hash(pool: &PgPool, hash: KeyHash) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select identity.operator_by_hash($1)", hash.0.as_slice()).fetch_one(pool).await
}

/// Makes a token known; one that is known stays as it is.
pub(crate) async fn put(pool: &PgPool, hash: KeyHash, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.put_operator_token($1, $2, $3)::text as "nothing?""#,
        Uuid::now_v7(),
        hash.0.as_slice(),
        name,
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}

//! What an organisation says of its generations.

use identity::GenerationId;
use pg::TenantTx;

/// Keeps the last word on a generation. Whether it is another than what was kept.
pub(crate) async fn put(
    tx: &mut TenantTx,
    generation: GenerationId,
    category: &str,
    comment: Option<&str>,
    actor: &str,
) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into identity.generation_feedback as f (tenant_id, generation_id, category, comment, actor)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, generation_id) do update
             set category = excluded.category, comment = excluded.comment, actor = excluded.actor, updated_at = now()
             where (f.category, f.comment) is distinct from (excluded.category, excluded.comment)",
        tenant,
        generation.uuid(),
        category,
        comment,
        actor,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

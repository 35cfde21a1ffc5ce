//! Plans, their versions, and who is on which.

use chrono::{DateTime, Utc};
use identity::TenantId;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;

/// The plan that tenants get unless another is named, and whose prices callers without a key see.
pub(crate) const DEFAULT: &str = "default";

/// What a version says, as `billing.plan_terms` has it: equal terms are equal here. Basis points and nano-USD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub markup_bps: i32,
    /// In the order in which they are looked at.
    pub overrides: Vec<Override>,
    pub purchase_fee_bps: i32,
    pub purchase_fee_min: i64,
    pub own_key_fee_bps: i32,
    pub own_key_allowance: Option<i64>,
    pub payment: Payment,
    pub credit_limit: i64,
}

/// Another markup for a provider, a model, or both; an empty name stands for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Override {
    pub provider: String,
    pub model: String,
    pub markup_bps: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Payment {
    Prepaid,
    Postpaid,
}

pub(crate) struct Plan {
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub tenants: i64,
    /// Newest first.
    pub versions: Json<Vec<Version>>,
}

#[derive(Deserialize)]
pub(crate) struct Version {
    pub version: i32,
    pub terms: Terms,
    pub created_at_ms: i64,
    pub actor: String,
}

pub(crate) struct Move {
    pub plan: String,
    pub at: DateTime<Utc>,
    pub actor: String,
}

/// What became of a change.
pub(crate) struct Put {
    pub version: i32,
    pub is_unchanged: bool,
}

/// The terms that a tenant buys at, with the account of its own-key allowance where it has one.
pub(crate) async fn in_force(
    pool: &PgPool,
    tenant: TenantId,
) -> Result<Option<(Terms, Option<Uuid>)>, Error> {
    let row = sqlx::query!(
        r#"select p.terms as "terms!: Json<Terms>",
            case when (p.terms ->> 'own_key_allowance')::bigint > 0 and (p.terms ->> 'own_key_fee_bps')::integer > 0
                then billing.own_key_allowance(t.tenant_id) end as allowance
        from billing.tenant t
        cross join lateral billing.plan_terms(t.plan_id, billing.plan_in_force(t.plan_id)) p(terms)
        where t.tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (row.terms.0, row.allowance)))
}

/// The terms of the default plan.
pub(crate) async fn default_terms(pool: &PgPool) -> Result<Terms, Error> {
    let terms = sqlx::query_scalar!(
        r#"select billing.plan_terms(plan_id, billing.plan_in_force(plan_id)) as "terms!: Json<Terms>"
        from billing.plan where name = $1"#,
        DEFAULT
    )
    .fetch_one(pool)
    .await?;
    Ok(terms.0)
}

/// Plans by name, from after `after` on, each with its newest version.
pub(crate) async fn list(pool: &PgPool, after: &str, limit: Option<i64>) -> Result<Vec<Plan>, Error> {
    let plans = sqlx::query_as!(
        Plan,
        r#"select p.name, p.created_at,
            (select count(*) from billing.tenant t where t.plan_id = p.plan_id) as "tenants!",
            jsonb_build_array(jsonb_build_object('version', v.version, 'terms',
                billing.plan_terms(p.plan_id, v.version), 'created_at_ms',
                (extract(epoch from v.created_at) * 1000)::bigint, 'actor', v.actor))
                as "versions!: Json<Vec<Version>>"
        from billing.plan p
        join billing.plan_version v on v.plan_id = p.plan_id and v.version = billing.plan_in_force(p.plan_id)
        where p.name collate "C" > $1 order by p.name collate "C" limit $2"#,
        after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(plans)
}

/// One plan with every version.
pub(crate) async fn read(pool: &PgPool, name: &str) -> Result<Option<Plan>, Error> {
    let plan = sqlx::query_as!(
        Plan,
        r#"select p.name, p.created_at,
            (select count(*) from billing.tenant t where t.plan_id = p.plan_id) as "tenants!",
            (select jsonb_agg(jsonb_build_object('version', v.version, 'terms',
                    billing.plan_terms(p.plan_id, v.version), 'created_at_ms',
                    (extract(epoch from v.created_at) * 1000)::bigint, 'actor', v.actor) order by v.version desc)
                from billing.plan_version v where v.plan_id = p.plan_id)
                as "versions!: Json<Vec<Version>>"
        from billing.plan p where p.name = $1"#,
        name,
    )
    .fetch_optional(pool)
    .await?;
    Ok(plan)
}

/// Makes a plan or a version of it, unless these terms are in force already.
pub(crate) async fn put(
    pool: &PgPool,
    name: &str,
    terms: &Terms,
    actor: &str,
    dry_run: bool,
) -> Result<Put, Error> {
    let put = sqlx::query_as!(
        Put,
        r#"select version as "version!", is_unchanged as "is_unchanged!" from billing.put_plan($1, $2, $3, $4)"#,
        name,
        Json(terms) as Json<&Terms>,
        actor,
        dry_run,
    )
    .fetch_one(pool)
    .await?;
    Ok(put)
}

/// Puts a tenant on a plan: the plan it was on, and whether that is the same. `None` = there is no such plan.
pub(crate) async fn move_tenant(
    pool: &PgPool,
    tenant: TenantId,
    plan: &str,
    actor: &str,
) -> Result<Option<(String, bool)>, Error> {
    let moved = sqlx::query!(
        r#"select from_plan as "from_plan!", is_unchanged as "is_unchanged!" from billing.move_tenant($1, $2, $3)"#,
        tenant.uuid(),
        plan,
        actor,
    )
    .fetch_optional(pool)
    .await?;
    Ok(moved.map(|row| (row.from_plan, row.is_unchanged)))
}

/// The name of a tenant's plan.
pub(crate) async fn name_of(pool: &PgPool, tenant: TenantId) -> Result<Option<String>, Error> {
    let name = sqlx::query_scalar!(
        "select p.name from billing.tenant t join billing.plan p using (plan_id) where t.tenant_id = $1",
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(name)
}

/// How a tenant came to its plan, newest first.
pub(crate) async fn moves(pool: &PgPool, tenant: TenantId) -> Result<Vec<Move>, Error> {
    let moves = sqlx::query_as!(
        Move,
        "select p.name as plan, m.moved_at as at, m.actor
        from billing.plan_move m join billing.plan p using (plan_id)
        where m.tenant_id = $1 order by m.move_id desc",
        tenant.uuid(),
    )
    .fetch_all(pool)
    .await?;
    Ok(moves)
}

/// What a tenant is on, and what is left of its credit.
pub(crate) struct Standing {
    pub tenant_id: Uuid,
    pub plan: String,
    pub is_postpaid: bool,
    /// Nano-USD.
    pub balance: i64,
}

/// Of these tenants, those that there are.
pub(crate) async fn standings(pool: &PgPool, tenants: &[Uuid]) -> Result<Vec<Standing>, Error> {
    let standings = sqlx::query_as!(
        Standing,
        r#"select t.tenant_id, p.name as plan, v.payment = 'postpaid' as "is_postpaid!", b.posted as "balance!"
        from billing.tenant t
        join billing.plan p using (plan_id)
        join billing.plan_version v on v.plan_id = p.plan_id and v.version = billing.plan_in_force(p.plan_id)
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
        where t.tenant_id = any ($1)"#,
        tenants,
    )
    .fetch_all(pool)
    .await?;
    Ok(standings)
}

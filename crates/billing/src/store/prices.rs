//! Immutable copies of price versions.

use identity::PriceVersionId;
use pricing::{Class, PriceBook, Rate, Rates, Tier};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;

/// One price version and what it prices.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub id: PriceVersionId,
    pub endpoint: Option<Uuid>,
    pub provider: String,
    pub model: String,
    pub book: PriceBook,
}

/// Listed rates in pico-USD per unit, in the order of [`Class::ALL`]; those that are left out at the end are not
/// listed.
type Listed = Vec<Option<i64>>;

/// Rates that are never left out: as many as the first release has, which reads no other count.
const LEAST: usize = 10;

#[derive(Debug, Serialize, Deserialize)]
struct TierRow {
    above: u64,
    rates: Listed,
}

#[derive(Serialize)]
struct Row<'r> {
    id: Uuid,
    endpoint_id: Option<Uuid>,
    provider: &'r str,
    model: &'r str,
    base: Listed,
    tiers: Vec<TierRow>,
}

/// Keeps those that are not kept yet, and reads all of them back as they are kept.
pub(crate) async fn put(pool: &PgPool, prices: &[Pinned]) -> Result<Vec<(PriceVersionId, PriceBook)>, Error> {
    let rows: Vec<Row<'_>> = prices
        .iter()
        .map(|price| Row {
            id: price.id.uuid(),
            endpoint_id: price.endpoint,
            provider: &price.provider,
            model: &price.model,
            base: listed(&price.book.base),
            tiers: tiers(&price.book),
        })
        .collect();
    sqlx::query!(
        "insert into billing.price_version (price_version_id, endpoint_id, provider, model, base, tiers)
        select distinct on (r.id) r.id, r.endpoint_id, r.provider, r.model, r.base, r.tiers
        from jsonb_to_recordset($1) as r(id uuid, endpoint_id uuid, provider text, model text, base bigint[], tiers jsonb)
        order by r.id
        on conflict do nothing",
        Json(rows) as Json<Vec<Row<'_>>>,
    )
    .execute(pool)
    .await?;
    let ids: Vec<Uuid> = prices.iter().map(|price| price.id.uuid()).collect();
    let kept = sqlx::query!(
        r#"select price_version_id, base as "base: Vec<Option<i64>>", tiers as "tiers: Json<Vec<TierRow>>"
        from billing.price_version where price_version_id = any ($1)"#,
        &ids,
    )
    .fetch_all(pool)
    .await?;
    Ok(kept
        .into_iter()
        .map(|row| {
            let tiers = row.tiers.0.iter().map(|tier| Tier {
                above_prompt_tokens: tier.above,
                rates: rates(tier.rates.iter().copied()),
            });
            let book = PriceBook { base: rates(row.base.into_iter()), tiers: tiers.collect() };
            (PriceVersionId::from_uuid(row.price_version_id), book)
        })
        .collect())
}

fn listed(rates: &Rates) -> Listed {
    let mut listed = Class::ALL.map(|class| rates.listed(class).map(Rate::picos)).to_vec();
    while listed.len() > LEAST && listed.last() == Some(&None) {
        listed.pop();
    }
    listed
}

fn tiers(book: &PriceBook) -> Vec<TierRow> {
    book.tiers
        .iter()
        .map(|tier| TierRow { above: tier.above_prompt_tokens, rates: listed(&tier.rates) })
        .collect()
}

fn rates(listed: impl Iterator<Item = Option<i64>>) -> Rates {
    Class::ALL.into_iter().zip(listed).fold(Rates::default(), |rates, (class, picos)| match picos {
        Some(picos) => rates.with(class, Rate::from_picos(picos)),
        None => rates,
    })
}

//! Settled generations with all that their charges are made of, so that anybody can compute them again.

use anyhow::Context as _;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Ledger, SETTLED};

/// The classes of units, in the order of a price version's rates.
const UNITS: &str = "array[u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
    u.audio_input, u.audio_output, u.image, u.request, u.image_input, u.image_output, u.picture, u.character,
    u.second, u.search_unit]::bigint[]";
/// The places of what is free unless it is listed, and of what else stands in for the others.
const INPUT: usize = 0;
const OUTPUT: usize = 4;
const REQUEST: usize = 9;

/// One settled generation. Amounts in nano-dollars.
#[derive(Debug, Clone)]
pub struct Settled {
    pub generation: Uuid,
    /// The provider's own name for its answer; `None` when none was heard.
    pub response_id: Option<String>,
    pub price_version: Option<Uuid>,
    pub reserved: i64,
    pub charge: i64,
    pub absorbed: i64,
    pub waived: i64,
    /// Every kind of token that was read, and that was written.
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    units: Vec<i64>,
    /// Pico-dollars for each unit; `None` = not listed.
    rates: Vec<Option<i64>>,
    markup_basis_points: i64,
}

impl Settled {
    /// What its tokens come to by its price version and markup, rounded once, half to even.
    ///
    /// # Errors
    /// When its price lists no rate for something that it used.
    pub fn recomputed(&self) -> anyhow::Result<i64> {
        let mut picos: i128 = 0;
        for (class, units) in self.units.iter().enumerate().filter(|(_, units)| **units != 0) {
            let stand_in = match class {
                1..=3 => INPUT,
                5 => OUTPUT,
                INPUT | OUTPUT | REQUEST => class,
                _ => anyhow::bail!("{self:?}: {units} units of class {class} are not foreseen"),
            };
            let listed = |class: usize| self.rates.get(class).copied().flatten();
            let rate = listed(class).or_else(|| listed(stand_in)).unwrap_or(0);
            picos += i128::from(*units) * i128::from(rate);
        }
        let parts = picos * i128::from(10_000 + self.markup_basis_points);
        let (whole, rest) = (parts / 10_000_000, parts % 10_000_000);
        let is_up = rest > 5_000_000 || rest == 5_000_000 && whole % 2 == 1;
        Ok(i64::try_from(whole + i128::from(is_up))?)
    }
}

impl Ledger {
    /// Every settled generation of a model, as soon as there are so many.
    ///
    /// # Errors
    /// When there are not in time.
    pub async fn settled_all(&self, model: &str, many: usize) -> anyhow::Result<Vec<Settled>> {
        let deadline = tokio::time::Instant::now() + SETTLED;
        loop {
            let settled = self.settled(model).await?;
            if settled.len() >= many {
                return Ok(settled);
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "{} of {many} generations of {model} are settled",
                settled.len()
            );
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Every settled generation of a model, oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn settled(&self, model: &str) -> anyhow::Result<Vec<Settled>> {
        let query = format!(
            "select u.generation_id, u.provider_response_id, u.price_version_id, u.reserved, u.charge, u.absorbed,
                u.waived, u.markup_bps::bigint as markup, {UNITS} as units, p.base as rates
            from report.usage u left join report.price_versions p using (price_version_id)
            where u.model = $1 order by u.settled_at, u.generation_id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(model).fetch_all(&self.0).await?;
        rows.iter().map(settled).collect()
    }
}

fn settled(row: &PgRow) -> anyhow::Result<Settled> {
    let units: Vec<i64> = row.try_get("units")?;
    let sum = |classes: &[usize]| classes.iter().filter_map(|class| units.get(*class)).sum();
    Ok(Settled {
        generation: row.try_get("generation_id")?,
        response_id: row.try_get("provider_response_id")?,
        price_version: row.try_get("price_version_id")?,
        reserved: row.try_get("reserved")?,
        charge: row.try_get("charge")?,
        absorbed: row.try_get("absorbed")?,
        waived: row.try_get("waived")?,
        prompt_tokens: sum(&[0, 1, 2, 3, 6, 10]),
        completion_tokens: sum(&[4, 5, 7, 11]),
        rates: row.try_get::<Option<_>, _>("rates")?.unwrap_or_default(),
        markup_basis_points: row.try_get::<Option<i64>, _>("markup")?.context("no markup")?,
        units,
    })
}

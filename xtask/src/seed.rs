//! Made-up usage in great numbers, to see how lists, pages and rollups behave.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

/// Rows that one transaction writes.
const PORTION: u32 = 25_000;
/// No row costs more nano-USD: 12,000 tokens in and 4,000 out at the price that is seeded.
const DEAREST: i64 = 5_000_000;

/// Days that have no partition yet, each with its own: what is in none is moved one day at a time later.
const DAYS: &str = r"
do $$
declare
    v_day date;
    v_name text;
begin
    for v_day in select (billing.clock() at time zone 'UTC')::date - d from generate_series(0, current_setting('seed.days')::integer) d loop
        v_name := 'usage_' || to_char(v_day, 'YYYYMMDD');
        continue when to_regclass('billing.' || v_name) is not null;
        execute format('create table billing.%I (like billing.usage including defaults including constraints)', v_name);
        execute format('alter table billing.%I enable row level security, force row level security', v_name);
        execute format('alter table billing.usage attach partition billing.%I for values from (%L) to (%L)',
            v_name, v_day, v_day + 1);
    end loop;
end
$$";

const ACCOUNTS: &str = r"
insert into billing.price_version (price_version_id, provider, model, base)
values (md5('patchbay/seed price')::uuid, 'seed', 'seed',
    array[150000, null, null, null, 600000, null, null, null, null, null]::bigint[])
on conflict do nothing;
insert into billing.account (account_id, kind, code)
select billing.platform_account(code), 'platform', code from unnest(array['cogs:seed', 'payable:seed']) code
on conflict do nothing";

/// Writes `rows` rows of a tenant, or of a new one, spread over the last `days` days, most of them recent.
pub(crate) fn usage(url: &SecretString, rows: u32, days: u16, known: Option<&str>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut database =
            PgConnection::connect(url.expose_secret()).await.context("the database cannot be reached")?;
        sqlx::query("select set_config('seed.days', $1, false)")
            .bind(days.to_string())
            .execute(&mut database)
            .await?;
        sqlx::raw_sql(DAYS).execute(&mut database).await.context("the days cannot be opened")?;
        sqlx::raw_sql("set role patchbay_billing").execute(&mut database).await?;
        sqlx::raw_sql(ACCOUNTS).execute(&mut database).await?;
        let tenant: String = sqlx::query_scalar("select coalesce($1::uuid, gen_random_uuid())::text")
            .bind(known)
            .fetch_one(&mut database)
            .await?;
        if known.is_none() {
            sqlx::query("select billing.open_tenant($1::uuid, 'default', 0)")
                .bind(&tenant)
                .execute(&mut database)
                .await?;
        }
        sqlx::query(
            "select billing.grant_credit($1::uuid, $2, 'promotion', gen_random_uuid()::text, 'seeded usage')",
        )
        .bind(&tenant)
        .bind(i64::from(rows).saturating_mul(DEAREST).max(1))
        .execute(&mut database)
        .await?;
        let mut left = rows;
        while left > 0 {
            let portion = left.min(PORTION);
            sqlx::query(include_str!("seed.sql"))
                .bind(i32::try_from(portion)?)
                .bind(i32::from(days))
                .bind(sqlx::types::Uuid::parse_str(&tenant)?)
                .execute(&mut database)
                .await?;
            left -= portion;
            println!("{} of {rows} rows", rows - left);
        }
        println!("tenant {tenant}");
        Ok(())
    })
}

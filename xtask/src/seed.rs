//! Made-up usage in great numbers, to see how lists, pages and rollups behave.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

/// Rows that one transaction writes: few enough for a ledger like those of busy platforms.
const PORTION: u32 = 2_000;
/// Rows after which it is said how many there are.
const SAID: u32 = 50_000;
/// No row costs more nano-USD: 12,000 tokens in and 4,001 out at the price that is seeded.
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

/// What is to be made up.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// Rows of usage.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) rows: u32,
    /// Spread over so many days back from now, most of them recent.
    #[arg(long, default_value_t = 60)]
    pub(crate) days: u16,
    /// Also makes so many models that it is usage of, in the catalogue.
    #[arg(long, default_value_t = 0)]
    pub(crate) models: u16,
    /// The slug of an organisation that it is usage of, such as `demo`; without one, of a tenant of its own.
    #[arg(long)]
    pub(crate) organisation: Option<String>,
    /// As the owner of the schemas, such as `database_url` of `dev.json`.
    #[arg(long)]
    pub(crate) database_url: SecretString,
}

/// An organisation, its default workspace and one of its members.
type Place = (Uuid, Option<Uuid>, Option<Uuid>);

async fn place(database: &mut PgConnection, slug: &str) -> anyhow::Result<Place> {
    let found =
        "select o.id, (select w.id from identity.workspace w where w.tenant_id = o.id and w.is_default),
            (select m.person_id from identity.member m where m.tenant_id = o.id order by m.created_at limit 1)
        from identity.organisation o where o.slug = $1";
    let place: Option<Place> = sqlx::query_as(found).bind(slug).fetch_optional(&mut *database).await?;
    let place = place.with_context(|| format!("there is no organisation `{slug}`"))?;
    sqlx::query(include_str!("seed/keys.sql")).bind(place.0).execute(database).await?;
    Ok(place)
}

/// Writes usage, and the models that it is of.
pub(crate) fn usage(wanted: &Wanted) -> anyhow::Result<()> {
    let Wanted { rows, days, models, organisation, database_url: url } = wanted;
    let (rows, days) = (*rows, *days);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut database =
            PgConnection::connect(url.expose_secret()).await.context("the database cannot be reached")?;
        sqlx::query("select set_config('seed.days', $1, false)")
            .bind(days.to_string())
            .execute(&mut database)
            .await?;
        sqlx::raw_sql(DAYS).execute(&mut database).await.context("the days cannot be opened")?;
        if *models > 0 {
            let made = sqlx::query(include_str!("seed/models.sql")).bind(i32::from(*models));
            made.execute(&mut database).await.context("the models cannot be made")?;
        }
        let (tenant, workspace, person) = match organisation {
            Some(slug) => place(&mut database, slug).await?,
            None => (Uuid::now_v7(), None, None),
        };
        sqlx::raw_sql("set role patchbay_billing").execute(&mut database).await?;
        sqlx::raw_sql(ACCOUNTS).execute(&mut database).await?;
        for statement in [
            "select billing.open_tenant($1::uuid, 'default', 0) where $2 > 0
                and not exists (select from billing.tenant where tenant_id = $1::uuid)",
            "select billing.grant_credit($1::uuid, $2, 'promotion', 'seed/' || gen_random_uuid(), 'seeded usage')",
        ] {
            sqlx::query(statement)
                .bind(tenant.to_string())
                .bind(i64::from(rows).saturating_mul(DEAREST).max(1))
                .execute(&mut database)
                .await?;
        }
        let mut left = rows;
        while left > 0 {
            let portion = left.min(PORTION);
            sqlx::query(include_str!("seed/usage.sql"))
                .bind(i32::try_from(portion)?)
                .bind(i32::from(days))
                .bind(tenant)
                .bind(i32::from(*models))
                .bind(workspace)
                .bind(person)
                .execute(&mut database)
                .await?;
            left -= portion;
            if (rows - left).is_multiple_of(SAID) {
                println!("{} of {rows} rows", rows - left);
            }
        }
        println!("tenant {tenant}");
        Ok(())
    })
}

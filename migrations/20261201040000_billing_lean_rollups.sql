-- Billing: rollups without the dimensions that most questions do not name, folded with those that have all of them.
set lock_timeout = '5s';

-- In the order of folds, which take the mark first: they wait, and do not meet us half-way.
lock table billing.usage_fold in access exclusive mode;

-- A text that clients send is a dimension as well: what app asked.
create or replace view billing.usage_unit with (security_invoker = true) as
select s.xid, u.day, u.settled_at,
    date_trunc('hour', u.occurred_at, 'UTC') as at, u.tenant_id,
    coalesce(u.workspace_id, '00000000-0000-0000-0000-000000000000') as workspace_id,
    coalesce(u.user_id, '00000000-0000-0000-0000-000000000000') as user_id,
    coalesce(u.key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    coalesce(u.model, '') as model, coalesce(u.provider, '') as provider,
    coalesce(u.provider_name, '') as provider_name,
    coalesce(u.endpoint_id, '00000000-0000-0000-0000-000000000000') as endpoint_id, u.is_byok,
    1::bigint as requests,
    (u.deltas = 0 and not u.cancelled and coalesce(u.finish_reason, 'error') = 'error')::integer::bigint as errors,
    u.partial::integer::bigint as partials, u.cancelled::integer::bigint as cancelled,
    u.streamed::integer::bigint as streamed, u.attempts::bigint as attempts,
    u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning, u.audio_input, u.audio_output,
    u.image, u.request, u.image_input, u.image_output, u.picture, u.character, u.second, u.search_unit,
    u.charge, u.absorbed, u.waived, u.provider_cost, u.upstream_cost, u.latency_ms, u.generation_time_ms,
    coalesce(u.app_title, '') as app_title, coalesce(u.app_referer, '') as app_referer
from billing.settlement s
join billing.usage u on u.generation_id = s.generation_id and u.day = billing.uuid_day(s.generation_id);

-- The rollups, the smallest first, and what each tells apart. Each is two tables: `NAME_hourly` and `NAME_daily`.
create function billing.usage_rollups() returns table (name text, dimensions text[])
language sql immutable parallel safe rows 7 as $$
    values
        ('usage_by_provider', array['provider', 'provider_name', 'is_byok']),
        ('usage_by_tenant', array['tenant_id', 'is_byok']),
        ('usage_by_key', array['tenant_id', 'key_id', 'user_id', 'workspace_id', 'is_byok']),
        ('usage_by_endpoint', array['endpoint_id', 'model', 'provider', 'provider_name', 'is_byok']),
        ('usage_by_model', array['tenant_id', 'endpoint_id', 'model', 'provider', 'provider_name', 'workspace_id', 'is_byok']),
        ('usage_by_app', array['tenant_id', 'app_title', 'app_referer', 'workspace_id', 'is_byok']),
        ('usage', array['tenant_id', 'key_id', 'endpoint_id', 'model', 'provider', 'provider_name', 'workspace_id', 'user_id', 'is_byok'])
$$;

do $$
declare
    v_table record;
begin
    for v_table in
        select format('%s_%s', r.name, g.grain) as name, r.dimensions,
            (select string_agg(format('%I %s not null', d, case when d = 'is_byok' then 'boolean' when d like '%\_id' then 'uuid' else 'text' end), ', ')
                from unnest(r.dimensions) d) as columns
        from billing.usage_rollups() r cross join (values ('hourly'), ('daily')) g(grain)
        where r.name <> 'usage'
    loop
        execute format(
            'create table billing.%I (at timestamptz not null, %s, %s, primary key (%s))
            with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)',
            v_table.name, v_table.columns,
            (select string_agg(format('%I bigint not null', m), ', ') from unnest(billing.usage_measures()) m),
            (select string_agg(quote_ident(d), ', ') from unnest(case when v_table.dimensions[1] = 'tenant_id'
                then array['tenant_id', 'at'] || v_table.dimensions[2:] else array['at'] || v_table.dimensions end) d));
        if v_table.dimensions[1] = 'tenant_id' then
            execute format('create index on billing.%I (at)', v_table.name);
        end if;
        execute format('alter table billing.%I enable row level security, force row level security', v_table.name);
        execute format('create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table.name);
        execute format('grant select, insert, update, delete on billing.%I to patchbay_billing', v_table.name);
    end loop;
end
$$;

-- What names a key or a person and a model is in the full rollups alone.
create index usage_daily_model on billing.usage_daily (tenant_id, model, at);
create index usage_daily_key on billing.usage_daily (tenant_id, key_id, at);
create index usage_daily_user on billing.usage_daily (tenant_id, user_id, at);

-- From when on the lean rollups hold everything that the full ones do, and from when on apps are told apart. What was
-- there before is added a day at a time, the newest first; apps of that time are in single generations alone.
alter table billing.usage_fold
    add column lean_from timestamptz not null default '-infinity',
    add column apps_from timestamptz not null default '-infinity';
update billing.usage_fold set lean_from = 'infinity',
    apps_from = date_trunc('day', billing.clock() + interval '1 day', 'UTC')
where exists (select from billing.usage_daily) or exists (select from billing.settlement);

-- A fold of before that waits for this migration is to fail and not to pass the lean rollups by.
drop function billing.fold_into(text, text, xid8, xid8, date[]);

-- The statement that adds `u`, rows like those of billing.usage_unit, to one rollup.
create function billing.fold_sql(p_name text, p_dimensions text[], p_grain text) returns text
language sql immutable as $$
    select format(
        'insert into billing.%1$I as r (at, %2$s, %3$s)
        select date_trunc(%4$L, u.at, ''UTC''), %2$s, %5$s from u group by 1, %2$s
        on conflict (at, %2$s) do update set %6$s',
        p_name || case p_grain when 'hour' then '_hourly' else '_daily' end,
        (select string_agg(quote_ident(d), ', ') from unnest(p_dimensions) d),
        string_agg(quote_ident(m), ', '), p_grain, string_agg(format('sum(u.%I)', m), ', '),
        string_agg(format('%1$I = r.%1$I + excluded.%1$I', m), ', '))
    from unnest(billing.usage_measures()) m
$$;

-- Adds what transactions from `p_from` to below `p_below` settled, whose usage lies in `p_days`, to every rollup.
create function billing.fold_between(p_from xid8, p_below xid8, p_days date[]) returns void language plpgsql as $$
begin
    execute (select 'with u as materialized (
            select * from billing.usage_unit u where u.xid >= $1 and u.xid < $2 and u.day = any ($3)), '
        || string_agg(format('%I as (%s)', r.name || '_' || g.grain, billing.fold_sql(r.name, r.dimensions, g.grain)), ', ')
        || ' select'
        from billing.usage_rollups() r cross join (values ('hour'), ('day')) g(grain))
    using p_from, p_below, p_days;
end
$$;

-- Folds up to about `p_limit` further settlements, whole transactions at a time, and moves the mark: one
-- transaction, so that whatever happens to it each settlement is folded once. How many; 0 also when a twin folds.
create or replace function billing.fold_usage(p_limit integer) returns bigint
language plpgsql set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
    v_from xid8;
    v_below xid8;
    v_last xid8;
    v_next xid8;
    v_days date[];
    v_folded bigint;
    v_to timestamptz;
begin
    select f.folded_below into v_from from billing.usage_fold f for update skip locked;
    if not found then
        return 0;
    end if;
    v_below := pg_snapshot_xmin(pg_current_snapshot());
    if v_below < v_from then
        raise exception 'transactions count from % again, usage is folded to %: the database was restored without '
            'its transaction counter', v_below, v_from;
    end if;
    select s.xid into v_last from billing.settlement s
    where s.xid >= v_from and s.xid < v_below order by s.xid offset greatest(p_limit, 1) - 1 limit 1;
    if found then
        select s.xid into v_next from billing.settlement s
        where s.xid > v_last and s.xid < v_below order by s.xid limit 1;
        v_below := coalesce(v_next, v_below);
    end if;
    select array_agg(distinct billing.uuid_day(s.generation_id)), count(*), max(s.settled_at)
        into v_days, v_folded, v_to
    from billing.settlement s where s.xid >= v_from and s.xid < v_below;
    if v_folded > 0 then
        perform billing.fold_between(v_from, v_below, v_days);
        update billing.usage_fold set folded_below = v_below, folded_to = greatest(folded_to, v_to);
    end if;
    return v_folded;
end
$$;

-- Makes the lean rollups of the newest day that they do not hold yet from the full ones, whatever has been folded
-- into them meanwhile: one transaction, under the mark. The day; null = there is none left, or a twin folds.
create function billing.backfill_usage() returns date language plpgsql set jit = off as $$
declare
    v_from timestamptz;
    v_day timestamptz;
    v_rollup record;
begin
    select f.lean_from into v_from from billing.usage_fold f where f.lean_from > '-infinity' for update skip locked;
    if not found then
        return null;
    end if;
    select d.at into v_day from billing.usage_daily d where d.at < v_from order by d.at desc limit 1;
    update billing.usage_fold set lean_from = coalesce(v_day, '-infinity');
    if v_day is null then
        return null;
    end if;
    for v_rollup in select r.name, r.dimensions, g.grain, g.table
        from billing.usage_rollups() r cross join (values ('hour', '_hourly'), ('day', '_daily')) g(grain, "table")
        where r.name not in ('usage', 'usage_by_app')
    loop
        execute format('delete from billing.%I where at >= $1 and at < $1 + interval ''1 day''', v_rollup.name || v_rollup.table)
        using v_day;
        execute format('with u as (select * from billing.%I where at >= $1 and at < $1 + interval ''1 day'') %s',
            'usage' || v_rollup.table, billing.fold_sql(v_rollup.name, v_rollup.dimensions, v_rollup.grain))
        using v_day;
    end loop;
    return (v_day at time zone 'UTC')::date;
end
$$;

-- Rollups that differ from the usage that is folded into them, in any of the dimensions that they tell apart, of days
-- whose usage is all there. None, ever.
create or replace function billing.rollup_differences(p_from date, p_until date)
returns table (rollup text, at timestamptz, detail text) language plpgsql stable set jit = off as $$
declare
    v_mark billing.usage_fold := (select f from billing.usage_fold f);
    v_rollup record;
begin
    for v_rollup in select r.name || g.table as name, g.grain, array_to_string(r.dimensions, ', ') as dimensions,
            case r.name when 'usage' then '-infinity' when 'usage_by_app' then v_mark.apps_from else v_mark.lean_from end as since
        from billing.usage_rollups() r cross join (values ('hour', '_hourly'), ('day', '_daily')) g(grain, "table")
    loop
        return query execute format(
            'select %1$L::text, coalesce(r.at, u.at), format(''%%s, usage says %%s'', r.sums, u.sums)
            from (select at, %4$s, array[%3$s] as sums from billing.%1$I
                where at >= $1 and at < $2 group by at, %4$s) r
            full join (select date_trunc(%2$L, at, ''UTC'') as at, %4$s, array[%3$s] as sums
                from billing.usage_unit where xid < $3 and at >= $1 and at < $2 group by 1, %4$s) u
                using (at, %4$s)
            where r.sums is distinct from u.sums',
            v_rollup.name, v_rollup.grain,
            (select string_agg(format('sum(%I)', m), ', ') from unnest(billing.usage_measures()) m), v_rollup.dimensions)
        using greatest(p_from::timestamp at time zone 'UTC', v_rollup.since),
            p_until::timestamp at time zone 'UTC', v_mark.folded_below;
    end loop;
end
$$;

-- Forgets up to `p_limit` sums of apps from before the time of which single generations are kept. How many.
create function billing.prune_apps(p_limit integer) returns bigint language plpgsql as $$
declare
    v_since timestamptz := (select k.since from billing.kept k where k.what = 'usage');
    v_pruned bigint;
begin
    with hourly as (
        delete from billing.usage_by_app_hourly h using (
            select o.ctid from billing.usage_by_app_hourly o where o.at < v_since limit p_limit) old
        where h.ctid = old.ctid returning 1
    ), daily as (
        delete from billing.usage_by_app_daily d using (
            select o.ctid from billing.usage_by_app_daily o where o.at < v_since limit p_limit) old
        where d.ctid = old.ctid returning 1
    )
    select greatest((select count(*) from hourly), (select count(*) from daily)) into v_pruned;
    return v_pruned;
end
$$;

-- Puts up to `p_limit` of a tenant's sums of apps together, so that none is named. How many.
create function billing.erase_usage_apps(p_tenant uuid, p_limit integer) returns bigint language plpgsql as $$
declare
    v_dimensions text[] := (select r.dimensions from billing.usage_rollups() r where r.name = 'usage_by_app');
    v_grain record;
    v_gone bigint;
    v_most bigint := 0;
begin
    -- What is being folded may still name them.
    perform from billing.usage_fold f for update;
    for v_grain in select * from (values ('hour', '_hourly'), ('day', '_daily')) g(grain, "table") loop
        execute format(
            'with gone as (delete from billing.%1$I where ctid = any (array(
                select ctid from billing.%1$I
                where tenant_id = $1 and (app_title <> '''' or app_referer <> '''') limit $2)) returning *),
            u as (select at, tenant_id, ''''::text as app_title, ''''::text as app_referer, workspace_id, is_byok, %2$s from gone),
            folded as (%3$s)
            select count(*) from gone',
            'usage_by_app' || v_grain.table,
            (select string_agg(quote_ident(m), ', ') from unnest(billing.usage_measures()) m),
            billing.fold_sql('usage_by_app', v_dimensions, v_grain.grain))
        into v_gone using p_tenant, p_limit;
        v_most := greatest(v_most, v_gone);
    end loop;
    return v_most;
end
$$;

-- What an erasure does with each table of a tenant. One that is new belongs here.
create or replace function billing.erasure_plan() returns table (name text, fate text, because text)
language sql immutable as $$
    values
        ('account', 'kept', 'The books: accounts go by ids.'),
        ('attempt', 'kept', 'Which provider was tried, by ids; dropped when usage is.'),
        ('bill_difference', 'kept', 'A comparison of a provider''s bill, by ids.'),
        ('billing_profile', 'blanked', 'Country and tax stay, for the invoice of the last period.'),
        ('breach', 'kept', 'What checks of the books found, by ids.'),
        ('credit_note', 'kept', 'A document that the law wants kept.'),
        ('document', 'kept', 'Invoices, receipts and credit notes as they were issued: the law wants them kept, unchanged.'),
        ('invoice', 'kept', 'The books, by ids.'),
        ('invoice_payment', 'kept', 'The books, by references of payments.'),
        ('invoicing_freeze', 'kept', 'Why no invoice is issued, as the operator wrote it.'),
        ('key_usage', 'kept', 'Sums, by ids of keys.'),
        ('lease', 'kept', 'What is open settles first; sums, by ids.'),
        ('notice', 'blanked', 'What it said goes, that there was one stays.'),
        ('notice_settings', 'blanked', 'Where notices went, and the secret that signed them.'),
        ('payer', 'blanked', 'The customer at the payment processor, and the card.'),
        ('payment', 'kept', 'The books: the processor''s references of payments.'),
        ('plan_move', 'kept', 'The books, by ids.'),
        ('promotion', 'kept', 'The books: why credit was given, as the operator wrote it.'),
        ('reversal', 'kept', 'The books: why money went back, as the operator wrote it.'),
        ('seal', 'kept', 'The chain of the books.'),
        ('subject_usage', 'kept', 'Sums, by ids of workspaces, members and guardrails.'),
        ('tenant', 'kept', 'The plan, by ids.'),
        ('transfer', 'kept', 'The ledger is never changed.'),
        ('usage', 'blanked', 'What clients said of their users and of themselves goes; counts and charges stay.'),
        ('usage_by_app_daily', 'blanked', 'Sums; the names of apps go.'),
        ('usage_by_app_hourly', 'blanked', 'Sums; the names of apps go.'),
        ('usage_by_key_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_key_hourly', 'kept', 'Sums, by ids.'),
        ('usage_by_model_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_model_hourly', 'kept', 'Sums, by ids.'),
        ('usage_by_tenant_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_tenant_hourly', 'kept', 'Sums, by ids.'),
        ('usage_daily', 'kept', 'Sums, by ids.'),
        ('usage_hourly', 'kept', 'Sums, by ids.')
$$;

-- Billing: usage by hour and by day, folded from settled usage behind settlement's back, each row exactly once.
set lock_timeout = '5s';

-- A settlement and its usage are written by one transaction. Everything below the oldest running transaction is
-- complete, so that a mark among transactions divides what is folded from what is not, in whatever order they end.
alter table billing.settlement add column xid xid8 not null default pg_current_xact_id();
create index settlement_xid on billing.settlement (xid);

-- Lists of a tenant's or a key's usage: ids carry their time, so that they are the order of the pages too.
create index usage_tenant on billing.usage (tenant_id, generation_id);
create index usage_key on billing.usage (key_id, generation_id);

create table billing.usage_fold (
    only_row boolean primary key default true check (only_row),
    -- What transactions below this one settled is in the rollups, and nothing else.
    folded_below xid8 not null,
    -- When the newest settlement that is folded was made.
    folded_to timestamptz not null
);
insert into billing.usage_fold (folded_below, folded_to) values ('0', 'epoch');

-- Sums by the hour (UTC) in which requests were admitted. What a request has not is the nil id, or ''.
create table billing.usage_hourly (
    at timestamptz not null,
    tenant_id uuid not null,
    workspace_id uuid not null,
    user_id uuid not null,
    key_id uuid not null,
    model text not null,
    provider text not null,
    provider_name text not null,
    endpoint_id uuid not null,
    is_byok boolean not null,
    requests bigint not null,
    -- No content came, and it was not the client that left.
    errors bigint not null,
    partials bigint not null,
    cancelled bigint not null,
    streamed bigint not null,
    attempts bigint not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write_5m bigint not null,
    cache_write_1h bigint not null,
    output bigint not null,
    reasoning bigint not null,
    audio_input bigint not null,
    audio_output bigint not null,
    image bigint not null,
    request bigint not null,
    image_input bigint not null,
    image_output bigint not null,
    picture bigint not null,
    character bigint not null,
    second bigint not null,
    search_unit bigint not null,
    -- Nano-USD.
    charge bigint not null,
    absorbed bigint not null,
    waived bigint not null,
    provider_cost bigint not null,
    upstream_cost bigint not null,
    -- Sums of milliseconds.
    latency_ms bigint not null,
    generation_time_ms bigint not null,
    primary key (tenant_id, at, key_id, endpoint_id, model, provider, provider_name, workspace_id, user_id, is_byok)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index usage_hourly_at on billing.usage_hourly (at);

-- The same by day (UTC).
create table billing.usage_daily (like billing.usage_hourly including all);

-- What is summed, and what by.
create function billing.usage_measures() returns text[] language sql immutable parallel safe as $$
    select array['requests', 'errors', 'partials', 'cancelled', 'streamed', 'attempts', 'input', 'cache_read',
        'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'audio_input', 'audio_output', 'image', 'request',
        'image_input', 'image_output', 'picture', 'character', 'second', 'search_unit', 'charge', 'absorbed',
        'waived', 'provider_cost', 'upstream_cost', 'latency_ms', 'generation_time_ms']
$$;

create function billing.usage_dimensions() returns text[] language sql immutable parallel safe as $$
    select array['tenant_id', 'workspace_id', 'user_id', 'key_id', 'model', 'provider', 'provider_name',
        'endpoint_id', 'is_byok']
$$;

-- Each settlement as the row of a rollup that it would be alone.
create view billing.usage_unit with (security_invoker = true) as
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
    u.charge, u.absorbed, u.waived, u.provider_cost, u.upstream_cost, u.latency_ms, u.generation_time_ms
from billing.settlement s
join billing.usage u on u.generation_id = s.generation_id and u.day = billing.uuid_day(s.generation_id);

-- Adds what transactions from `p_from` to below `p_below` settled, whose usage lies in `p_days`, to one rollup.
create function billing.fold_into(p_rollup text, p_grain text, p_from xid8, p_below xid8, p_days date[]) returns void
language plpgsql as $$
declare
    v_dimensions text := (select string_agg(quote_ident(d), ', ') from unnest(billing.usage_dimensions()) d);
    v_measures text := (select string_agg(quote_ident(m), ', ') from unnest(billing.usage_measures()) m);
    v_sums text := (select string_agg(format('sum(u.%I)', m), ', ') from unnest(billing.usage_measures()) m);
    v_added text := (select string_agg(format('%1$I = r.%1$I + excluded.%1$I', m), ', ')
        from unnest(billing.usage_measures()) m);
begin
    execute format(
        'insert into billing.%1$I as r (at, %2$s, %3$s)
        select date_trunc(%4$L, u.at, ''UTC''), %2$s, %5$s
        from billing.usage_unit u where u.xid >= $1 and u.xid < $2 and u.day = any ($3)
        group by 1, %2$s
        on conflict (tenant_id, at, key_id, endpoint_id, model, provider, provider_name, workspace_id, user_id,
            is_byok) do update set %6$s',
        p_rollup, v_dimensions, v_measures, p_grain, v_sums, v_added)
    using p_from, p_below, p_days;
end
$$;

-- Folds up to about `p_limit` further settlements, whole transactions at a time, and moves the mark: one
-- transaction, so that whatever happens to it each settlement is folded once. How many; 0 also when a twin folds.
create function billing.fold_usage(p_limit integer) returns bigint
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
        perform billing.fold_into('usage_hourly', 'hour', v_from, v_below, v_days);
        perform billing.fold_into('usage_daily', 'day', v_from, v_below, v_days);
        update billing.usage_fold set folded_below = v_below, folded_to = greatest(folded_to, v_to);
    end if;
    return v_folded;
end
$$;

-- Settlements that are not folded yet, and how long the oldest of them has waited.
create function billing.usage_unfolded(out waiting bigint, out seconds double precision)
language sql stable set enable_seqscan = off set jit = off as $$
    select count(*), coalesce(extract(epoch from billing.clock() - min(s.settled_at)), 0)
    from billing.settlement s where s.xid >= (select f.folded_below from billing.usage_fold f)
$$;

-- Usage admitted from `p_from` to before `p_until` up to this moment: rollups, and what is not folded yet on top,
-- of one snapshot. Summed by `p_grain` (`hour`, `day`, `week`, `month`; `` = all in one) and the dimensions of
-- `p_by`; those not named are null. `p_filter` says {dimension: value}. Both times fall on hours where the grain
-- is an hour, else on days.
create function billing.usage_sums(p_grain text, p_by text[], p_filter jsonb, p_from timestamptz,
    p_until timestamptz, p_limit integer)
returns setof billing.usage_hourly language plpgsql stable
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
    v_below xid8 := (select f.folded_below from billing.usage_fold f);
    v_days date[] := array(select distinct billing.uuid_day(s.generation_id)
        from billing.settlement s where s.xid >= v_below);
    v_rollup text := case p_grain when 'hour' then 'usage_hourly' else 'usage_daily' end;
    v_base text := case p_grain when 'hour' then 'hour' else 'day' end;
    v_dimensions text := (select string_agg(quote_ident(d), ', ') from unnest(billing.usage_dimensions()) d);
    v_measures text := (select string_agg(quote_ident(m), ', ') from unnest(billing.usage_measures()) m);
    v_kept text := (select string_agg(case when d = any (p_by) then quote_ident(d)
            when d = 'is_byok' then 'null::boolean'
            when d in ('model', 'provider', 'provider_name') then 'null::text' else 'null::uuid' end, ', ' order by n)
        from unnest(billing.usage_dimensions()) with ordinality x(d, n));
    v_grouped text := coalesce((select ', ' || string_agg(quote_ident(d), ', ')
        from unnest(billing.usage_dimensions()) d where d = any (p_by)), '');
    v_sums text := (select string_agg(format('sum(%I)::bigint', m), ', ') from unnest(billing.usage_measures()) m);
    v_filter text := coalesce((select string_agg(format(' and %I = %L', f.key, f.value), '')
        from jsonb_each_text(p_filter) f where f.key = any (billing.usage_dimensions())), '');
    v_at text := case when p_grain = '' then format('%L::timestamptz', p_from)
        else format('date_trunc(%L, at, ''UTC'')', p_grain) end;
    v_tail text := '';
begin
    if cardinality(v_days) > 0 then
        v_tail := format('union all select date_trunc(%L, at, ''UTC'') as at, %s, %s from billing.usage_unit
            where xid >= %L and day = any (%L) and at >= $1 and at < $2%s', v_base, v_dimensions, v_measures, v_below,
            v_days, v_filter);
    end if;
    return query execute format(
        'select %s, %s, %s from (
            select at, %s, %s from billing.%I where at >= $1 and at < $2%s %s) u
        group by 1%s order by 1%s limit $3',
        v_at, v_kept, v_sums, v_dimensions, v_measures, v_rollup, v_filter, v_tail, v_grouped, v_grouped)
    using p_from, p_until, p_limit;
end
$$;

-- The lowest id that can be made at a moment.
create function billing.uuid_at(p_at timestamptz) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex(least(greatest(floor(extract(epoch from p_at) * 1000), 0), 281474976710655)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The query of a page of usage, newest first: ids made from `p_since` (null = 31 days before) to before `p_until`
-- (null = tomorrow), below `p_after`, that match {dimension: value}. A text, so that the days and the index are
-- chosen for what is asked, and so that its plan can be looked at.
create function billing.usage_page_sql(p_filter jsonb, p_since timestamptz, p_until timestamptz, p_after uuid,
    p_limit integer) returns text language plpgsql stable as $$
declare
    v_until timestamptz := coalesce(p_until, billing.clock() + interval '1 day');
    v_from uuid := billing.uuid_at(coalesce(p_since, v_until - interval '31 days'));
    v_before uuid := least(billing.uuid_at(v_until), p_after);
    v_filter text := coalesce((select string_agg(format(' and u.%I = %L', f.key, f.value), '')
        from jsonb_each_text(p_filter) f where f.key = any (billing.usage_dimensions())), '');
begin
    return format('select u.* from billing.usage u where u.day between %L and %L
        and u.generation_id >= %L and u.generation_id < %L%s order by u.generation_id desc limit %s',
        billing.uuid_day(v_from), billing.uuid_day(v_before), v_from, v_before, v_filter, p_limit);
end
$$;

create function billing.usage_page(p_filter jsonb, p_since timestamptz, p_until timestamptz, p_after uuid,
    p_limit integer) returns setof billing.usage language plpgsql stable set jit = off as $$
begin
    return query execute billing.usage_page_sql(p_filter, p_since, p_until, p_after, p_limit);
end
$$;

-- What the tenant's own credentials paid, beside what it was charged.
alter table billing.key_usage add column upstream_cost bigint not null default 0;

-- Totals.
create or replace function billing.write_totals(p_records billing.record[], p_now timestamptz) returns void
language plpgsql as $$
begin
    insert into billing.key_usage as k (key_id, day, tenant_id, charge, requests, upstream_cost)
    select r.key_id, (billing.occurred(r.lease_ids, p_now) at time zone 'UTC')::date as day, r.tenant_id,
        sum(r.charge), count(*), sum(coalesce(r.upstream_cost, 0))
    from unnest(p_records) r where r.key_id is not null
    group by 1, 2, 3 order by 1, 2
    on conflict (key_id, day) do update
        set charge = k.charge + excluded.charge, requests = k.requests + excluded.requests,
            upstream_cost = k.upstream_cost + excluded.upstream_cost;
    perform billing.count_subjects(p_records, p_now);
end
$$;

-- Rollups that differ from the usage that is folded into them, of days whose usage is all there. None, ever.
create function billing.rollup_differences(p_from date, p_until date)
returns table (rollup text, at timestamptz, detail text) language plpgsql stable set jit = off as $$
declare
    v_below xid8 := (select f.folded_below from billing.usage_fold f);
    v_rollup record;
begin
    for v_rollup in select * from (values ('usage_hourly', 'hour'), ('usage_daily', 'day')) r(name, grain) loop
        return query execute format(
            'select %1$L::text, coalesce(r.at, u.at), format(''%%s, usage says %%s'', r.sums, u.sums)
            from (select at, tenant_id, array[%3$s] as sums from billing.%1$I
                where at >= $1 and at < $2 group by 1, 2) r
            full join (select date_trunc(%2$L, at, ''UTC'') as at, tenant_id, array[%3$s] as sums
                from billing.usage_unit where xid < $3 and at >= $1 and at < $2 group by 1, 2) u
                using (at, tenant_id)
            where r.sums is distinct from u.sums',
            v_rollup.name, v_rollup.grain,
            (select string_agg(format('sum(%I)', m), ', ') from unnest(billing.usage_measures()) m))
        using p_from::timestamp at time zone 'UTC', p_until::timestamp at time zone 'UTC', v_below;
    end loop;
end
$$;

create view report.usage_hourly with (security_invoker = true) as select * from billing.usage_hourly;
create view report.usage_daily with (security_invoker = true) as select * from billing.usage_daily;
grant select on report.usage_hourly, report.usage_daily to patchbay_report, patchbay_billing;
grant select on billing.usage_hourly, billing.usage_daily to patchbay_report;
grant select on billing.usage_unit to patchbay_billing;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['usage_fold', 'usage_hourly', 'usage_daily'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert, update on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;
create policy report_reads on billing.usage_hourly for select to patchbay_report using (true);
create policy report_reads on billing.usage_daily for select to patchbay_report using (true);

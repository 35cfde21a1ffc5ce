-- Billing: sums are read from the smallest rollup that tells apart what is asked, whole days from the daily one.
set lock_timeout = '5s';

-- The smallest rollup that tells `p_dimensions` apart and holds everything from `p_from` on; null = none does.
create function billing.usage_rollup(p_dimensions text[], p_from timestamptz) returns text language sql stable as $$
    select r.name
    from billing.usage_rollups() with ordinality r(name, dimensions, place) cross join billing.usage_fold f
    where r.dimensions @> p_dimensions and p_from >= case r.name when 'usage' then '-infinity'
        when 'usage_by_app' then f.apps_from else f.lean_from end
    order by r.place limit 1
$$;

-- What is not folded yet, of one tenant or of all (null): little, at the end of large tables, whatever the planner
-- thinks of its number.
create function billing.usage_tail(p_tenant uuid, p_from timestamptz, p_until timestamptz)
returns setof billing.usage_unit language plpgsql stable rows 100
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
    v_below xid8 := (select f.folded_below from billing.usage_fold f);
    v_days date[] := array(select distinct billing.uuid_day(s.generation_id)
        from billing.settlement s where s.xid >= v_below);
begin
    if cardinality(v_days) > 0 then
        -- Two statements, so that each has a plan that fits.
        if p_tenant is null then
            return query select * from billing.usage_unit u
                where u.xid >= v_below and u.day = any (v_days) and u.at >= p_from and u.at < p_until;
        else
            return query select * from billing.usage_unit u
                where u.xid >= v_below and u.day = any (v_days) and u.at >= p_from and u.at < p_until
                    and u.tenant_id = p_tenant;
        end if;
    end if;
end
$$;

-- Rows of a rollup and of what is not folded yet that lie in a time and meet a condition. Of the query's parameters $1 is
-- the tenant, or null for all; $4 and $5 are the whole hours from and before which; $6 and $7 those between which days are
-- whole, and thus from the daily rollup. Null for a rollup that is none.
create function billing.usage_rows(p_rollup text, p_condition text) returns text language sql immutable parallel safe as $$
    select format(
        'select at, %1$s from billing.%2$I where at >= $6 and at < $7 and %4$s
        union all select at, %1$s from billing.%3$I where at >= $4 and at < least($6, $5) and %4$s
        union all select at, %1$s from billing.%3$I where at >= greatest($6, $7) and at < $5 and %4$s
        union all select at, %1$s from billing.usage_tail($1, $4, $5) where %4$s',
        (select string_agg(quote_ident(c), ', ') from unnest(r.dimensions || billing.usage_measures()) c),
        r.name || '_daily', r.name || '_hourly', p_condition)
    from billing.usage_rollups() r where r.name = p_rollup
$$;

-- The first moment of a whole day from a whole hour on.
create function billing.next_day(p_at timestamptz) returns timestamptz language sql immutable parallel safe as $$
    select date_trunc('day', p_at + interval '1 day' - interval '1 microsecond', 'UTC')
$$;

-- The query of sums: a text, so that its plan is made for what is asked and can be looked at. Its parameters are those
-- of billing.usage_rows, $2 = groups at most, $3 = {dimension: value} and $8 = rows at most.
create function billing.usage_sums_sql(p_rollup text, p_grain text, p_by text[], p_filter jsonb, p_top_by text)
returns text language plpgsql immutable as $$
declare
    v_rows text := billing.usage_rows(p_rollup, coalesce((select string_agg(
            case when f = 'tenant_id' then 'tenant_id = $1'
                else format('%I = ($3->>%L)::%s', f, f,
                    case when f = 'is_byok' then 'boolean' when f like '%\_id' then 'uuid' else 'text' end) end, ' and ')
        from jsonb_object_keys(p_filter) f where f = any (billing.usage_dimensions())), 'true'));
    v_at text := case p_grain when '' then '$4' when 'hour' then 'u.at' else format('date_trunc(%L, u.at, ''UTC'')', p_grain) end;
    v_is_top boolean := p_top_by is not null and cardinality(p_by) > 0;
    v_kept text := (select string_agg(case when d = any (p_by) then format(case when v_is_top then 't.%I' else 'u.%I' end, d)
            when d = 'is_byok' then 'null::boolean'
            when d in ('model', 'provider', 'provider_name') then 'null::text' else 'null::uuid' end, ', ' order by n)
        from unnest(billing.usage_dimensions()) with ordinality x(d, n));
    v_by text := (select string_agg(quote_ident(d), ', ') from unnest(p_by) d);
    v_groups text := coalesce((select string_agg(format(case when v_is_top then ', t.%I' else ', u.%I' end, d), '') from unnest(p_by) d), '');
    v_order text := coalesce((select string_agg(format(', %s', n + 1), '' order by n)
        from unnest(billing.usage_dimensions()) with ordinality x(d, n) where d = any (p_by)), '');
    v_sums text := (select string_agg(format('sum(u.%I)::bigint', m), ', ') from unnest(billing.usage_measures()) m);
begin
    return case when v_is_top then format(
            'with top as materialized (
                select %1$s from (%2$s) r group by %1$s order by sum(%3$I) desc, %1$s limit $2) ', v_by, v_rows, p_top_by)
        else '' end
        || format('select %s, %s, %s from (%s) u ', v_at, v_kept, v_sums, v_rows)
        || case when v_is_top then format('left join top t using (%s) ', v_by) else '' end
        || format('group by 1%s order by 1%s limit $8', v_groups, v_order);
end
$$;

-- Usage admitted from `p_from` to before `p_until` up to this moment: rollups, and what is not folded yet on top,
-- of one snapshot. Summed by `p_grain` (`hour`, `day`, `week`, `month`; `` = all in one) and the dimensions of
-- `p_by`; those not named are null. `p_filter` says {dimension: value}. Times are taken down to the hour where the grain
-- is one, to the day where it is longer; where all is one, hours are whole. With `p_top`, only so many groups, with the
-- most of `p_top_by`, are told apart; in what is left the dimensions of `p_by` are null.
drop function billing.usage_sums(text, text[], jsonb, timestamptz, timestamptz, integer);
create function billing.usage_sums(p_grain text, p_by text[], p_filter jsonb, p_from timestamptz,
    p_until timestamptz, p_limit integer, p_top integer default null, p_top_by text default 'charge')
returns setof billing.usage_hourly language plpgsql stable set jit = off set work_mem = '16MB' as $$
declare
    v_base text := case when p_grain in ('', 'hour') then 'hour' else 'day' end;
    v_from timestamptz := date_trunc(v_base, p_from, 'UTC');
    v_until timestamptz := date_trunc(v_base,
        case p_grain when '' then p_until + interval '1 hour' - interval '1 microsecond' else p_until end, 'UTC');
    v_day_from timestamptz := case p_grain when 'hour' then v_until else billing.next_day(v_from) end;
    v_rollup text := billing.usage_rollup(p_by || array(select f from jsonb_object_keys(p_filter) f
        where f = any (billing.usage_dimensions())), v_from);
begin
    if p_top_by <> all (billing.usage_measures()) or v_rollup is null then
        raise exception 'there is no such measure or dimension' using errcode = 'PB400';
    end if;
    return query execute billing.usage_sums_sql(v_rollup, p_grain, p_by, p_filter, case when p_top > 0 then p_top_by end)
    using (p_filter->>'tenant_id')::uuid, p_top, p_filter, v_from, v_until, v_day_from,
        date_trunc('day', v_until, 'UTC'), p_limit;
end
$$;

-- The columns of rollups that a dimension of analytics is told from.
create function billing.analytics_columns(p_name text) returns text[] language sql immutable parallel safe as $$
    select case p_name
        when 'model' then array['model']
        when 'provider' then array['provider_name']
        when 'api_key_id' then array['key_id']
        when 'user' then array['user_id']
        when 'workspace' then array['workspace_id']
        when 'app' then array['app_title', 'app_referer']
        when 'origin' then array['app_referer']
        else array[p_name]
    end
$$;

-- The smallest rollup that answers a question from `p_from` on; null where the answer is in single generations alone:
-- rollups have no order within an hour, and of times only sums.
create function billing.analytics_rollup(p_grain text, p_by text[], p_metrics text[], p_filters jsonb, p_from timestamptz)
returns text language sql stable as $$
    select billing.usage_rollup(array(
            select distinct c from (
                select unnest(p_by) union all select f->>'field' from jsonb_array_elements(p_filters) f) d(name)
            cross join unnest(billing.analytics_columns(d.name)) c) || array['tenant_id'], p_from)
    where p_grain <> 'minute' and not exists (select from unnest(p_metrics) m where m ~ '^p[0-9]+_')
$$;

-- Usage of tenant $1 from $4 to before $5, $6 and $7 as in billing.usage_rows. Single generations (no rollup) are found
-- by their ids, which carry the time of their arrival: that is within the hour of when they were admitted, but for what
-- cost nothing and settled later. What filters name is looked up by index as well, where there is one.
create function billing.analytics_usage(p_rollup text, p_filters jsonb) returns text language sql immutable parallel safe as $$
    select coalesce(billing.usage_rows(p_rollup, 'tenant_id = $1' || coalesce((
            select string_agg(format(' and %I = any (array(select x::%s from jsonb_array_elements_text($3->%s->''values'') x))',
                case f.value->>'field' when 'api_key_id' then 'key_id' when 'user' then 'user_id' else 'model' end,
                case f.value->>'field' when 'model' then 'text' else 'uuid' end, f.n - 1), '')
            from jsonb_array_elements(p_filters) with ordinality f(value, n)
            where f.value->>'field' in ('model', 'api_key_id', 'user') and f.value->>'operator' = 'in'
                and not coalesce((f.value->>'unset')::boolean, false)), '')),
        'select u.*, u.occurred_at as at, 1::bigint as requests,
            (u.deltas = 0 and not u.cancelled and coalesce(u.finish_reason, ''error'') = ''error'')::integer::bigint as errors
        from billing.usage u
        where u.tenant_id = $1 and u.occurred_at >= $4 and u.occurred_at < $5
            and u.day between billing.uuid_day(billing.uuid_at($4 - interval ''1 hour''))
                and billing.uuid_day(billing.uuid_at($5 + interval ''1 hour''))
            and u.generation_id >= billing.uuid_at($4 - interval ''1 hour'')
            and u.generation_id < billing.uuid_at($5 + interval ''1 hour'')')
$$;

-- The query of an answer: a text, so that its plan is made for what is asked and can be looked at. With `p_is_top` the
-- groups that are not among the first $10 by the first metric, or by requests where that is a mean, are one.
create function billing.analytics_sql(p_rollup text, p_grain text, p_by text[], p_metrics text[], p_filters jsonb,
    p_order text, p_descending boolean, p_is_top boolean) returns text language plpgsql stable as $$
declare
    v_at text := case when p_grain = '' then 'null::timestamptz' else format('date_trunc(%L, u.at, ''UTC'')', p_grain) end;
    v_first text := case when cardinality(p_by) > 0 then billing.analytics_dimension(p_by[1]) else 'null::text' end;
    v_second text := case when cardinality(p_by) > 1 then billing.analytics_dimension(p_by[2]) else 'null::text' end;
    v_metrics text := (select string_agg(format('%s as m%s', billing.analytics_metric(m), n), ', ' order by n)
        from unnest(p_metrics) with ordinality x(m, n));
    v_figures text := (select string_agg('m' || n, ', ' order by n) from unnest(p_metrics) with ordinality x(m, n));
    v_keys text := concat_ws(', ', case when p_grain <> '' then '1' end,
        case when p_is_top then '2, 3, 4' when cardinality(p_by) > 1 then '2, 3' when cardinality(p_by) > 0 then '2' end);
    v_order text := case
        when p_order = 'date' then 'at'
        when p_order = p_by[1] then 'first collate "C"'
        when p_order = p_by[2] then 'second collate "C"'
        when p_order = any (p_metrics) then 'm' || array_position(p_metrics, p_order)
        when p_order = 'request_count' then 'requests'
    end;
    v_usage text := format('(%s) u where true%s', billing.analytics_usage(p_rollup, p_filters), billing.analytics_conditions(p_filters));
    v_top text := '';
begin
    if p_grain not in ('', 'minute', 'hour', 'day', 'week', 'month') or cardinality(p_by) > 2 or v_order is null
        or v_first is null or v_second is null
        or (select count(billing.analytics_metric(m)) from unnest(p_metrics) m) is distinct from cardinality(p_metrics)
    then
        raise exception 'there is no such metric, dimension, granularity or order' using errcode = 'PB400';
    end if;
    v_order := format('%s %s nulls last, at, is_rest, first collate "C", second collate "C"', v_order,
        case when p_descending then 'desc' else 'asc' end);
    if p_is_top then
        -- Read once, of the measures those that are asked for.
        v_top := format('with used as materialized (select u.at, u.is_byok, %1$s as d1, %2$s as d2, %3$s from %4$s),
                top as materialized (select coalesce(u.d1, '''') as first, coalesce(u.d2, '''') as second from used u
                    group by 1, 2 order by %5$s desc nulls last, 1, 2 limit $10) ',
            v_first, v_second,
            (select string_agg(format('u.%I', m), ', ') from unnest(billing.usage_measures()) m
                where m = 'requests' or v_metrics ~ format('u\.%s\M', m)),
            v_usage,
            billing.analytics_metric(case when p_metrics[1] ~ '^(avg|p[0-9]+)_|_rate$' then 'request_count' else p_metrics[1] end));
        v_usage := 'used u left join top t on t.first = coalesce(u.d1, '''') and t.second = coalesce(u.d2, '''')';
        v_first := 'case when t.first is not null then u.d1 end';
        v_second := 'case when t.first is not null then u.d2 end';
    end if;
    return v_top || format(
        'select at, first, second, is_rest, jsonb_build_array(%1$s) as figures from (
            select *, case when $9::integer is not null then row_number() over (partition by first, second, is_rest order by %2$s) end as place
            from (select %3$s as at, %4$s as first, %5$s as second, %6$s as is_rest, %7$s, sum(u.requests) as requests
                from %8$s %9$s) grouped) placed
        where $9 is null or place <= $9 order by %2$s limit $8',
        v_figures, v_order, v_at, v_first, v_second, case when p_is_top then 't.first is null' else 'false' end, v_metrics,
        v_usage, case when v_keys <> '' then 'group by ' || v_keys else '' end);
end
$$;

-- What a tenant asks of its usage from `p_from` to before `p_until`: `p_metrics` in their order, by time (`p_grain`, ``
-- = not) and up to two dimensions, at most `p_limit` rows, of each pair of values at most `p_group_limit`; where `p_top` is
-- said only so many pairs, the rest together. From rollups, whose hours are whole, where these suffice, else from single
-- generations.
drop function billing.analytics(uuid, uuid, text, text[], text[], jsonb, timestamptz, timestamptz, text, boolean, integer, integer);
create function billing.analytics(p_tenant uuid, p_home uuid, p_grain text, p_by text[], p_metrics text[],
    p_filters jsonb, p_from timestamptz, p_until timestamptz, p_order text, p_descending boolean, p_limit integer,
    p_group_limit integer, p_top integer default null)
returns table (at timestamptz, first text, second text, is_rest boolean, figures jsonb)
language plpgsql stable set jit = off set work_mem = '16MB' as $$
declare
    v_from timestamptz := date_trunc('hour', p_from, 'UTC');
    v_until timestamptz := date_trunc('hour', p_until + interval '1 hour' - interval '1 microsecond', 'UTC');
    v_rollup text := billing.analytics_rollup(p_grain, p_by, p_metrics, p_filters, v_from);
begin
    if v_rollup is null then
        v_from := p_from;
        v_until := p_until;
    end if;
    return query execute billing.analytics_sql(v_rollup, p_grain, p_by, p_metrics, p_filters, p_order, p_descending,
        p_top is not null and cardinality(p_by) > 0)
    using p_tenant, p_home, p_filters, v_from, v_until,
        case p_grain when 'hour' then v_until else billing.next_day(v_from) end, date_trunc('day', v_until, 'UTC'),
        p_limit, p_group_limit, p_top;
end
$$;

drop function billing.analytics_sql(boolean, text, text[], text[], jsonb, text, boolean);
drop function billing.analytics_usage(boolean);
drop function billing.analytics_of_single(text, text[], text[], jsonb);
drop function billing.usage_unfolded_of(uuid, timestamptz, timestamptz);

-- Billing: what a tenant asks of its usage, by any two dimensions and any metrics. Names pick fixed pieces of SQL;
-- values that are asked for are parameters of the query, never a part of it.
set lock_timeout = '5s';

-- A dimension of usage as a text, null where the usage has none. $2 is the workspace of usage that names none.
-- Null for a name that is none.
create function billing.analytics_dimension(p_name text) returns text language sql immutable parallel safe as $$
    select case p_name
        when 'model' then 'nullif(u.model, '''')'
        when 'provider' then 'nullif(u.provider_name, '''')'
        when 'api_key_id' then 'nullif(u.key_id, ''00000000-0000-0000-0000-000000000000'')::text'
        when 'user' then 'nullif(u.user_id, ''00000000-0000-0000-0000-000000000000'')::text'
        when 'workspace' then
            'coalesce(nullif(u.workspace_id, ''00000000-0000-0000-0000-000000000000''), $2)::text'
        when 'app' then 'coalesce(nullif(u.app_title, ''''), nullif(u.app_referer, ''''))'
        when 'origin' then 'nullif(u.app_referer, '''')'
        when 'finish_reason' then 'nullif(u.finish_reason, '''')'
        when 'external_user' then 'nullif(u.end_user, '''')'
        when 'generation_id' then 'u.generation_id::text'
    end
$$;

-- A metric over a group of usage: units, milliseconds and nano-USD as whole numbers, the rest as double precision.
-- Null for a name that is none.
create function billing.analytics_metric(p_name text) returns text language sql immutable parallel safe as $$
    select case p_name
        when 'request_count' then 'coalesce(sum(u.requests), 0)::bigint'
        when 'byok_request_count' then 'coalesce(sum(u.requests) filter (where u.is_byok), 0)::bigint'
        when 'error_count' then 'coalesce(sum(u.errors), 0)::bigint'
        when 'error_rate' then 'sum(u.errors)::float8 / nullif(sum(u.requests), 0)::float8'
        when 'tokens_prompt' then 'coalesce(sum(' || x.prompt || '), 0)::bigint'
        when 'tokens_completion' then 'coalesce(sum(' || x.completion || '), 0)::bigint'
        when 'tokens_total' then 'coalesce(sum(' || x.prompt || ' + ' || x.completion || '), 0)::bigint'
        when 'reasoning_tokens' then 'coalesce(sum(u.reasoning), 0)::bigint'
        when 'cached_tokens' then 'coalesce(sum(u.cache_read), 0)::bigint'
        when 'cache_hit_rate' then 'sum(u.cache_read)::float8 / nullif(sum(' || x.prompt || '), 0)::float8'
        when 'total_usage' then 'coalesce(sum(u.charge + u.upstream_cost), 0)::bigint'
        when 'credits_usage' then 'coalesce(sum(u.charge), 0)::bigint'
        when 'openrouter_usage' then 'coalesce(sum(u.charge) filter (where not u.is_byok), 0)::bigint'
        when 'byok_usage' then 'coalesce(sum(u.upstream_cost), 0)::bigint'
        when 'byok_fees' then 'coalesce(sum(u.charge) filter (where u.is_byok), 0)::bigint'
        when 'usage_upstream' then
            'coalesce(sum(case when u.is_byok then u.upstream_cost else u.provider_cost end), 0)::bigint'
        when 'avg_latency' then 'sum(u.latency_ms)::float8 / nullif(sum(u.requests), 0)::float8'
        when 'p50_latency' then 'percentile_cont(0.5) within group (order by u.latency_ms::float8)'
        when 'p90_latency' then 'percentile_cont(0.9) within group (order by u.latency_ms::float8)'
        when 'p99_latency' then 'percentile_cont(0.99) within group (order by u.latency_ms::float8)'
        when 'avg_throughput' then
            'sum(' || x.completion || ')::float8 * 1000 / nullif(sum(u.generation_time_ms), 0)::float8'
        when 'p50_throughput' then 'percentile_cont(0.5) within group (order by ' || x.throughput || ')'
        when 'p90_throughput' then 'percentile_cont(0.9) within group (order by ' || x.throughput || ')'
        when 'p99_throughput' then 'percentile_cont(0.99) within group (order by ' || x.throughput || ')'
    end
    from (values (
        '(u.input + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.audio_input + u.image_input)',
        '(u.output + u.reasoning + u.audio_output + u.image_output)',
        '(u.output + u.reasoning + u.audio_output + u.image_output) * 1000 / nullif(u.generation_time_ms, 0)::float8'
    )) x(prompt, completion, throughput)
$$;

-- Whether the answer is in single generations alone: the rollups have neither these dimensions nor order within
-- an hour, and of times only sums.
create function billing.analytics_of_single(p_grain text, p_by text[], p_metrics text[], p_filters jsonb)
returns boolean language sql immutable parallel safe as $$
    select p_grain = 'minute' or exists (select from unnest(p_metrics) m where m ~ '^p[0-9]+_')
        or exists (select from (select unnest(p_by) union all select f->>'field' from jsonb_array_elements(p_filters) f) d(name)
            where d.name in ('app', 'origin', 'finish_reason', 'external_user', 'generation_id'))
$$;

-- The conditions of [{field, operator, values, unset}], $3. `in` and `not_in` take usage without the dimension where
-- `unset` says so, the others never do. Refuses what is none.
create function billing.analytics_conditions(p_filters jsonb) returns text language plpgsql immutable as $$
declare
    v_filter record;
    v_dimension text;
    v_conditions text := '';
begin
    for v_filter in select f.n::integer - 1 as n, f.value->>'field' as field, f.value->>'operator' as operator,
            coalesce((f.value->>'unset')::boolean, false) as unset
        from jsonb_array_elements(p_filters) with ordinality f(value, n)
    loop
        v_dimension := billing.analytics_dimension(v_filter.field);
        if v_dimension is null or v_filter.operator not in ('in', 'not_in', 'gt', 'gte', 'lt', 'lte') then
            raise exception 'there is no such filter' using errcode = 'PB400';
        end if;
        v_conditions := v_conditions || case
            when v_filter.field = 'generation_id' and v_filter.operator = 'in' then format(
                ' and u.generation_id = any (array(select x::uuid from jsonb_array_elements_text($3->%s->''values'') x))',
                v_filter.n)
            when v_filter.operator in ('in', 'not_in') then format(
                ' and coalesce(%s %s (array(select jsonb_array_elements_text($3->%s->''values''))), %s)', v_dimension,
                case v_filter.operator when 'in' then '= any' else '<> all' end, v_filter.n,
                case when v_filter.unset then 'true' else 'false' end)
            else format(' and (%s) collate "C" %s ($3->%s->''values''->>0)', v_dimension,
                case v_filter.operator when 'gt' then '>' when 'gte' then '>=' when 'lt' then '<' else '<=' end,
                v_filter.n)
        end;
    end loop;
    return v_conditions;
end
$$;

-- What of a tenant's usage is not folded yet, as the rollup of hours that it would be: little, at the end of large
-- tables, whatever the planner thinks of its number.
create function billing.usage_unfolded_of(p_tenant uuid, p_from timestamptz, p_until timestamptz)
returns setof billing.usage_hourly language plpgsql stable
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
    v_below xid8 := (select f.folded_below from billing.usage_fold f);
    v_days date[] := array(select distinct billing.uuid_day(s.generation_id)
        from billing.settlement s where s.xid >= v_below);
begin
    if cardinality(v_days) > 0 then
        return query execute format(
            'select at, tenant_id, workspace_id, user_id, key_id, model, provider, provider_name, endpoint_id, is_byok, %s
            from billing.usage_unit
            where xid >= $1 and day = any ($2) and tenant_id = $3 and at >= $4 and at < $5',
            (select string_agg(quote_ident(m), ', ') from unnest(billing.usage_measures()) m))
        using v_below, v_days, p_tenant, p_from, p_until;
    end if;
end
$$;

-- Usage of tenant $1 from $4 to before $5. Single generations are found by their ids, which carry the time of their
-- arrival: that is within the hour of when they were admitted, but for what cost nothing and settled later. Of rollups
-- whole days from $6 to before $7, the hours around them, and what is not folded yet.
create function billing.analytics_usage(p_single boolean) returns text language sql immutable parallel safe as $$
    select case when p_single then
        'select u.*, u.occurred_at as at, 1::bigint as requests,
            (u.deltas = 0 and not u.cancelled and coalesce(u.finish_reason, ''error'') = ''error'')::integer::bigint as errors
        from billing.usage u
        where u.tenant_id = $1 and u.occurred_at >= $4 and u.occurred_at < $5
            and u.day between billing.uuid_day(billing.uuid_at($4 - interval ''1 hour''))
                and billing.uuid_day(billing.uuid_at($5 + interval ''1 hour''))
            and u.generation_id >= billing.uuid_at($4 - interval ''1 hour'')
            and u.generation_id < billing.uuid_at($5 + interval ''1 hour'')'
    else
        'select * from billing.usage_daily where tenant_id = $1 and at >= $6 and at < $7
        union all select * from billing.usage_hourly where tenant_id = $1 and at >= $4 and at < $6
        union all select * from billing.usage_hourly where tenant_id = $1 and at >= greatest($6, $7) and at < $5
        union all select * from billing.usage_unfolded_of($1, $4, $5)'
    end
$$;

-- The query of an answer: a text, so that its plan is made for what is asked and can be looked at.
create function billing.analytics_sql(p_single boolean, p_grain text, p_by text[], p_metrics text[], p_filters jsonb,
    p_order text, p_descending boolean) returns text language plpgsql stable as $$
declare
    v_at text := case when p_grain = '' then 'null::timestamptz' else format('date_trunc(%L, u.at, ''UTC'')', p_grain) end;
    v_first text := case when cardinality(p_by) > 0 then billing.analytics_dimension(p_by[1]) else 'null::text' end;
    v_second text := case when cardinality(p_by) > 1 then billing.analytics_dimension(p_by[2]) else 'null::text' end;
    v_metrics text := (select string_agg(format('%s as m%s', billing.analytics_metric(m), n), ', ' order by n)
        from unnest(p_metrics) with ordinality x(m, n));
    v_figures text := (select string_agg('m' || n, ', ' order by n) from unnest(p_metrics) with ordinality x(m, n));
    v_keys text := concat_ws(', ', case when p_grain <> '' then '1' end,
        case when cardinality(p_by) > 0 then '2' end, case when cardinality(p_by) > 1 then '3' end);
    v_order text := case
        when p_order = 'date' then 'at'
        when p_order = p_by[1] then 'first collate "C"'
        when p_order = p_by[2] then 'second collate "C"'
        when p_order = any (p_metrics) then 'm' || array_position(p_metrics, p_order)
        when p_order = 'request_count' then 'requests'
    end;
begin
    if p_grain not in ('', 'minute', 'hour', 'day', 'week', 'month') or cardinality(p_by) > 2 or v_order is null
        or v_first is null or v_second is null
        or (select count(billing.analytics_metric(m)) from unnest(p_metrics) m) is distinct from cardinality(p_metrics)
    then
        raise exception 'there is no such metric, dimension, granularity or order' using errcode = 'PB400';
    end if;
    v_order := format('%s %s nulls last, at, first collate "C", second collate "C"', v_order,
        case when p_descending then 'desc' else 'asc' end);
    return format(
        'select at, first, second, jsonb_build_array(%1$s) as figures from (
            select *, case when $9::integer is not null then row_number() over (partition by first, second order by %2$s) end as place
            from (select %3$s as at, %4$s as first, %5$s as second, %6$s, sum(u.requests) as requests
                from (%7$s) u where true%8$s %9$s) grouped) placed
        where $9 is null or place <= $9 order by %2$s limit $8',
        v_figures, v_order, v_at, v_first, v_second, v_metrics, billing.analytics_usage(p_single),
        billing.analytics_conditions(p_filters),
        case when v_keys <> '' then 'group by ' || v_keys else '' end);
end
$$;

-- What a tenant asks of its usage from `p_from` to before `p_until`: `p_metrics` in their order, by time (`p_grain`, ``
-- = not) and up to two dimensions, at most `p_limit` rows, of each pair of values at most `p_group_limit`. From rollups,
-- whose hours are whole, where these suffice, else from single generations.
create function billing.analytics(p_tenant uuid, p_home uuid, p_grain text, p_by text[], p_metrics text[],
    p_filters jsonb, p_from timestamptz, p_until timestamptz, p_order text, p_descending boolean, p_limit integer,
    p_group_limit integer)
returns table (at timestamptz, first text, second text, figures jsonb) language plpgsql stable set jit = off as $$
declare
    v_single boolean := billing.analytics_of_single(p_grain, p_by, p_metrics, p_filters);
    v_from timestamptz := case when v_single then p_from else date_trunc('hour', p_from, 'UTC') end;
    v_until timestamptz := case when v_single then p_until
        else date_trunc('hour', p_until + interval '1 hour' - interval '1 microsecond', 'UTC') end;
    v_day_from timestamptz := case when p_grain = 'hour' then v_until
        else least(date_trunc('day', v_from + interval '1 day' - interval '1 microsecond', 'UTC'), v_until) end;
    v_day_until timestamptz := date_trunc('day', v_until, 'UTC');
begin
    return query execute billing.analytics_sql(v_single, p_grain, p_by, p_metrics, p_filters, p_order, p_descending)
    using p_tenant, p_home, p_filters, v_from, v_until, v_day_from, v_day_until, p_limit, p_group_limit;
end
$$;

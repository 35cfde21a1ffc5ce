-- Billing: what filters name is looked at once a row, and full rollups are summed once before the rest is told from them.
set lock_timeout = '5s';

-- Whether a filter is met by what an index over rollups finds, and by nothing else.
create function billing.analytics_is_found(p_filter jsonb) returns boolean language sql immutable parallel safe as $$
    select p_filter->>'field' in ('model', 'api_key_id', 'user') and p_filter->>'operator' = 'in'
        and not coalesce((p_filter->>'unset')::boolean, false)
$$;

-- Usage of tenant $1 from $4 to before $5, $6 and $7 as in billing.usage_rows. Single generations (no rollup) are found
-- by their ids, which carry the time of their arrival: that is within the hour of when they were admitted, but for what
-- cost nothing and settled later. Of rollups there is only what filters name that an index finds.
create or replace function billing.analytics_usage(p_rollup text, p_filters jsonb) returns text
language sql immutable parallel safe as $$
    select coalesce(billing.usage_rows(p_rollup, 'tenant_id = $1' || coalesce((
            select string_agg(format(
                    ' and %I = any (array(select nullif(x, %L)::%s from jsonb_array_elements_text($3->%s->''values'') x))',
                    d.name, d.unset, d.type, f.n - 1), '')
            from jsonb_array_elements(p_filters) with ordinality f(value, n)
            join (values ('api_key_id', 'key_id', 'uuid', '00000000-0000-0000-0000-000000000000'),
                ('user', 'user_id', 'uuid', '00000000-0000-0000-0000-000000000000'),
                ('model', 'model', 'text', '')) d(field, name, type, unset) on d.field = f.value->>'field'
            where billing.analytics_is_found(f.value)), '')),
        'select u.*, u.occurred_at as at, 1::bigint as requests,
            (u.deltas = 0 and not u.cancelled and coalesce(u.finish_reason, ''error'') = ''error'')::integer::bigint as errors
        from billing.usage u
        where u.tenant_id = $1 and u.occurred_at >= $4 and u.occurred_at < $5
            and u.day between billing.uuid_day(billing.uuid_at($4 - interval ''1 hour''))
                and billing.uuid_day(billing.uuid_at($5 + interval ''1 hour''))
            and u.generation_id >= billing.uuid_at($4 - interval ''1 hour'')
            and u.generation_id < billing.uuid_at($5 + interval ''1 hour'')')
$$;

-- The conditions of [{field, operator, values, unset}], $3, that billing.analytics_usage leaves. `in` and `not_in` take
-- usage without the dimension where `unset` says so, the others never do. Refuses what is none.
drop function billing.analytics_conditions(jsonb);
create function billing.analytics_conditions(p_rollup text, p_filters jsonb) returns text language plpgsql immutable as $$
declare
    v_filter record;
    v_dimension text;
    v_conditions text := '';
begin
    for v_filter in select f.n::integer - 1 as n, f.value, f.value->>'field' as field, f.value->>'operator' as operator,
            coalesce((f.value->>'unset')::boolean, false) as unset
        from jsonb_array_elements(p_filters) with ordinality f(value, n)
    loop
        v_dimension := billing.analytics_dimension(v_filter.field);
        if v_dimension is null or v_filter.operator not in ('in', 'not_in', 'gt', 'gte', 'lt', 'lte') then
            raise exception 'there is no such filter' using errcode = 'PB400';
        end if;
        continue when p_rollup is not null and billing.analytics_is_found(v_filter.value);
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

-- The query of an answer: a text, so that its plan is made for what is asked and can be looked at. With `p_is_top` the
-- groups that are not among the first $10 by the first metric, or by requests where that is a mean, are one.
create or replace function billing.analytics_sql(p_rollup text, p_grain text, p_by text[], p_metrics text[], p_filters jsonb,
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
    v_usage text := format('(%s) u where true%s', billing.analytics_usage(p_rollup, p_filters),
        billing.analytics_conditions(p_rollup, p_filters));
    -- A full rollup tells much more apart than is asked: summed first, most of its rows are read once.
    v_is_summed boolean := coalesce(p_rollup = 'usage', false);
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
        v_top := format('with used as materialized (select u.at, u.is_byok, %1$s as d1, %2$s as d2, %3$s from %4$s%6$s),
                top as materialized (select coalesce(u.d1, '''') as first, coalesce(u.d2, '''') as second from used u
                    group by 1, 2 order by %5$s desc nulls last, 1, 2 limit $10) ',
            v_first, v_second,
            (select string_agg(format(case when v_is_summed then 'sum(u.%1$I)::bigint as %1$I' else 'u.%I' end, m), ', ')
                from unnest(billing.usage_measures()) m where m = 'requests' or v_metrics ~ format('u\.%s\M', m)),
            v_usage,
            billing.analytics_metric(case when p_metrics[1] ~ '^(avg|p[0-9]+)_|_rate$' then 'request_count' else p_metrics[1] end),
            case when v_is_summed then ' group by 1, 2, 3, 4' else '' end);
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

-- Billing: pages of single generations by model and by how they ended.
set lock_timeout = '5s';

-- What a tenant looks for among its generations and finds seldom: one model of many, one person, failures of a kind.
create index usage_tenant_model on billing.usage (tenant_id, model, generation_id);
create index usage_tenant_user on billing.usage (tenant_id, user_id, generation_id) where user_id is not null;
create index usage_tenant_unwell on billing.usage (tenant_id,
        (case when cancelled then 'cancelled' when deltas = 0 and coalesce(finish_reason, 'error') = 'error' then 'error'
            else 'partial' end), generation_id)
    where cancelled or partial or coalesce(finish_reason, 'error') = 'error';

-- The condition of usage that ended so, `u` being the usage: `ok`; `error` = no content came; `partial` = it broke off;
-- `cancelled` = the client left. Null for a name that is none. Written as the index above is.
create function billing.usage_status(p_name text) returns text language sql immutable parallel safe as $$
    select case
        when p_name = 'ok' then format('not (%s)', x.unwell)
        when p_name in ('error', 'partial', 'cancelled') then format('(%s) and %s = %L', x.unwell, x.kind, p_name)
    end
    from (values (
        'u.cancelled or u.partial or coalesce(u.finish_reason, ''error'') = ''error''',
        'case when u.cancelled then ''cancelled'' when u.deltas = 0 and coalesce(u.finish_reason, ''error'') = ''error''
            then ''error'' else ''partial'' end'
    )) x(unwell, kind)
$$;

-- The query of a page of usage, newest first: ids made from `p_since` (null = 31 days before) to before `p_until`
-- (null = tomorrow), below `p_after`, that match {dimension: value} and, where `status` is said, ended so. A text, so
-- that the days and the index are chosen for what is asked, and so that its plan can be looked at.
create or replace function billing.usage_page_sql(p_filter jsonb, p_since timestamptz, p_until timestamptz,
    p_after uuid, p_limit integer) returns text language plpgsql stable as $$
declare
    v_until timestamptz := coalesce(p_until, billing.clock() + interval '1 day');
    v_from uuid := billing.uuid_at(coalesce(p_since, v_until - interval '31 days'));
    v_before uuid := least(billing.uuid_at(v_until), p_after);
    v_filter text := coalesce((select string_agg(format(' and u.%I = %L', f.key, f.value), '')
        from jsonb_each_text(p_filter) f where f.key = any (billing.usage_dimensions())), '');
begin
    if p_filter ? 'status' then
        if billing.usage_status(p_filter->>'status') is null then
            raise exception 'there is no such status' using errcode = 'PB400';
        end if;
        v_filter := v_filter || format(' and (%s)', billing.usage_status(p_filter->>'status'));
    end if;
    return format('select u.* from billing.usage u where u.day between %L and %L
        and u.generation_id >= %L and u.generation_id < %L%s order by u.generation_id desc limit %s',
        billing.uuid_day(v_from), billing.uuid_day(v_before), v_from, v_before, v_filter, p_limit);
end
$$;

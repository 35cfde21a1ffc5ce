-- Billing: credit lines, and what is always true of spend accounts.
set lock_timeout = '5s';

-- Sets what a tenant may owe; 0 = nothing, it pays before. Below what it owes and holds nothing is available until
-- payments have come in. Answers what is available.
create function billing.put_credit_line(p_tenant uuid, p_nano bigint) returns bigint language plpgsql as $$
declare
    v_available bigint;
begin
    update billing.balance b
    set line = p_nano, strict = p_nano = 0 and b.held <= b.posted,
        bound = case when p_nano = 0 and b.held <= b.posted then null
            else greatest(p_nano, b.held - b.posted) end
    from billing.tenant t
    where t.tenant_id = p_tenant and b.account_id = t.credit_account_id and b.window_start = 'epoch'
    returning b.available into v_available;
    if not found then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    return v_available;
end
$$;

-- Brings the bounds of lowered lines down to what is still owed and held. How many.
create function billing.lower_lines() returns bigint language plpgsql as $$
declare
    v_lowered bigint;
begin
    with loose as (
        select b.account_id from billing.balance b
        where b.bound is not null and (b.bound > greatest(b.line, b.held - b.posted)
            or b.line = 0 and b.held <= b.posted)
        order by 1 for update skip locked)
    update billing.balance b
    set strict = b.line = 0 and b.held <= b.posted,
        bound = case when b.line = 0 and b.held <= b.posted then null else greatest(b.line, b.held - b.posted) end
    from loose where b.account_id = loose.account_id and b.bound is not null;
    get diagnostics v_lowered = row_count;
    return v_lowered;
end
$$;

-- Budgets and totals say what their usage comes to, and nobody owes more than its line.
create or replace function billing.invariant_7(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I7', format('%s %s window %s: spent %s, its leases consumed %s', replace(a.kind, '_', ' '), b.account_id,
        b.window_start, b.spent, coalesce(l.consumed, 0))
    from billing.balance b
    join billing.account a on a.account_id = b.account_id and a.kind in ('key_limit', 'budget', 'own_key_allowance')
    left join (select account_id, window_start, sum(consumed) as consumed from billing.lease group by 1, 2) l
        on l.account_id = b.account_id and l.window_start = b.window_start
    where b.spent <> coalesce(l.consumed, 0)
    union all
    select 'I7', format('credit account %s: posted %s held %s, its line is %s and its bound %s',
        b.account_id, b.posted, b.held, b.line, coalesce(b.bound::text, 'none'))
    from billing.balance b join billing.account a on a.account_id = b.account_id and a.kind = 'credit'
    where b.strict <> (b.bound is null) or b.bound < b.line or b.strict and b.line > 0
        or b.held > b.posted + coalesce(b.bound, 0)
    union all
    select 'I7', format('key %s on %s: total %s over %s requests, its usage says %s over %s',
        key_id, day, k.charge, k.requests, u.charge, u.requests)
    from (select * from billing.key_usage where day >= (p_since at time zone 'UTC')::date) k
    full join (select key_id, (occurred_at at time zone 'UTC')::date as day, sum(charge) as charge, count(*) as requests
        from billing.usage
        where key_id is not null and occurred_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
            and settled_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
        group by 1, 2) u using (key_id, day)
    where (k.charge, k.requests) is distinct from (u.charge, u.requests)
    union all
    select 'I7', format('%s %s on %s: total %s over %s requests and %s of its own, its usage says %s over %s and %s',
        subject_kind, subject_id, day, s.charge, s.requests, s.own_key_cost, u.charge, u.requests, u.own_key_cost)
    from (select * from billing.subject_usage where day >= (p_since at time zone 'UTC')::date) s
    full join (select v.kind as subject_kind, v.id as subject_id, (u.occurred_at at time zone 'UTC')::date as day,
            sum(u.charge) as charge, count(*) as requests,
            sum(case when u.is_byok then u.upstream_cost else 0 end) as own_key_cost
        from billing.usage u
        cross join lateral (values ('workspace', u.workspace_id), ('member', u.user_id),
            ('key', case when u.is_byok then u.key_id end)) v(kind, id)
        where v.id is not null and u.occurred_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
            and u.settled_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
        group by 1, 2, 3) u using (subject_kind, subject_id, day)
    where (s.charge, s.requests, s.own_key_cost) is distinct from (u.charge, u.requests, u.own_key_cost);
end
$$;

-- Billing: terms, credit, and leases. Every change of money is one function, called as one statement.
-- Order of locks, everywhere: open period, settlement keys, balances by (account, window), leases.
-- A session keeps the plans it made, and one made while a table was young would read it whole for good. Hence
-- `enable_seqscan = off`, keys given as arrays (`= any`) beside joins, and no `jit`, which would compile whatever
-- has to scan all the same.
set lock_timeout = '5s';

-- Opens a tenant's credit account under a plan, which is made when it is new. Idempotent by tenant; the first
-- plan stays.
create function billing.open_tenant(p_tenant uuid, p_plan text, p_markup_bps integer) returns uuid
language plpgsql as $$
declare
    v_plan uuid;
    v_account uuid;
begin
    insert into billing.plan (name) values (p_plan) on conflict (name) do nothing returning plan_id into v_plan;
    if v_plan is not null then
        insert into billing.plan_version (plan_id, version, markup_bps) values (v_plan, 1, p_markup_bps);
    else
        select plan_id into v_plan from billing.plan where name = p_plan;
    end if;
    insert into billing.tenant (tenant_id, plan_id, credit_account_id, opened_at)
    values (p_tenant, v_plan, gen_random_uuid(), billing.clock())
    on conflict (tenant_id) do nothing returning credit_account_id into v_account;
    if v_account is not null then
        insert into billing.account (account_id, kind, tenant_id) values (v_account, 'credit', p_tenant);
        insert into billing.balance (account_id, window_start, strict) values (v_account, 'epoch', true);
        return v_account;
    end if;
    return (select credit_account_id from billing.tenant where tenant_id = p_tenant);
end
$$;

-- Adds credit; again with the same source it changes nothing. Answers the balance.
-- Fails with PB404 for an unknown tenant and PB409 when the source was used for something else.
create function billing.grant_credit(p_tenant uuid, p_amount bigint, p_kind text, p_source text, p_note text)
returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_source uuid := md5(p_tenant || '/' || p_source)::uuid;
    v_account uuid;
    v_from uuid := billing.platform_account(case p_kind
        when 'purchase' then 'cash_clearing' when 'promotion' then 'promo_expense' end);
    v_balance bigint;
begin
    select credit_account_id into v_account from billing.tenant where tenant_id = p_tenant;
    if v_account is null then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    values (v_source, p_kind, v_from, v_account, p_amount, p_tenant, v_period, billing.clock(), p_note)
    on conflict do nothing;
    if found then
        update billing.balance set added = added + p_amount
        where account_id = v_account and window_start = 'epoch' returning posted into v_balance;
        if p_kind = 'purchase' then
            update billing.tenant set has_paid = true where tenant_id = p_tenant and not has_paid;
        end if;
        return v_balance;
    end if;
    if not exists (select from billing.transfer
        where source_id = v_source and kind = p_kind and amount = p_amount and credit_account = v_account)
    then
        raise exception 'the source was used for another amount' using errcode = 'PB409';
    end if;
    return (select posted from billing.balance where account_id = v_account and window_start = 'epoch');
end
$$;

-- What `p_key` spent since its window began.
create function billing.key_spent(p_key uuid, p_since timestamptz) returns bigint language sql stable as $$
    select coalesce(sum(charge), 0)::bigint from billing.key_usage
    where key_id = p_key and day >= (p_since at time zone 'UTC')::date
$$;

-- Opens or changes a key's limit; null = none. What the key spent since its window began counts, whatever its
-- limit was then; so does what is still held in windows of another rule, so that nothing is passed.
create function billing.put_key_limit(p_tenant uuid, p_key uuid, p_limit bigint, p_reset text) returns void
language plpgsql as $$
declare
    v_start timestamptz := billing.window_start(p_reset, billing.clock());
    v_account billing.account;
    v_left bigint;
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.account (account_id, kind, tenant_id, key_id, limit_nano, reset)
    values (gen_random_uuid(), 'key_limit', p_tenant, p_key, p_limit, p_reset)
    on conflict (key_id) where kind = 'key_limit' do nothing;
    select * into v_account from billing.account where kind = 'key_limit' and key_id = p_key for update;
    if v_account.tenant_id <> p_tenant then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    perform 1 from billing.balance where account_id = v_account.account_id order by window_start for update;
    v_left := coalesce(p_limit, billing.unlimited()) - billing.key_spent(p_key, v_start) - (
        select coalesce(sum(granted - consumed), 0) from billing.lease
        where account_id = v_account.account_id and state <> 'closed' and window_start <> v_start
            and created_at >= v_start);
    insert into billing.balance as b (account_id, window_start, added, strict)
    values (v_account.account_id, v_start, v_left, false)
    on conflict (account_id, window_start) do update set added = v_left + b.spent;
    update billing.account set limit_nano = p_limit, reset = p_reset where account_id = v_account.account_id;
end
$$;

-- A life of an edge begins: an earlier life's leases are fenced at the next sweep. Fails with PB409 when a
-- later life was seen.
create function billing.edge_hello(p_edge text, p_epoch bigint, p_ttl_ms bigint) returns void
language plpgsql as $$
begin
    insert into billing.edge as e (edge_id, epoch, extended_until)
    values (p_edge, p_epoch, billing.clock() + p_ttl_ms * interval '1 millisecond')
    on conflict (edge_id) do update
        set epoch = excluded.epoch, extended_until = greatest(e.extended_until, excluded.extended_until)
        where e.epoch <= excluded.epoch;
    if not found then
        raise exception 'a later life of this edge is known' using errcode = 'PB409';
    end if;
end
$$;

-- Extends every lease of this life. Whether it is the latest.
create function billing.edge_heartbeat(p_edge text, p_epoch bigint, p_ttl_ms bigint) returns boolean
language sql volatile as $$
    with extended as (
        update billing.edge set extended_until = billing.clock() + p_ttl_ms * interval '1 millisecond'
        where edge_id = p_edge and epoch = p_epoch returning 1)
    select exists (select from extended)
$$;

create type billing.ask as (
    n integer, group_id uuid, tenant_id uuid, account_ids uuid[], want bigint, floor bigint);

-- An ask on one of its accounts.
create type billing.part as (
    n integer, group_id uuid, tenant_id uuid, account_id uuid, kind text, window_start timestamptz,
    ends_at timestamptz, want bigint, floor bigint);

-- Answers a batch of asks of one edge (JSON list of `billing.ask`; `n` comes back). Per ask either one row
-- per account, `lease_id` set, all of the same amount; or one row with the reason why nothing was reserved:
-- `credit`, `key_limit` (with what is available there) or `unknown_account`. All accounts or none.
-- Fails with PB409 when a later life of the edge was seen.
create function billing.lease_grant(
    p_edge text, p_epoch bigint, p_ttl_ms bigint, p_longest_ms bigint, p_asks jsonb)
returns table (n integer, lease_id uuid, account_id uuid, amount bigint, reason text, available bigint)
language plpgsql set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    v_now timestamptz := billing.clock();
    v_expires timestamptz := v_now + p_ttl_ms * interval '1 millisecond';
    v_asks billing.ask[];
    v_parts billing.part[];
    v_unknown integer[];
    v_accounts uuid[];
    v_n integer;
begin
    if not exists (select from billing.edge e where e.edge_id = p_edge and e.epoch = p_epoch) then
        raise exception 'a later life of this edge is known' using errcode = 'PB409';
    end if;
    select array_agg(a) into v_asks from jsonb_populate_recordset(null::billing.ask, p_asks) a;
    select array_agg((a.n, a.group_id, a.tenant_id, c.account_id, c.kind, billing.window_start(c.reset, v_now),
            least(billing.window_end(c.reset, v_now), v_now + p_longest_ms * interval '1 millisecond'),
            a.want, a.floor)::billing.part)
        into v_parts
    from unnest(v_asks) a
    cross join lateral (select c.* from billing.account c
        where c.account_id = any (a.account_ids) and c.tenant_id = a.tenant_id) c;

    if coalesce(cardinality(v_parts), 0) <> (select sum(cardinality(a.account_ids)) from unnest(v_asks) a) then
        select array_agg(a.n) into v_unknown from unnest(v_asks) a
        where cardinality(a.account_ids) <> (select count(*) from unnest(v_parts) p where p.n = a.n);
        return query select u, null::uuid, null::uuid, null::bigint, 'unknown_account', 0::bigint
            from unnest(v_unknown) u;
        select array_agg(p) into v_parts from unnest(v_parts) p where p.n <> all (v_unknown);
    end if;
    if v_parts is null then
        return;
    end if;
    v_accounts := array(select distinct p.account_id from unnest(v_parts) p);

    -- A budget's window opens with its first reservation.
    insert into billing.balance (account_id, window_start, added, strict)
    select distinct c.account_id, p.window_start,
        coalesce(c.limit_nano, billing.unlimited()) - billing.key_spent(c.key_id, p.window_start), false
    from unnest(v_parts) p join billing.account c on c.account_id = p.account_id and c.account_id = any (v_accounts)
    where p.kind = 'key_limit' and (p.account_id, p.window_start) not in (
        select b.account_id, b.window_start from billing.balance b where b.account_id = any (v_accounts))
    order by 1, 2
    on conflict do nothing;

    perform 1 from billing.balance b
    where b.account_id = any (v_accounts)
        and (b.account_id, b.window_start) in (select p.account_id, p.window_start from unnest(v_parts) p)
    order by b.account_id, b.window_start for update;

    -- When all of it fits, and nothing is asked again, one statement grants the batch.
    if not exists (select from billing.lease l
            where l.group_id = any (array(select p.group_id from unnest(v_parts) p)))
        and not exists (select from (
                select p.account_id, p.window_start, sum(p.want) as total from unnest(v_parts) p group by 1, 2) s
            left join (select * from billing.balance b where b.account_id = any (v_accounts)) b
                on b.account_id = s.account_id and b.window_start = s.window_start
            where b.available is null or b.available < s.total)
        and (select count(distinct p.group_id) = count(distinct p.n) from unnest(v_parts) p)
    then
        return query
        with granted as (
            insert into billing.lease as l (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch,
                granted, created_at, expires_at, ends_at)
            select gen_random_uuid(), p.group_id, p.account_id, p.window_start, p.tenant_id, p_edge, p_epoch,
                p.want, v_now, v_expires, p.ends_at
            from unnest(v_parts) p
            returning l.lease_id, l.group_id, l.account_id
        ), raised as (
            update billing.balance b set held = b.held + s.total
            from (select p.account_id, p.window_start, sum(p.want) as total from unnest(v_parts) p group by 1, 2) s
            where b.account_id = any (v_accounts)
                and b.account_id = s.account_id and b.window_start = s.window_start
        )
        select p.n, g.lease_id, g.account_id, p.want, null::text, null::bigint
        from granted g join unnest(v_parts) p on p.group_id = g.group_id and p.account_id = g.account_id;
        return;
    end if;

    for v_n in select distinct p.n from unnest(v_parts) p order by p.n loop
        return query select * from billing.lease_grant_one(
            p_edge, p_epoch, v_now, v_expires, array(select p from unnest(v_parts) p where p.n = v_n));
    end loop;
end
$$;

-- One ask by itself, its balances locked by the caller: as much as there is between its floor and its want.
create function billing.lease_grant_one(
    p_edge text, p_epoch bigint, p_now timestamptz, p_expires timestamptz, p_parts billing.part[])
returns table (n integer, lease_id uuid, account_id uuid, amount bigint, reason text, available bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    v_ask billing.part := p_parts[1];
    v_accounts uuid[] := array(select p.account_id from unnest(p_parts) p);
    v_short record;
    v_amount bigint;
begin
    if exists (select from billing.lease l where l.group_id = v_ask.group_id) then
        return query
        select v_ask.n, l.lease_id, l.account_id, l.granted, case when l.state <> 'active' then 'closed' end, 0::bigint
        from billing.lease l where l.group_id = v_ask.group_id;
        return;
    end if;
    select p.kind, b.available into v_short
    from unnest(p_parts) p
    join billing.balance b on b.account_id = p.account_id and b.window_start = p.window_start
        and b.account_id = any (v_accounts)
    order by b.available, p.kind limit 1;
    v_amount := least(v_ask.want, v_short.available);
    if v_amount < greatest(v_ask.floor, 1) then
        return query select v_ask.n, null::uuid, null::uuid, null::bigint, v_short.kind, greatest(v_short.available, 0);
        return;
    end if;
    update billing.balance b set held = b.held + v_amount
    from unnest(p_parts) p
    where b.account_id = any (v_accounts) and b.account_id = p.account_id and b.window_start = p.window_start;
    return query
    insert into billing.lease as l (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch,
        granted, created_at, expires_at, ends_at)
    select gen_random_uuid(), p.group_id, p.account_id, p.window_start, p.tenant_id, p_edge, p_epoch,
        v_amount, p_now, p_expires, p.ends_at
    from unnest(p_parts) p
    returning v_ask.n, l.lease_id, l.account_id, l.granted, null::text, null::bigint;
end
$$;

-- Closes the open leases among `p_leases` and frees what they did not consume. How many it closed.
-- The caller holds nothing but, at most, these leases' balances.
create function billing.lease_close(p_leases uuid[], p_reason text) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_accounts uuid[] := array(select distinct l.account_id from billing.lease l where l.lease_id = any (p_leases));
    v_closed bigint;
begin
    perform 1 from billing.balance b
    where b.account_id = any (v_accounts) and (b.account_id, b.window_start) in
        (select l.account_id, l.window_start from billing.lease l where l.lease_id = any (p_leases))
    order by b.account_id, b.window_start for update;
    with closed as (
        update billing.lease l set state = 'closed', closed_at = billing.clock(), reason = p_reason
        where l.lease_id = any (p_leases) and l.state <> 'closed'
        returning l.account_id, l.window_start, l.granted - l.consumed as rest
    ), freed as (
        update billing.balance b set held = b.held - s.rest
        from (select c.account_id, c.window_start, sum(c.rest) as rest from closed c group by 1, 2) s
        where b.account_id = any (v_accounts) and b.account_id = s.account_id and b.window_start = s.window_start
    )
    select count(*) into v_closed from closed;
    return v_closed;
end
$$;

-- Nothing was or will be executed under these groups, also when their ask is still to be granted.
create function billing.lease_return(p_groups uuid[]) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
begin
    insert into billing.returned (group_id, returned_at)
    select g.group_id, billing.clock() from unnest(p_groups) g(group_id)
    where not exists (select from billing.lease l where l.group_id = g.group_id)
    order by 1
    on conflict do nothing;
    return billing.lease_close(
        array(select l.lease_id from billing.lease l where l.group_id = any (p_groups)), 'returned');
end
$$;

-- Fences what has ended: nothing more may be reserved from it, and its grace begins. How many leases. Apart from
-- `lease_free`, because it locks leases without their balances.
create function billing.lease_fence(p_grace_ms bigint, p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_fenced bigint;
begin
    with ended as (
        select l.lease_id from billing.lease l
        left join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch
        where l.state = 'active'
            and (e.edge_id is null or least(greatest(l.expires_at, e.extended_until), l.ends_at) <= v_now)
        limit p_limit for update of l skip locked)
    update billing.lease l
    set state = 'closing', closes_at = v_now + p_grace_ms * interval '1 millisecond'
    from ended where l.lease_id = ended.lease_id and l.state = 'active';
    get diagnostics v_fenced = row_count;
    return v_fenced;
end
$$;

-- Frees leases past their grace that no claim and no witness waits under: how many. Before them those that were
-- granted after they had been returned, for which no statement runs long enough after a minute.
create function billing.lease_free(p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_late uuid[] := array(select l.lease_id from billing.returned r join billing.lease l using (group_id)
        where l.state <> 'closed' limit p_limit);
begin
    if cardinality(v_late) > 0 then
        perform billing.lease_close(v_late, 'returned');
        return 0;
    end if;
    delete from billing.returned where returned_at < billing.clock() - interval '1 minute';
    return billing.lease_close(array(
        select l.lease_id from billing.lease l
        where l.state = 'closing' and l.closes_at <= billing.clock()
            and not exists (select from billing.lease o join billing.claim c on c.lease_id = o.lease_id
                where o.group_id = l.group_id)
            and not exists (select from billing.lease o join billing.witness w on w.lease_id = o.lease_id
                where o.group_id = l.group_id)
        limit p_limit), 'expired');
end
$$;

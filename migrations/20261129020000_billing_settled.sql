-- Billing: settlements in the order of their transactions, for whoever passes usage on.
set lock_timeout = '5s';

-- Where a page of up to `p_limit` settlements ends that begins behind (p_xid, p_after). Nothing settles below it any
-- more: it stays below the oldest running transaction.
create function billing.settled_until(p_xid xid8, p_after uuid, p_limit integer,
    out until_xid xid8, out until_id uuid, out more boolean)
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
    v_below xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
    select s.xid, s.generation_id into until_xid, until_id from billing.settlement s
    where s.xid >= p_xid and s.xid < v_below and (s.xid, s.generation_id) > (p_xid, p_after)
    order by s.xid, s.generation_id offset greatest(p_limit, 1) - 1 limit 1;
    more := found;
    if not found then
        until_xid := v_below;
        until_id := '00000000-0000-0000-0000-000000000000';
    end if;
end
$$;

-- Usage of some tenants that settled behind one place and not behind another.
create function billing.settled_between(p_xid xid8, p_after uuid, p_until xid8, p_last uuid, p_tenants uuid[])
returns setof billing.usage language sql stable
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
    select u.*
    from billing.settlement s
    join billing.usage u on u.generation_id = s.generation_id and u.day = billing.uuid_day(s.generation_id)
    where s.xid >= p_xid and s.xid <= p_until and (s.xid, s.generation_id) > (p_xid, p_after)
        and (s.xid, s.generation_id) <= (p_until, p_last) and u.tenant_id = any (p_tenants)
    order by s.xid, s.generation_id
$$;

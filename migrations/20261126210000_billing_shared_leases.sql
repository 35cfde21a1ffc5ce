-- Billing: leases that serve many requests. They are trimmed by their edge, recalled when somebody else is short, and
-- freed early when their edge is gone and no worker has anything under them.
set lock_timeout = '5s';

alter table billing.lease
    -- The grace begins here.
    add column fenced_at timestamptz,
    -- The edge reserves nothing more under it and has reported all that it did.
    add column is_done boolean not null default false;

-- Shared leases are updated again and again, all of a page at once: room for each version of them.
alter table billing.lease set (fillfactor = 40);

-- Everything that a claim or an edge's word waits under. `lease_id` is the first of it.
alter table billing.claim add column lease_ids uuid[] not null default '{}';
alter table billing.witness add column lease_ids uuid[] not null default '{}';
update billing.claim set lease_ids = (jsonb_populate_record(null::billing.record, record)).lease_ids
where lease_id is not null;
update billing.witness set lease_ids = (jsonb_populate_record(null::billing.record, record)).lease_ids
where lease_id is not null;
drop index billing.claim_lease;
drop index billing.witness_lease;

-- What every worker said last: the leases of all it holds that is not settled.
create table billing.worker (
    worker_id text primary key,
    seen_at timestamptz not null,
    open uuid[] not null,
    -- It holds too much to list: anything may be open.
    all_open boolean not null default false
) with (fillfactor = 50);

-- Accounts that somebody is short on while another edge holds something.
create table billing.recall (
    account_id uuid primary key,
    recalled_at timestamptz not null
) with (fillfactor = 50);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['worker', 'recall'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert, update, delete on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;

-- `lifetime_ms`: how long the lease may live at most, and that it serves many requests; null = it serves one.
alter type billing.ask add attribute lifetime_ms bigint;
alter type billing.part add attribute shared boolean;

-- Whether what waits under a lease is to wait no longer: its grace is over, or it served one generation and closed on
-- the word of somebody who knows what became of that. What a lease waits for that its edge is done with, and that
-- was freed for want of any use, comes by itself or is due.
create function billing.has_ended(p_lease billing.lease, p_now timestamptz) returns boolean
language sql immutable parallel safe as $$
    select coalesce(p_lease.closes_at <= p_now and not p_lease.is_done, false)
        or p_lease.state = 'closed' and p_lease.single and p_lease.reason is distinct from 'idle'
$$;

-- The leases that claims and edges' words wait under.
create function billing.busy_leases() returns uuid[] language sql volatile as $$
    select array(select l from billing.claim c, unnest(c.lease_ids) l
        union select l from billing.witness w, unnest(w.lease_ids) l)
$$;

-- Edges that are alive.
create function billing.live_edges(p_now timestamptz) returns bigint language sql stable as $$
    select count(*) from billing.edge where extended_until > p_now
$$;

-- What a shared ask gets where `p_available` is: no more than leaves as much for every other edge, but what it cannot
-- do without.
create function billing.shared_part(p_want bigint, p_floor bigint, p_available bigint, p_edges bigint) returns bigint
language sql immutable parallel safe as $$
    select least(p_want, greatest(p_available / (2 * greatest(p_edges, 1)), p_floor))
$$;

drop function billing.lease_grant(text, bigint, bigint, bigint, jsonb);
drop function billing.lease_grant_one(text, bigint, timestamptz, timestamptz, billing.part[]);

-- Answers a batch of asks of one edge (JSON list of `billing.ask`; `n` comes back). Per ask either one row
-- per account, `lease_id` set, all of the same amount; or one row with the reason why nothing was reserved:
-- `credit`, `key_limit`... (with the account and what is available there) or `unknown_account`. All accounts or none.
-- `ends_at` is when a shared lease ends whatever heartbeats say.
-- Fails with PB409 when a later life of the edge was seen.
create function billing.lease_grant(
    p_edge text, p_epoch bigint, p_ttl_ms bigint, p_longest_ms bigint, p_asks jsonb)
returns table (n integer, lease_id uuid, account_id uuid, amount bigint, reason text, available bigint,
    ends_in_ms bigint)
language plpgsql set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    v_now timestamptz := billing.clock();
    v_expires timestamptz := v_now + p_ttl_ms * interval '1 millisecond';
    v_asks billing.ask[];
    v_parts billing.part[];
    v_unknown integer[];
    v_accounts uuid[];
    v_edges bigint;
    v_n integer;
begin
    if not exists (select from billing.edge e where e.edge_id = p_edge and e.epoch = p_epoch) then
        raise exception 'a later life of this edge is known' using errcode = 'PB409';
    end if;
    select array_agg(a) into v_asks from jsonb_populate_recordset(null::billing.ask, p_asks) a;
    select array_agg((a.n, a.group_id, a.tenant_id, c.account_id, c.kind, billing.window_start(c.reset, v_now),
            least(billing.window_end(c.reset, v_now),
                v_now + coalesce(a.lifetime_ms, p_longest_ms) * interval '1 millisecond'),
            a.want, a.floor, a.lifetime_ms is not null)::billing.part)
        into v_parts
    from unnest(v_asks) a
    cross join lateral (select c.* from billing.account c
        where c.account_id = any (a.account_ids) and c.tenant_id = a.tenant_id) c;

    if coalesce(cardinality(v_parts), 0) <> (select sum(cardinality(a.account_ids)) from unnest(v_asks) a) then
        select array_agg(a.n) into v_unknown from unnest(v_asks) a
        where cardinality(a.account_ids) <> (select count(*) from unnest(v_parts) p where p.n = a.n);
        return query select u, null::uuid, null::uuid, null::bigint, 'unknown_account', 0::bigint, null::bigint
            from unnest(v_unknown) u;
        select array_agg(p) into v_parts from unnest(v_parts) p where p.n <> all (v_unknown);
    end if;
    if v_parts is null then
        return;
    end if;
    v_accounts := array(select distinct p.account_id from unnest(v_parts) p);

    -- A budget's window opens with its first reservation.
    insert into billing.balance (account_id, window_start, added, strict)
    select distinct c.account_id, p.window_start, billing.opening(c, p.window_start), false
    from unnest(v_parts) p join billing.account c on c.account_id = p.account_id and c.account_id = any (v_accounts)
    where p.kind <> 'credit' and (p.account_id, p.window_start) not in (
        select b.account_id, b.window_start from billing.balance b where b.account_id = any (v_accounts))
    order by 1, 2
    on conflict do nothing;

    perform 1 from billing.balance b
    where b.account_id = any (v_accounts)
        and (b.account_id, b.window_start) in (select p.account_id, p.window_start from unnest(v_parts) p)
    order by b.account_id, b.window_start for update;

    if (select bool_or(p.shared) from unnest(v_parts) p) then
        v_edges := billing.live_edges(v_now);
        select array_agg((p.n, p.group_id, p.tenant_id, p.account_id, p.kind, p.window_start, p.ends_at,
                case when p.shared then w.want else p.want end, p.floor, p.shared)::billing.part)
            into v_parts
        from unnest(v_parts) p
        join (select p.n, min(billing.shared_part(p.want, p.floor, b.available, v_edges)) as want
            from unnest(v_parts) p
            join (select * from billing.balance b where b.account_id = any (v_accounts)) b
                on b.account_id = p.account_id and b.window_start = p.window_start
            group by p.n) w on w.n = p.n;
    end if;

    -- When all of it fits, and nothing is asked again, one statement grants the batch.
    if not exists (select from billing.lease l
            where l.group_id = any (array(select p.group_id from unnest(v_parts) p)))
        and not exists (select from (
                select p.account_id, p.window_start, sum(p.want) as total from unnest(v_parts) p group by 1, 2) s
            left join (select * from billing.balance b where b.account_id = any (v_accounts)) b
                on b.account_id = s.account_id and b.window_start = s.window_start
            where b.available is null or b.available < s.total)
        and (select count(distinct p.group_id) = count(distinct p.n) and min(p.want) > 0 from unnest(v_parts) p)
    then
        return query
        with granted as (
            insert into billing.lease as l (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch,
                granted, single, created_at, expires_at, ends_at)
            select gen_random_uuid(), p.group_id, p.account_id, p.window_start, p.tenant_id, p_edge, p_epoch,
                p.want, not p.shared, v_now, v_expires, p.ends_at
            from unnest(v_parts) p
            returning l.lease_id, l.group_id, l.account_id, l.ends_at
        ), raised as (
            update billing.balance b set held = b.held + s.total
            from (select p.account_id, p.window_start, sum(p.want) as total from unnest(v_parts) p group by 1, 2) s
            where b.account_id = any (v_accounts)
                and b.account_id = s.account_id and b.window_start = s.window_start
        )
        select p.n, g.lease_id, g.account_id, p.want, null::text, null::bigint,
            billing.millis_until(g.ends_at, v_now)
        from granted g join unnest(v_parts) p on p.group_id = g.group_id and p.account_id = g.account_id;
        return;
    end if;

    for v_n in select distinct p.n from unnest(v_parts) p order by p.n loop
        return query select * from billing.lease_grant_one(
            p_edge, p_epoch, v_now, v_expires, v_edges, array(select p from unnest(v_parts) p where p.n = v_n));
    end loop;
end
$$;

create function billing.millis_until(p_end timestamptz, p_now timestamptz) returns bigint
language sql immutable parallel safe as $$
    select greatest(floor(extract(epoch from p_end - p_now) * 1000), 0)::bigint
$$;

-- One ask by itself, its balances locked by the caller: as much as there is between its floor and its want. Said
-- again, its leases live on from now.
create function billing.lease_grant_one(
    p_edge text, p_epoch bigint, p_now timestamptz, p_expires timestamptz, p_edges bigint, p_parts billing.part[])
returns table (n integer, lease_id uuid, account_id uuid, amount bigint, reason text, available bigint,
    ends_in_ms bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    v_ask billing.part := p_parts[1];
    v_accounts uuid[] := array(select p.account_id from unnest(p_parts) p);
    v_short record;
    v_amount bigint;
begin
    if exists (select from billing.lease l where l.group_id = v_ask.group_id) then
        update billing.lease l set expires_at = greatest(l.expires_at, p_expires)
        where l.group_id = v_ask.group_id and l.state = 'active' and l.edge_id = p_edge and l.epoch = p_epoch;
        return query
        select v_ask.n, l.lease_id, l.account_id, l.granted, case when l.state <> 'active' then 'closed' end, 0::bigint,
            billing.millis_until(l.ends_at, p_now)
        from billing.lease l where l.group_id = v_ask.group_id;
        return;
    end if;
    select p.kind, p.account_id, b.available into v_short
    from unnest(p_parts) p
    join billing.balance b on b.account_id = p.account_id and b.window_start = p.window_start
        and b.account_id = any (v_accounts)
    order by b.available, p.kind limit 1;
    v_amount := least(case when v_ask.shared
        then billing.shared_part(v_ask.want, v_ask.floor, v_short.available, p_edges)
        else v_ask.want end, v_short.available);
    if v_amount < greatest(v_ask.floor, 1) then
        return query select v_ask.n, null::uuid, v_short.account_id, null::bigint, v_short.kind,
            greatest(v_short.available, 0), null::bigint;
        return;
    end if;
    update billing.balance b set held = b.held + v_amount
    from unnest(p_parts) p
    where b.account_id = any (v_accounts) and b.account_id = p.account_id and b.window_start = p.window_start;
    return query
    insert into billing.lease as l (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch,
        granted, single, created_at, expires_at, ends_at)
    select gen_random_uuid(), p.group_id, p.account_id, p.window_start, p.tenant_id, p_edge, p_epoch,
        v_amount, not p.shared, p_now, p_expires, p.ends_at
    from unnest(p_parts) p
    returning v_ask.n, l.lease_id, l.account_id, l.granted, null::text, null::bigint,
        billing.millis_until(l.ends_at, p_now);
end
$$;

-- What an edge keeps of shared leases (JSON list of `lease_id`, `keep`, `is_done`): no lease is granted more than the
-- lowest that was said, nor less than was consumed; what is above is free. What is done closes once nothing waits
-- under it. Answers the accounts where something was freed.
create function billing.lease_trim(p_edge text, p_kept jsonb) returns uuid[]
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_leases uuid[] := array(select distinct k.lease_id from jsonb_to_recordset(p_kept) k(lease_id uuid));
    v_accounts uuid[] := array(select distinct l.account_id from billing.lease l where l.lease_id = any (v_leases));
    v_freed uuid[];
begin
    perform 1 from billing.balance b
    where b.account_id = any (v_accounts) and (b.account_id, b.window_start) in
        (select l.account_id, l.window_start from billing.lease l where l.lease_id = any (v_leases))
    order by b.account_id, b.window_start for update;
    with kept as (
        select k.lease_id, min(k.keep) as keep, bool_or(k.is_done) as is_done
        from jsonb_to_recordset(p_kept) k(lease_id uuid, keep bigint, is_done boolean) group by 1
    ), trimmed as (
        update billing.lease l
        set granted = greatest(l.consumed, least(l.granted, k.keep)),
            is_done = l.is_done or k.is_done,
            state = case when k.is_done and l.state = 'active' then 'closing' else l.state end,
            closes_at = case when k.is_done and l.state <> 'closed' then least(l.closes_at, v_now) else l.closes_at end
        from kept k join billing.lease was on was.lease_id = k.lease_id and was.lease_id = any (v_leases)
        where l.lease_id = k.lease_id and l.lease_id = any (v_leases) and not l.single and l.edge_id = p_edge
            and (l.granted > greatest(l.consumed, k.keep) or k.is_done and not l.is_done)
        returning l.account_id, l.window_start,
            case when was.state = 'closed' then 0 else was.granted - l.granted end as freed
    ), lowered as (
        update billing.balance b set held = b.held - s.freed
        from (select t.account_id, t.window_start, sum(t.freed) as freed from trimmed t group by 1, 2) s
        where s.freed > 0 and b.account_id = any (v_accounts)
            and b.account_id = s.account_id and b.window_start = s.window_start
        returning b.account_id
    )
    select array_agg(distinct o.account_id) into v_freed from lowered o;
    -- Whoever is short waits for this.
    perform pg_notify('billing_freed', r.account_id::text)
    from billing.recall r where r.account_id = any (v_freed) and r.recalled_at > v_now - interval '5 seconds';
    return coalesce(v_freed, '{}');
end
$$;

-- Fences what has ended: nothing more may be reserved from it, and its grace begins. How many leases. Apart from
-- `lease_free`, because it locks leases without their balances.
create or replace function billing.lease_fence(p_grace_ms bigint, p_limit integer) returns bigint
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
    set state = 'closing', fenced_at = v_now, closes_at = v_now + p_grace_ms * interval '1 millisecond'
    from ended where l.lease_id = ended.lease_id and l.state = 'active';
    get diagnostics v_fenced = row_count;
    return v_fenced;
end
$$;

-- Frees leases past their grace that no claim and no witness waits under: how many. Before them those that were
-- granted after they had been returned, for which no statement runs long enough after a minute.
create or replace function billing.lease_free(p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_late uuid[] := array(select l.lease_id from billing.returned r join billing.lease l using (group_id)
        where l.state <> 'closed' limit p_limit);
begin
    if cardinality(v_late) > 0 then
        perform billing.lease_close(v_late, 'returned');
        return 0;
    end if;
    delete from billing.returned where returned_at < v_now - interval '1 minute';
    if not exists (select from billing.lease l where l.state = 'closing' and l.closes_at <= v_now and not l.is_done)
    then
        return 0;
    end if;
    return billing.lease_close(array(
        select l.lease_id from billing.lease l
        where l.state = 'closing' and l.closes_at <= v_now and not l.is_done
            and l.lease_id not in (select unnest(billing.busy_leases()))
        limit p_limit), 'expired');
end
$$;

-- Frees leases that their edges are done with once nothing waits under them: how many.
create function billing.lease_finish(p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
begin
    if not exists (select from billing.lease l where l.state = 'closing' and l.is_done) then
        return 0;
    end if;
    return billing.lease_close(array(
        select l.lease_id from billing.lease l
        where l.state = 'closing' and l.is_done and l.lease_id not in (select unnest(billing.busy_leases()))
        limit p_limit), 'done');
end
$$;

-- Frees fenced leases of edges that are gone when every worker said, 2 s after the fence or later, that it has nothing
-- unsettled under them: how many. Where claims and edges' words wait under one, no counterpart comes any more: its grace
-- ends now, which decides them, and it is freed the next time. A worker that was not seen for `p_worker_ms` no longer
-- counts: the longest request and some more. Where there is no worker nobody can tell.
create function billing.lease_free_idle(p_limit integer, p_worker_ms bigint) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_since timestamptz := v_now - p_worker_ms * interval '1 millisecond';
    v_said timestamptz := (
        select min(w.seen_at) from billing.worker w where w.seen_at > v_since having not bool_or(w.all_open));
    v_idle uuid[];
    v_busy uuid[];
    v_freed bigint;
begin
    if v_said is null or not exists (select from billing.lease l
        where l.state = 'closing' and l.fenced_at <= v_said - interval '2 seconds')
    then
        return 0;
    end if;
    v_idle := array(
        select l.lease_id from billing.lease l
        where l.state = 'closing' and l.fenced_at <= v_said - interval '2 seconds'
            and not exists (select from billing.edge e
                where e.edge_id = l.edge_id and e.epoch = l.epoch and e.extended_until > v_now)
            and l.lease_id not in (select unnest(w.open) from billing.worker w where w.seen_at > v_since)
        limit p_limit);
    v_busy := billing.busy_leases();
    v_freed := billing.lease_close(
        array(select i from unnest(v_idle) i where i not in (select unnest(v_busy))), 'idle');
    -- After the balances, which everybody else locks before leases.
    update billing.lease l set closes_at = v_now
    where l.lease_id = any (v_idle) and l.lease_id = any (v_busy) and l.state = 'closing' and l.closes_at > v_now;
    return v_freed;
end
$$;

-- A worker's word on what it holds.
create function billing.worker_said(p_worker text, p_open uuid[], p_all boolean) returns void
language sql volatile as $$
    insert into billing.worker as w (worker_id, seen_at, open, all_open)
    values (p_worker, billing.clock(), p_open, p_all)
    on conflict (worker_id) do update
        set seen_at = excluded.seen_at, open = excluded.open, all_open = excluded.all_open
        where w.seen_at <= excluded.seen_at
$$;

-- A worker left for good, with nothing in its spool.
create function billing.worker_left(p_worker text) returns void language sql volatile as $$
    delete from billing.worker where worker_id = p_worker
$$;

-- Wants back what other edges hold of accounts that `p_edge` is short on, once per account and `p_pause_ms`. Answers
-- the accounts where others hold something.
create function billing.lease_recall(p_edge text, p_accounts uuid[], p_pause_ms bigint)
returns table (account_id uuid, is_new boolean)
language plpgsql set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    v_now timestamptz := billing.clock();
    v_held uuid[] := array(select distinct l.account_id from billing.lease l
        join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch and e.extended_until > v_now
        where l.account_id = any (p_accounts) and l.state = 'active' and not l.single and l.edge_id <> p_edge
            and l.granted > l.consumed);
begin
    return query
    with recalled as (
        insert into billing.recall as r (account_id, recalled_at)
        select h, v_now from unnest(v_held) h
        where not exists (select from billing.recall r
            where r.account_id = h and r.recalled_at > v_now - p_pause_ms * interval '1 millisecond')
        order by h
        on conflict (account_id) do update set recalled_at = excluded.recalled_at
            where r.recalled_at <= v_now - p_pause_ms * interval '1 millisecond'
        returning r.account_id, pg_notify('billing_recall', r.account_id::text)::text)
    select h, h in (select r.account_id from recalled r) from unnest(v_held) h;
end
$$;

-- Who holds shared leases of these accounts with something left.
create function billing.lease_holders(p_accounts uuid[])
returns table (edge_id text, epoch bigint, account_ids uuid[])
language sql stable set enable_seqscan = off as $$
    select l.edge_id, l.epoch, array_agg(distinct l.account_id) from billing.lease l
    where l.account_id = any (p_accounts) and l.state = 'active' and not l.single and l.granted > l.consumed
    group by 1, 2
$$;

create or replace view report.leases with (security_invoker = true) as
select l.lease_id, l.group_id, l.account_id, a.kind, l.tenant_id, a.key_id, l.window_start, l.edge_id, l.epoch,
    l.granted, l.consumed, l.state, l.reason, l.created_at, l.expires_at, l.ends_at, l.closes_at, l.closed_at,
    l.single, l.is_done, l.fenced_at
from billing.lease l left join billing.account a on a.account_id = l.account_id;

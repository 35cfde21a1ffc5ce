-- Billing: how long single records are kept. Nothing goes before it is folded and sealed, and usage not
-- before its period is closed; the ledger stays whole.
set lock_timeout = '5s';

-- What was let go: every `usage`, `settlement`, `lease` and `attempt` from `since` on is still there.
create table billing.kept (
    what text primary key check (what in ('usage', 'settlement', 'lease', 'attempt')),
    since timestamptz not null default 'epoch'
);
insert into billing.kept (what) values ('usage'), ('settlement'), ('lease'), ('attempt');
alter table billing.kept enable row level security, force row level security;
create policy billing_all on billing.kept to patchbay_billing using (true) with check (true);
grant select on billing.kept to patchbay_billing;

-- From when on single records can be held against each other: both sides of every comparison are there.
create function billing.kept_since() returns timestamptz language sql stable as $$
    select max(k.since) from billing.kept k
$$;

-- What transactions below this one settled is in the rollups and in the sealed ledger.
create function billing.done_below() returns xid8 language sql stable as $$
    select least(f.folded_below, m.below) from billing.usage_fold f, billing.seal_mark m
$$;

-- Old leases are found by when they were made.
create index lease_created_at on billing.lease using brin (created_at) with (pages_per_range = 16);
create index if not exists attempt_recorded_at on billing.attempt using brin (recorded_at) with (pages_per_range = 16);

-- Moves up to `p_days` days that lie in the default partition into partitions of their own. Only days from
-- `p_keep_days` ago to a fortnight ahead: an id whose clock was wrong opens none. How many days were moved.
create function billing.drain_usage_default(p_keep_days integer, p_days integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    v_today date := (billing.clock() at time zone 'UTC')::date;
    v_day date;
    v_name text;
    v_moved integer := 0;
begin
    if not exists (select from billing.usage_default limit 1) then
        return 0;
    end if;
    for v_day in select distinct u.day from billing.usage_default u
        where u.day between v_today - p_keep_days and v_today + 14 order by 1 limit p_days
    loop
        v_name := 'usage_' || to_char(v_day, 'YYYYMMDD');
        begin
            -- Settlement waits while rows are on their way, so that none is left behind.
            lock table billing.usage in share row exclusive mode;
            execute format(
                'create table billing.%I (like billing.usage including defaults including constraints)', v_name);
            execute format('with moved as (delete from billing.usage_default where day = %L returning *)
                insert into billing.%I select * from moved', v_day, v_name);
            execute format('alter table billing.%I enable row level security, force row level security', v_name);
            execute format('alter table billing.usage attach partition billing.%I for values from (%L) to (%L)',
                v_name, v_day, v_day + 1);
            v_moved := v_moved + 1;
        exception when lock_not_available or duplicate_table then
            null;
        end;
    end loop;
    return v_moved;
end
$$;

-- Drops the oldest day of usage that is to be kept no longer: its rows settled more than `p_keep_days` ago, all of
-- them are in the rollups and the sealed ledger, and every period that they fell into is closed. The day; null = there is none.
create function billing.drop_usage_day(p_keep_days integer) returns date
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    v_horizon timestamptz := billing.clock() - p_keep_days * interval '1 day';
    v_partition record;
    v_below xid8;
    v_settled timestamptz;
    v_is_open boolean;
begin
    for v_partition in
        select c.relname as name, to_date(right(c.relname, 8), 'YYYYMMDD') as day
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'billing.usage'::regclass and c.relname ~ '^usage_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < (v_horizon at time zone 'UTC')::date
        order by 2
    loop
        v_below := billing.done_below();
        continue when billing.has_settled_since(v_partition.day, v_below);
        execute format('select max(u.settled_at) from billing.%I u', v_partition.name) into v_settled;
        continue when v_settled >= v_horizon;
        execute format('select exists (select from (select distinct u.period_id from billing.%I u) u
            left join billing.period p on p.period_id = u.period_id where p.state is distinct from ''closed'')',
            v_partition.name) into v_is_open;
        continue when v_is_open;
        begin
            lock table billing.usage in access exclusive mode;
            -- What came since we looked.
            if billing.has_settled_since(v_partition.day, v_below) then
                return null;
            end if;
            execute format('alter table billing.usage detach partition billing.%I', v_partition.name);
            execute format('drop table billing.%I', v_partition.name);
        exception when lock_not_available then
            return null;
        end;
        -- Totals of keys are by day: from the next whole one on they can be held against usage.
        update billing.kept set since = greatest(since, date_trunc('day', v_settled, 'UTC') + interval '1 day')
        where what = 'usage';
        return v_partition.day;
    end loop;
    return null;
end
$$;

-- Whether a transaction from `p_below` on settled usage of this day.
create function billing.has_settled_since(p_day date, p_below xid8) returns boolean language sql volatile
set enable_seqscan = off set jit = off as $$
    select exists (select from billing.settlement s where s.xid >= p_below and billing.uuid_day(s.generation_id) = p_day)
$$;

-- Forgets up to `p_limit` settlements that are older than any replay can be. How many.
create function billing.prune_settlements(p_keep_days integer, p_limit integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    v_horizon timestamptz := billing.clock() - p_keep_days * interval '1 day';
    v_below xid8 := billing.done_below();
    v_pruned bigint;
    v_to timestamptz;
begin
    with old as (
        select s.generation_id from (
            select o.generation_id, o.settled_at from billing.settlement o
            where o.xid < v_below order by o.xid limit p_limit) s
        where s.settled_at < v_horizon
    ), gone as (
        delete from billing.settlement s using old o where s.generation_id = o.generation_id returning s.settled_at)
    select count(*), max(g.settled_at) into v_pruned, v_to from gone g;
    if v_pruned > 0 then
        update billing.kept set since = greatest(since, v_to + interval '1 microsecond') where what = 'settlement';
    end if;
    return v_pruned;
end
$$;

-- Forgets up to `p_limit` attempts as old as the usage that is kept no longer. How many.
create function billing.prune_attempts(p_limit integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    v_pruned bigint;
    v_to timestamptz;
begin
    with old as (
        select a.generation_id, a.execution, a.n from billing.attempt a
        where a.recorded_at < (select k.since from billing.kept k where k.what = 'usage') limit p_limit
    ), gone as (
        delete from billing.attempt a using old o
        where a.generation_id = o.generation_id and a.execution = o.execution and a.n = o.n returning a.recorded_at)
    select count(*), max(g.recorded_at) into v_pruned, v_to from gone g;
    if v_pruned > 0 then
        update billing.kept set since = greatest(since, v_to + interval '1 microsecond') where what = 'attempt';
    end if;
    return v_pruned;
end
$$;

-- Puts one closed lease per account and window, named after them, in the place of up to `p_limit` leases that
-- closed long ago, so that what was consumed in a window still adds up. How many went.
create function billing.prune_leases(p_keep_days integer, p_limit integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    v_horizon timestamptz := billing.clock() - p_keep_days * interval '1 day';
    v_pruned bigint;
begin
    -- Two at once would wait for each other's sums in any order.
    perform pg_advisory_xact_lock(7305803385031);
    with old as (
        select l.lease_id from billing.lease l
        where l.created_at < v_horizon and l.state = 'closed' and l.closed_at < v_horizon
            and l.reason is distinct from 'pruned'
        limit p_limit
    ), gone as (
        delete from billing.lease l using old o where l.lease_id = o.lease_id returning l.*
    ), sums as (
        select g.account_id, g.window_start, g.tenant_id, sum(g.consumed)::bigint as consumed,
            max(g.closed_at) as closed_at, count(*) as leases
        from gone g group by 1, 2, 3
    ), kept as (
        insert into billing.lease as l (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch, granted,
            consumed, single, state, created_at, expires_at, ends_at, closed_at, reason)
        select md5('pruned/' || s.account_id || '/' || extract(epoch from s.window_start))::uuid,
            md5('pruned/' || extract(epoch from s.window_start))::uuid, s.account_id, s.window_start, s.tenant_id, '', 0,
            s.consumed, s.consumed, false, 'closed', s.closed_at, s.closed_at, s.closed_at, s.closed_at, 'pruned'
        from sums s
        on conflict (lease_id) do update set granted = l.granted + excluded.granted,
            consumed = l.consumed + excluded.consumed, closed_at = excluded.closed_at
        returning 1
    )
    select coalesce(sum(s.leases), 0) into v_pruned from sums s;
    if v_pruned > 0 then
        update billing.kept set since = greatest(since, v_horizon) where what = 'lease';
    end if;
    return v_pruned;
end
$$;

do $$
declare
    v_function regprocedure;
begin
    foreach v_function in array array['billing.drain_usage_default(integer, integer)',
        'billing.drop_usage_day(integer)', 'billing.prune_settlements(integer, integer)',
        'billing.prune_attempts(integer)', 'billing.prune_leases(integer, integer)']::regprocedure[]
    loop
        execute format('revoke all on function %s from public', v_function);
        execute format('grant execute on function %s to patchbay_billing', v_function);
    end loop;
end
$$;

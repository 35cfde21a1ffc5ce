-- Billing: settlement. Idempotent by generation, in any order, each batch one transaction.
-- Order of locks: open period, settlement keys, balances by (account, window), leases.
set lock_timeout = '5s';

-- One execution's account, from a worker or an edge. `lease_ids` and `account_ids` run in parallel; `units` are
-- in the order of `billing.price_version.base`; due = charge + absorbed + waived.
create type billing.record as (
    generation_id uuid, execution integer, evidence text, worker_id text, tenant_id uuid, key_id uuid,
    lease_ids uuid[], account_ids uuid[], reserved bigint, price_version_id uuid, markup_bps integer,
    units bigint[], source text, due bigint, charge bigint, absorbed bigint, waived bigint, provider_cost bigint,
    model text, provider text, provider_name text, endpoint_id uuid, provider_response_id text,
    finish_reason text, native_finish_reason text, streamed boolean, cancelled boolean, partial boolean,
    received_at_ms bigint, latency_ms bigint, generation_time_ms bigint, deltas bigint,
    end_user text, app_referer text, app_title text, session_id text, attempts jsonb);

-- What became of a record: `settled`, `duplicate` (this execution had settled), `lost` (another had),
-- `claimed` (it waits).
create type billing.fate as (generation_id uuid, execution integer, fate text, charge bigint, absorbed bigint);

-- Writes attempts from a record's list: of an execution that lost all of them, else those beyond the first.
create function billing.write_attempts(p_records billing.record[], p_lost boolean, p_now timestamptz) returns void
language sql volatile as $$
    insert into billing.attempt (generation_id, execution, n, tenant_id, endpoint_id, provider_name, model, status,
        outcome, latency_ms, error_type, provider_cost, recorded_at)
    select r.generation_id, r.execution, coalesce(a.n, 0), r.tenant_id, a.endpoint_id, a.provider_name, a.model,
        coalesce(a.status, 0), coalesce(a.outcome, 'lost'), coalesce(a.latency_ms, 0), a.error_type,
        case when p_lost and a.place = greatest(jsonb_array_length(r.attempts), 1) then r.provider_cost else 0 end,
        p_now
    from unnest(p_records) r
    cross join lateral rows from (jsonb_to_recordset(
        case when p_lost and jsonb_array_length(r.attempts) = 0
            then jsonb_build_array(jsonb_build_object(
                'endpoint_id', r.endpoint_id, 'provider_name', r.provider_name, 'model', r.model))
            else r.attempts end)
        as (n integer, endpoint_id uuid, provider_name text, model text, status integer, outcome text,
            latency_ms bigint, error_type text)) with ordinality
        as a(n, endpoint_id, provider_name, model, status, outcome, latency_ms, error_type, place)
    where p_lost or a.place > 1
    on conflict do nothing
$$;

-- What providers ask of us, an entry per execution; opens a provider's accounts when it is first seen.
create function billing.write_provider_costs(p_records billing.record[], p_period bigint, p_now timestamptz)
returns void language plpgsql as $$
begin
    insert into billing.account (account_id, kind, code)
    select billing.platform_account(c.code), 'platform', c.code
    from (select distinct side || ':' || coalesce(r.provider, 'unknown') as code
        from unnest(p_records) r, unnest(array['cogs', 'payable']) side where r.provider_cost > 0) c
    where c.code <> all (array(select a.code from billing.account a where a.kind = 'platform'))
    order by c.code
    on conflict do nothing;
    insert into billing.transfer
        (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at)
    select r.generation_id, 'provider_cost', r.execution,
        billing.platform_account('cogs:' || coalesce(r.provider, 'unknown')),
        billing.platform_account('payable:' || coalesce(r.provider, 'unknown')),
        r.provider_cost, r.tenant_id, p_period, p_now
    from unnest(p_records) r where r.provider_cost > 0
    on conflict do nothing;
end
$$;

-- Keeps executions that did not settle their generation: attempts and cost of ours, never a charge.
create function billing.lose(p_records billing.record[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
    if coalesce(cardinality(p_records), 0) > 0 then
        perform billing.write_attempts(p_records, true, p_now);
        perform billing.write_provider_costs(p_records, p_period, p_now);
    end if;
end
$$;

-- Writes settled records whose charges are decided: usage, attempts, ledger, totals, leases, balances.
-- Their balances are locked by the caller.
create function billing.write_settled(p_records billing.record[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
declare
    v_leases uuid[] := array(select distinct u.lease_id from unnest(p_records) r, unnest(r.lease_ids) u(lease_id));
begin
    insert into billing.usage
    select r.generation_id, billing.uuid_day(r.generation_id), r.execution, r.evidence, r.tenant_id, r.key_id,
        r.worker_id, r.lease_ids, p_period,
        coalesce((select min(l.created_at) from billing.lease l where l.lease_id = any (r.lease_ids)), p_now), p_now,
        r.price_version_id, r.markup_bps, r.units[1], r.units[2], r.units[3], r.units[4], r.units[5], r.units[6],
        r.units[7], r.units[8], r.units[9], r.units[10], r.source, r.reserved, r.due, r.charge, r.absorbed, r.waived,
        r.provider_cost, r.model, r.provider, r.provider_name, r.endpoint_id, r.provider_response_id,
        r.finish_reason, r.native_finish_reason, r.streamed, r.cancelled, r.partial,
        to_timestamp(r.received_at_ms / 1000.0), r.latency_ms, r.generation_time_ms, r.deltas,
        r.end_user, r.app_referer, r.app_title, r.session_id,
        jsonb_array_length(r.attempts), a.n, a.endpoint_id, a.provider_name, a.model, a.status, a.outcome,
        a.latency_ms, a.error_type
    from unnest(p_records) r
    left join lateral jsonb_to_record(r.attempts -> 0) as a (n integer, endpoint_id uuid, provider_name text,
        model text, status integer, outcome text, latency_ms bigint, error_type text) on true;

    if exists (select from unnest(p_records) r where jsonb_array_length(r.attempts) > 1) then
        perform billing.write_attempts(p_records, false, p_now);
    end if;

    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at)
    select r.generation_id, 'usage', t.credit_account_id, billing.platform_account('revenue'), r.charge,
        r.tenant_id, p_period, p_now
    from unnest(p_records) r join billing.tenant t on t.tenant_id = r.tenant_id
    where r.charge > 0 and t.tenant_id = any (array(select x.tenant_id from unnest(p_records) x));
    perform billing.write_provider_costs(p_records, p_period, p_now);

    with uses as (
        select u.lease_id, sum(r.charge) as charge
        from unnest(p_records) r cross join lateral unnest(r.lease_ids) u(lease_id) group by 1
    ), consumed as (
        update billing.lease l
        set consumed = l.consumed + u.charge,
            state = case when l.single then 'closed' else l.state end,
            closed_at = case when l.single then coalesce(l.closed_at, p_now) end,
            reason = case when l.single then coalesce(l.reason, 'settled') end
        from uses u join billing.lease was on was.lease_id = u.lease_id and was.lease_id = any (v_leases)
        where l.lease_id = u.lease_id and l.lease_id = any (v_leases)
        returning l.account_id, l.window_start, u.charge,
            case when was.state = 'closed' then 0
                when l.single then was.granted - was.consumed
                else u.charge end as released
    )
    update billing.balance b set spent = b.spent + s.charge, held = b.held - s.released
    from (select c.account_id, c.window_start, sum(c.charge) as charge, sum(c.released) as released
        from consumed c group by 1, 2) s
    where b.account_id = any (array(select c.account_id from consumed c))
        and b.account_id = s.account_id and b.window_start = s.window_start;

    insert into billing.key_usage as k (key_id, day, tenant_id, charge, requests)
    select r.key_id, (coalesce(
            (select min(l.created_at) from billing.lease l where l.lease_id = any (r.lease_ids)), p_now)
            at time zone 'UTC')::date as day, r.tenant_id, sum(r.charge), count(*)
    from unnest(p_records) r where r.key_id is not null
    group by 1, 2, 3 order by 1, 2
    on conflict (key_id, day) do update
        set charge = k.charge + excluded.charge, requests = k.requests + excluded.requests;
end
$$;

-- Settles records, at most one per generation, whatever they wait for has come. Answers each one's fate.
create function billing.book(p_records billing.record[], p_now timestamptz) returns setof billing.fate
language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_fresh billing.record[];
    v_plain billing.record[];
    v_known billing.settlement[];
    v_leases uuid[];
    v_ids uuid[];
    v_odd uuid[];
    v_record billing.record;
    v_room bigint;
begin
    with placed as (
        insert into billing.settlement (generation_id, execution, evidence, settled_at)
        select r.generation_id, r.execution, r.evidence, p_now from unnest(p_records) r order by r.generation_id
        on conflict do nothing returning generation_id)
    select array_agg(r) into v_fresh from unnest(p_records) r join placed p on p.generation_id = r.generation_id;

    if cardinality(v_fresh) is distinct from cardinality(p_records) then
        v_known := array(select s from billing.settlement s
            where s.generation_id = any (array(select r.generation_id from unnest(p_records) r)));
        perform billing.lose(array(select r from unnest(p_records) r
            join unnest(v_known) s on s.generation_id = r.generation_id
            where s.execution <> r.execution), v_period, p_now);
        return query select r.generation_id, r.execution,
            case when s.execution = r.execution then 'duplicate' else 'lost' end, 0::bigint, 0::bigint
        from unnest(p_records) r join unnest(v_known) s on s.generation_id = r.generation_id
        where not exists (select from unnest(v_fresh) f where f.generation_id = r.generation_id);
        if v_fresh is null then
            return;
        end if;
    end if;

    -- A lease that we do not know of was granted by a database that lost it; it counts as long closed.
    v_leases := array(select distinct u.lease_id from unnest(v_fresh) r, unnest(r.lease_ids) u(lease_id));
    if (select count(*) from billing.lease l where l.lease_id = any (v_leases)) <> cardinality(v_leases) then
        insert into billing.lease (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch, granted,
            state, created_at, expires_at, ends_at, closed_at, reason)
        select u.lease_id, u.lease_id, a.account_id, billing.window_start(a.reset, p_now), r.tenant_id, '', 0,
            r.reserved, 'closed', p_now, p_now, p_now, p_now, 'adopted'
        from unnest(v_fresh) r
        cross join lateral rows from (unnest(r.lease_ids), unnest(r.account_ids)) u(lease_id, account_id)
        join billing.account a on a.account_id = u.account_id and a.tenant_id = r.tenant_id
        where not exists (select from billing.lease l where l.lease_id = u.lease_id)
        order by 1
        on conflict do nothing;
    end if;

    perform 1 from billing.balance b
    where b.account_id = any (array(select l.account_id from billing.lease l where l.lease_id = any (v_leases)))
        and (b.account_id, b.window_start) in
            (select l.account_id, l.window_start from billing.lease l where l.lease_id = any (v_leases))
    order by b.account_id, b.window_start for update;

    -- What does not fit an open lease of its own tenant's, credit among them, is looked at by itself.
    with uses as (
        select r.generation_id, r.charge, l.account_id,
            l.lease_id is null or l.state = 'closed' or l.tenant_id <> r.tenant_id
                or sum(r.charge) over (partition by u.lease_id order by r.generation_id) > l.granted - l.consumed as odd
        from unnest(v_fresh) r
        cross join lateral unnest(r.lease_ids) u(lease_id)
        left join (select * from billing.lease l where l.lease_id = any (v_leases)) l on l.lease_id = u.lease_id
    )
    select array_agg(r.generation_id order by r.generation_id) into v_odd
    from unnest(v_fresh) r
    where exists (select from uses u where u.generation_id = r.generation_id and u.odd)
        or r.charge > 0 and not exists (select from uses u
            where u.generation_id = r.generation_id and u.account_id =
                (select t.credit_account_id from billing.tenant t where t.tenant_id = r.tenant_id));

    if v_odd is null then
        perform billing.write_settled(v_fresh, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_fresh) r;
    else
        v_plain := array(select r from unnest(v_fresh) r where r.generation_id <> all (v_odd));
        perform billing.write_settled(v_plain, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_plain) r;
        for v_record in
            select r.* from unnest(v_fresh) r where r.generation_id = any (v_odd) order by r.generation_id
        loop
            v_room := billing.room(v_record);
            v_record.absorbed := v_record.absorbed + greatest(v_record.charge - v_room, 0);
            v_record.charge := least(v_record.charge, v_room);
            perform billing.write_settled(array[v_record], v_period, p_now);
            return query
                select v_record.generation_id, v_record.execution, 'settled', v_record.charge, v_record.absorbed;
        end loop;
    end if;

    v_ids := array(select r.generation_id from unnest(v_fresh) r);
    if exists (select from billing.claim c where c.generation_id = any (v_ids)) then
        perform billing.lose(array(
            select e from unnest(v_fresh) r
            join billing.claim c on c.generation_id = r.generation_id and c.execution <> r.execution
            cross join lateral jsonb_populate_record(null::billing.record, c.record) e
            order by c.generation_id, c.execution), v_period, p_now);
        delete from billing.claim c where c.generation_id = any (v_ids);
    end if;
    delete from billing.witness w where w.generation_id = any (v_ids);
end
$$;

-- What may still be taken for a record: what its open leases have left, and of accounts whose lease is closed
-- what is available there. Nothing when a lease is another tenant's, or none is on the tenant's credit.
create function billing.room(p_record billing.record) returns bigint language sql volatile as $$
    select case
        when bool_and(l.lease_id is not null and l.tenant_id = p_record.tenant_id and b.account_id is not null)
            and bool_or(t.credit_account_id is not null)
        then greatest(min(case when l.state = 'closed'
            then least(l.granted - l.consumed, b.available) else l.granted - l.consumed end), 0)
        else 0 end
    from unnest(p_record.lease_ids) u(lease_id)
    left join billing.lease l on l.lease_id = u.lease_id
    left join billing.balance b on b.account_id = l.account_id and b.window_start = l.window_start
    left join billing.tenant t on t.tenant_id = p_record.tenant_id and t.credit_account_id = l.account_id
$$;

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
            then jsonb_build_array(jsonb_build_object('endpoint_id', r.endpoint_id, 'provider_name', r.provider_name, 'model', r.model))
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
    where not exists (select from billing.account a where a.account_id = billing.platform_account(c.code))
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
    where r.charge > 0;
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
        from uses u join billing.lease was on was.lease_id = u.lease_id
        where l.lease_id = u.lease_id
        returning l.account_id, l.window_start, u.charge,
            case when was.state = 'closed' then 0
                when l.single then was.granted - was.consumed
                else u.charge end as released
    )
    update billing.balance b set spent = b.spent + s.charge, held = b.held - s.released
    from (select c.account_id, c.window_start, sum(c.charge) as charge, sum(c.released) as released
        from consumed c group by 1, 2) s
    where b.account_id = s.account_id and b.window_start = s.window_start;

    insert into billing.key_usage as k (key_id, day, tenant_id, charge, requests)
    select r.key_id, (coalesce((select min(l.created_at) from billing.lease l where l.lease_id = any (r.lease_ids)), p_now)
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
        perform billing.lose(array(select r from unnest(p_records) r
            join billing.settlement s on s.generation_id = r.generation_id where s.execution <> r.execution), v_period, p_now);
        return query select r.generation_id, r.execution,
            case when s.execution = r.execution then 'duplicate' else 'lost' end, 0::bigint, 0::bigint
        from unnest(p_records) r join billing.settlement s on s.generation_id = r.generation_id
        where not exists (select from unnest(v_fresh) f where f.generation_id = r.generation_id);
        if v_fresh is null then
            return;
        end if;
    end if;

    -- A lease that we do not know of was granted by a database that lost it; it counts as long closed.
    insert into billing.lease (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch, granted,
        state, created_at, expires_at, ends_at, closed_at, reason)
    select u.lease_id, u.lease_id, a.account_id, billing.window_start(a.reset, p_now), r.tenant_id, '', 0, r.reserved,
        'closed', p_now, p_now, p_now, p_now, 'adopted'
    from unnest(v_fresh) r
    cross join lateral rows from (unnest(r.lease_ids), unnest(r.account_ids)) u(lease_id, account_id)
    join billing.account a on a.account_id = u.account_id and a.tenant_id = r.tenant_id
    where not exists (select from billing.lease l where l.lease_id = u.lease_id)
    order by 1
    on conflict do nothing;

    perform 1 from billing.balance b
    where (b.account_id, b.window_start) in (select l.account_id, l.window_start from unnest(v_fresh) r
        join billing.lease l on l.lease_id = any (r.lease_ids))
    order by b.account_id, b.window_start for update;

    -- What does not fit an open lease of its own tenant's, credit among them, is looked at by itself.
    with uses as (
        select r.generation_id, r.charge, l.account_id,
            l.lease_id is null or l.state = 'closed' or l.tenant_id <> r.tenant_id
                or sum(r.charge) over (partition by u.lease_id order by r.generation_id) > l.granted - l.consumed as odd
        from unnest(v_fresh) r
        cross join lateral unnest(r.lease_ids) u(lease_id)
        left join billing.lease l on l.lease_id = u.lease_id
    )
    select array_agg(r.generation_id order by r.generation_id) into v_odd
    from unnest(v_fresh) r
    where exists (select from uses u where u.generation_id = r.generation_id and u.odd)
        or r.charge > 0 and not exists (select from uses u
            join billing.tenant t on t.tenant_id = r.tenant_id and t.credit_account_id = u.account_id
            where u.generation_id = r.generation_id);

    if v_odd is null then
        perform billing.write_settled(v_fresh, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_fresh) r;
    else
        v_plain := array(select r from unnest(v_fresh) r where r.generation_id <> all (v_odd));
        perform billing.write_settled(v_plain, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_plain) r;
        for v_record in select r.* from unnest(v_fresh) r where r.generation_id = any (v_odd) order by r.generation_id loop
            v_room := billing.room(v_record);
            v_record.absorbed := v_record.absorbed + greatest(v_record.charge - v_room, 0);
            v_record.charge := least(v_record.charge, v_room);
            perform billing.write_settled(array[v_record], v_period, p_now);
            return query select v_record.generation_id, v_record.execution, 'settled', v_record.charge, v_record.absorbed;
        end loop;
    end if;

    perform billing.lose(array(
        select e from billing.claim c
        join billing.settlement s on s.generation_id = c.generation_id and s.execution <> c.execution
        cross join lateral jsonb_populate_record(null::billing.record, c.record) e
        where c.generation_id in (select r.generation_id from unnest(v_fresh) r)), v_period, p_now);
    delete from billing.claim c using unnest(v_fresh) r where c.generation_id = r.generation_id;
    delete from billing.witness w using unnest(v_fresh) r where w.generation_id = r.generation_id;
end
$$;

-- What may still be taken for a record: what its open leases have left, and of accounts whose lease is closed
-- what is available there. Nothing when a lease is another tenant's, or none is on the tenant's credit.
create function billing.room(p_record billing.record) returns bigint language sql volatile as $$
    select case
        when coalesce(bool_and(l.lease_id is not null and l.tenant_id = p_record.tenant_id and b.account_id is not null), false)
            and bool_or(t.credit_account_id is not null)
        then greatest(min(case when l.state = 'closed'
            then least(l.granted - l.consumed, b.available) else l.granted - l.consumed end), 0)
        else 0 end
    from unnest(p_record.lease_ids) u(lease_id)
    left join billing.lease l on l.lease_id = u.lease_id
    left join billing.balance b on b.account_id = l.account_id and b.window_start = l.window_start
    left join billing.tenant t on t.tenant_id = p_record.tenant_id and t.credit_account_id = l.account_id
$$;

-- Settles what workers ship (JSON list of `billing.record` with `confirmed`): confirmed records at once; the
-- others become claims, and settle when the edge's word is there or their lease has closed.
create function billing.settle(p_records jsonb, p_grace_ms bigint) returns setof billing.fate
language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_confirmed billing.record[];
    v_claims billing.record[];
begin
    -- Of several executions of one generation the highest goes first, confirmed before unconfirmed.
    with listed as (
        select e as r, (j.value ->> 'confirmed')::boolean as confirmed,
            row_number() over (partition by e.generation_id
                order by (j.value ->> 'confirmed')::boolean desc, e.execution desc) as place
        from jsonb_array_elements(p_records) j
        cross join lateral jsonb_populate_record(null::billing.record, j.value) e
    )
    select array_agg(l.r order by (l.r).generation_id) filter (where l.confirmed and l.place = 1),
        array_agg(l.r order by (l.r).generation_id, (l.r).execution) filter (where not l.confirmed or l.place > 1)
        into v_confirmed, v_claims
    from listed l;
    if v_confirmed is not null then
        return query select * from billing.book(v_confirmed, v_now);
    end if;
    if v_claims is not null then
        return query select * from billing.put_claims(v_claims, p_grace_ms, v_now);
    end if;
end
$$;

-- Keeps claims until something decides them, and decides those that already can be.
create function billing.put_claims(p_claims billing.record[], p_grace_ms bigint, p_now timestamptz)
returns setof billing.fate language plpgsql as $$
declare
    v_decided uuid[];
begin
    insert into billing.claim (generation_id, execution, lease_id, record, received_at, due_at)
    select r.generation_id, r.execution, r.lease_ids[1], to_jsonb(r), p_now,
        p_now + p_grace_ms * interval '1 millisecond'
    from unnest(p_claims) r
    order by 1, 2
    on conflict do nothing;
    select array_agg(distinct r.generation_id) into v_decided from unnest(p_claims) r
    where exists (select from billing.settlement s where s.generation_id = r.generation_id)
        or exists (select from billing.witness w where w.generation_id = r.generation_id)
        or exists (select from billing.lease l where l.lease_id = r.lease_ids[1] and l.state = 'closed');
    if v_decided is not null then
        return query select f.* from billing.resolve(v_decided, false, p_now) f
            where exists (select from unnest(p_claims) r
                where r.generation_id = f.generation_id and r.execution = f.execution);
    end if;
    return query select c.generation_id, c.execution, 'claimed', 0::bigint, 0::bigint
        from unnest(p_claims) r
        join billing.claim c on c.generation_id = r.generation_id and c.execution = r.execution;
end
$$;

-- The edge's account of generations (JSON list of `billing.record` with `outcome`). Where the record settled
-- already there is nothing to do; else it decides the claims that wait, or waits itself.
create function billing.put_witnesses(p_witnesses jsonb, p_grace_ms bigint) returns setof billing.fate
language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_new uuid[];
begin
    with told as (
        select e as r, j.value ->> 'outcome' as outcome
        from jsonb_array_elements(p_witnesses) j
        cross join lateral jsonb_populate_record(null::billing.record, j.value) e
        where not exists (select from billing.settlement s where s.generation_id = e.generation_id)
    ), latest as (
        select distinct on ((t.r).generation_id) t.r, t.outcome from told t
        order by (t.r).generation_id, (t.r).execution desc
    ), put as (
        insert into billing.witness as w (generation_id, execution, outcome, lease_id, record, received_at, due_at)
        select (l.r).generation_id, (l.r).execution, l.outcome, (l.r).lease_ids[1], to_jsonb(l.r), v_now,
            v_now + p_grace_ms * interval '1 millisecond'
        from latest l order by 1
        on conflict (generation_id) do update
            set execution = excluded.execution, outcome = excluded.outcome, record = excluded.record
            where w.execution <= excluded.execution
        returning w.generation_id)
    select array_agg(p.generation_id) into v_new from put p;
    if v_new is not null then
        return query select * from billing.resolve(v_new, false, v_now);
    end if;
end
$$;

-- Decides generations by their claims and the edge's word: the highest execution settles, a record before the
-- edge's word on the same one. Without `p_force` only what the edge's word or a closed lease decides.
create function billing.resolve(p_generations uuid[], p_force boolean, p_now timestamptz)
returns setof billing.fate language plpgsql as $$
declare
    v_chosen billing.record[];
begin
    with asked as (
        select distinct g.generation_id from unnest(p_generations) g(generation_id)
    ), best as (
        select distinct on (c.generation_id) c.generation_id, c.execution, c.record, c.lease_id
        from billing.claim c join asked using (generation_id)
        order by c.generation_id, c.execution desc
    ), decided as (
        select
            case
                when s.generation_id is not null then b.record
                when w.outcome = 'nothing_owed' then coalesce(b.record, w.record) || jsonb_build_object(
                    'charge', 0, 'absorbed', 0, 'waived', coalesce(b.record, w.record) -> 'due')
                when b.execution >= w.execution then b.record
                when not p_force and w.generation_id is not null then null
                when w.generation_id is not null then w.record
                when p_force or l.state = 'closed' then b.record
            end as record,
            case when b.record is null or (w.execution > b.execution and w.outcome <> 'nothing_owed')
                then 'edge' else 'claim' end as evidence
        from asked
        left join best b using (generation_id)
        left join billing.witness w using (generation_id)
        left join billing.settlement s using (generation_id)
        left join billing.lease l on l.lease_id = b.lease_id
        where b.generation_id is not null or w.generation_id is not null
    )
    select array_agg(e order by e.generation_id) into v_chosen
    from decided d
    cross join lateral jsonb_populate_record(null::billing.record, d.record || jsonb_build_object('evidence', d.evidence)) e
    where d.record is not null;
    if v_chosen is not null then
        return query select * from billing.book(v_chosen, p_now);
    end if;

    -- What came after its generation had settled.
    perform billing.lose(array(
        select e from billing.claim c
        join billing.settlement s on s.generation_id = c.generation_id and s.execution <> c.execution
        cross join lateral jsonb_populate_record(null::billing.record, c.record) e
        where c.generation_id = any (p_generations)), billing.open_period(), p_now);
    return query
    with gone as (
        delete from billing.claim c using billing.settlement s
        where c.generation_id = any (p_generations) and s.generation_id = c.generation_id
        returning c.generation_id, c.execution, s.execution as winner)
    select g.generation_id, g.execution, case when g.execution = g.winner then 'duplicate' else 'lost' end, 0::bigint, 0::bigint
    from gone g;
    delete from billing.witness w using billing.settlement s
    where w.generation_id = any (p_generations) and s.generation_id = w.generation_id;
end
$$;

-- Decides what is due: claims and witnesses past their time or whose lease is past its grace; and those whose
-- counterpart was written at the same moment.
create function billing.resolve_due(p_limit integer) returns setof billing.fate language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_ready uuid[];
    v_due uuid[];
begin
    select array_agg(q.generation_id) into v_due from (
        select c.generation_id from billing.claim c where c.due_at <= v_now
        union select w.generation_id from billing.witness w where w.due_at <= v_now
        union select c.generation_id from billing.claim c join billing.lease l using (lease_id)
            where l.state = 'closed' or l.closes_at <= v_now
        union select w.generation_id from billing.witness w join billing.lease l using (lease_id)
            where l.state = 'closed' or l.closes_at <= v_now
        limit p_limit) q;
    if v_due is not null then
        return query select * from billing.resolve(v_due, true, v_now);
        return;
    end if;
    select array_agg(q.generation_id) into v_ready from (
        select c.generation_id from billing.claim c join billing.witness w using (generation_id)
            where c.execution >= w.execution or w.outcome = 'nothing_owed'
        union select c.generation_id from billing.claim c join billing.settlement s using (generation_id)
        union select w.generation_id from billing.witness w join billing.settlement s using (generation_id)
        limit p_limit) q;
    if v_ready is not null then
        return query select * from billing.resolve(v_ready, false, v_now);
    end if;
end
$$;

-- Billing: settlement under leases that serve many requests. Several leases of one account may carry a generation;
-- what it takes from the account is spread over them in order, each at most what is reserved there.
set lock_timeout = '5s';

-- What a record takes from a lease.
create type billing.taking as (generation_id uuid, lease_id uuid, amount bigint);

-- What a generation took from a lease, where that is not its charge: it was spread over several leases of one
-- account, or the account counts something else. Where there is no row it is the charge.
create table billing.take (
    generation_id uuid not null,
    lease_id uuid not null,
    amount bigint not null check (amount >= 0),
    primary key (generation_id, lease_id)
);
create trigger take_is_immutable before update or delete on billing.take
    for each row execute function billing.refuse_change();
create trigger take_is_not_truncated before truncate on billing.take
    for each statement execute function billing.refuse_change();
alter table billing.take enable row level security, force row level security;
create policy billing_all on billing.take to patchbay_billing using (true) with check (true);
grant select, insert on billing.take to patchbay_billing;
grant select on billing.take to patchbay_report;
create policy report_reads on billing.take for select to patchbay_report using (true);

create view report.takes with (security_invoker = true) as
select t.generation_id, t.lease_id, l.account_id, l.window_start, l.tenant_id, t.amount
from billing.take t left join billing.lease l on l.lease_id = t.lease_id;
grant select on report.takes to patchbay_report, patchbay_billing;

-- When a generation was admitted, by our clock, as far as its leases say: it decides which day it counts for. The
-- lease of one request was granted at that time; a shared one says only that it was between its grant and its end.
create or replace function billing.occurred(p_leases uuid[], p_now timestamptz) returns timestamptz
language sql stable as $$
    select coalesce(
        case when bool_and(l.single) then min(l.created_at)
            else greatest(max(l.created_at) filter (where not l.single),
                least(p_now, min(l.ends_at) filter (where not l.single) - interval '1 microsecond')) end, p_now)
    from billing.lease l where l.lease_id = any (p_leases)
$$;

-- What each lease of a record may still give, in order: no more than is reserved there nor than it has left. Closed
-- ones of an account give together what is available in it. Another tenant's give nothing and are left out.
create function billing.capacities(p_record billing.record)
returns table (place bigint, lease_id uuid, account_id uuid, capacity bigint, before bigint)
language sql volatile as $$
    with named as (
        select u.place, l.lease_id, l.account_id, l.state = 'closed' as is_closed, b.available,
            least(coalesce(u.amount, p_record.reserved), l.granted - l.consumed) as amount
        from rows from (unnest(p_record.lease_ids), unnest(p_record.lease_amounts))
            with ordinality u(lease_id, amount, place)
        join billing.lease l on l.lease_id = u.lease_id and l.tenant_id = p_record.tenant_id
        join billing.balance b on b.account_id = l.account_id and b.window_start = l.window_start
    ), bounded as (
        select n.place, n.lease_id, n.account_id,
            case when n.is_closed then least(n.amount, greatest(n.available - coalesce(sum(n.amount)
                over (partition by n.account_id, n.is_closed order by n.place rows between unbounded preceding
                    and 1 preceding), 0), 0))
                else n.amount end::bigint as capacity
        from named n
    )
    select b.place, b.lease_id, b.account_id, b.capacity,
        coalesce(sum(b.capacity) over (partition by b.account_id order by b.place rows between unbounded preceding
            and 1 preceding), 0)::bigint
    from bounded b
$$;

-- What a record takes from each of its leases, as far as they give it.
create function billing.spread(p_record billing.record) returns billing.taking[] language sql volatile as $$
    select coalesce(array_agg((p_record.generation_id, c.lease_id, greatest(
            least(c.capacity, billing.takes(p_record, a) - c.before), 0))::billing.taking order by c.place), '{}')
    from billing.capacities(p_record) c join billing.account a on a.account_id = c.account_id
$$;

-- What may still be charged for a record: what the leases of every account give together, where the account counts
-- the charge. Nothing when a lease is another tenant's, or none is on the tenant's credit.
create or replace function billing.room(p_record billing.record) returns bigint language plpgsql volatile as $$
declare
    v_free billing.record := p_record;
    v_leases bigint := cardinality(p_record.lease_ids);
    v_known bigint;
    v_has_credit boolean;
    v_room bigint;
begin
    v_free.charge := 0;
    select sum(s.leases), bool_or(s.is_credit), min(case
            when s.takes <= s.capacity or s.takes <= s.takes_free then p_record.charge
            else greatest(p_record.charge - (s.takes - s.capacity), 0) end)
        into v_known, v_has_credit, v_room
    from (
        select count(*) as leases, sum(c.capacity) as capacity, bool_or(t.tenant_id is not null) as is_credit,
            min(billing.takes(p_record, a)) as takes, min(billing.takes(v_free, a)) as takes_free
        from billing.capacities(p_record) c
        join billing.account a on a.account_id = c.account_id
        left join billing.tenant t on t.tenant_id = p_record.tenant_id and t.credit_account_id = c.account_id
        group by c.account_id) s;
    return case when v_known = v_leases and v_has_credit then v_room else 0 end;
end
$$;

drop function billing.write_settled(billing.record[], bigint, timestamptz);
drop function billing.write_taken(billing.record[], timestamptz);

-- Leases and balances. The balances are locked by the caller.
create function billing.write_taken(p_records billing.record[], p_takes billing.taking[], p_now timestamptz)
returns void language plpgsql as $$
declare
    v_leases uuid[] := array(select distinct t.lease_id from unnest(p_takes) t);
begin
    insert into billing.take (generation_id, lease_id, amount)
    select t.generation_id, t.lease_id, t.amount
    from unnest(p_takes) t join unnest(p_records) r on r.generation_id = t.generation_id
    where t.amount <> r.charge;

    with uses as (
        select t.lease_id, sum(t.amount) as amount from unnest(p_takes) t group by 1
    ), consumed as (
        update billing.lease l
        set consumed = l.consumed + u.amount,
            state = case when l.single then 'closed' else l.state end,
            closed_at = case when l.single then coalesce(l.closed_at, p_now) else l.closed_at end,
            reason = case when l.single then coalesce(l.reason, 'settled') else l.reason end
        from uses u join billing.lease was on was.lease_id = u.lease_id and was.lease_id = any (v_leases)
        where l.lease_id = u.lease_id and l.lease_id = any (v_leases) and (l.single or u.amount > 0)
        returning l.account_id, l.window_start, u.amount,
            case when was.state = 'closed' then 0
                when l.single then was.granted - was.consumed
                else u.amount end as released
    )
    update billing.balance b set spent = b.spent + s.amount, held = b.held - s.released
    from (select c.account_id, c.window_start, sum(c.amount) as amount, sum(c.released) as released
        from consumed c group by 1, 2) s
    where b.account_id = any (array(select c.account_id from consumed c))
        and b.account_id = s.account_id and b.window_start = s.window_start;
end
$$;

-- Writes settled records whose charges are decided, and what they take. Their balances are locked by the caller.
create function billing.write_settled(
    p_records billing.record[], p_takes billing.taking[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
    perform billing.write_usage(p_records, p_period, p_now);
    perform billing.write_transfers(p_records, p_period, p_now);
    perform billing.write_taken(p_records, p_takes, p_now);
    perform billing.write_totals(p_records, p_now);
end
$$;

-- Settles records, at most one per generation, whatever they wait for has come. Answers each one's fate.
create or replace function billing.book(p_records billing.record[], p_now timestamptz) returns setof billing.fate
language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_fresh billing.record[];
    v_plain billing.record[];
    v_takes billing.taking[];
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

    -- A lease that we do not know of was granted by a database that lost it; it counts as long closed, and as large
    -- as what comes to be charged under it.
    v_leases := array(select distinct u.lease_id from unnest(v_fresh) r, unnest(r.lease_ids) u(lease_id));
    if (select count(*) from billing.lease l where l.lease_id = any (v_leases)) <> cardinality(v_leases) then
        insert into billing.lease (lease_id, group_id, account_id, window_start, tenant_id, edge_id, epoch, granted,
            state, created_at, expires_at, ends_at, closed_at, reason)
        select distinct on (u.lease_id) u.lease_id, u.lease_id, a.account_id, billing.window_start(a.reset, p_now),
            r.tenant_id, '', 0, 0, 'closed', p_now, p_now, p_now, p_now, 'adopted'
        from unnest(v_fresh) r
        cross join lateral rows from (unnest(r.lease_ids), unnest(r.account_ids)) u(lease_id, account_id)
        join billing.account a on a.account_id = u.account_id and a.tenant_id = r.tenant_id
        where not exists (select from billing.lease l where l.lease_id = u.lease_id)
        order by u.lease_id
        on conflict do nothing;
    end if;

    perform 1 from billing.balance b
    where b.account_id = any (array(select l.account_id from billing.lease l where l.lease_id = any (v_leases)))
        and (b.account_id, b.window_start) in
            (select l.account_id, l.window_start from billing.lease l where l.lease_id = any (v_leases))
    order by b.account_id, b.window_start for update;

    -- What does not fit open leases of its own tenant's, credit among them, is looked at by itself.
    with named as (
        select r.generation_id, r.charge, u.lease_id, coalesce(u.amount, r.reserved) as amount,
            l.granted - l.consumed as rest, billing.takes(r, a) as takes,
            u.lease_id is not null and (l.lease_id is null or l.state = 'closed' or l.tenant_id <> r.tenant_id)
                as is_odd,
            l.account_id = t.credit_account_id as is_credit,
            sum(coalesce(u.amount, r.reserved)) over (partition by r.generation_id, l.account_id order by u.place)
                as reached,
            sum(coalesce(u.amount, r.reserved)) over (partition by r.generation_id, l.account_id) as cover
        from unnest(v_fresh) r
        left join lateral rows from (unnest(r.lease_ids), unnest(r.lease_amounts))
            with ordinality u(lease_id, amount, place) on true
        left join (select * from billing.lease l where l.lease_id = any (v_leases)) l on l.lease_id = u.lease_id
        left join billing.account a on a.account_id = l.account_id
        left join billing.tenant t on t.tenant_id = r.tenant_id
    ), taken as (
        select n.*, greatest(least(n.amount, n.takes - n.reached + n.amount), 0)::bigint as taking from named n
    ), checked as (
        select t.*, t.is_odd or t.takes > t.cover
            or sum(t.taking) over (partition by t.lease_id order by t.generation_id) > t.rest as does_not_fit
        from taken t
    ), judged as (
        select c.generation_id, c.lease_id, c.taking, coalesce(bool_or(c.does_not_fit) over g, false)
            or c.charge > 0 and not coalesce(bool_or(c.is_credit) over g, false) as is_odd
        from checked c window g as (partition by c.generation_id)
    )
    select array_agg(distinct j.generation_id) filter (where j.is_odd),
        array_agg((j.generation_id, j.lease_id, j.taking)::billing.taking)
            filter (where not j.is_odd and j.lease_id is not null)
        into v_odd, v_takes
    from judged j;

    if v_odd is null then
        perform billing.write_settled(v_fresh, v_takes, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_fresh) r;
    else
        v_plain := array(select r from unnest(v_fresh) r where r.generation_id <> all (v_odd));
        perform billing.write_settled(v_plain, v_takes, v_period, p_now);
        return query select r.generation_id, r.execution, 'settled', r.charge, r.absorbed from unnest(v_plain) r;
        for v_record in
            select r.* from unnest(v_fresh) r where r.generation_id = any (v_odd) order by r.generation_id
        loop
            update billing.lease l set granted = l.granted + coalesce(u.amount, v_record.reserved)
            from rows from (unnest(v_record.lease_ids), unnest(v_record.lease_amounts)) u(lease_id, amount)
            where l.lease_id = u.lease_id and l.lease_id = any (v_record.lease_ids) and l.reason = 'adopted'
                and l.tenant_id = v_record.tenant_id;
            v_room := billing.room(v_record);
            v_record.absorbed := v_record.absorbed + greatest(v_record.charge - v_room, 0);
            v_record.charge := least(v_record.charge, v_room);
            perform billing.write_settled(array[v_record], billing.spread(v_record), v_period, p_now);
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

-- Keeps claims until something decides them, and decides those that already can be.
create or replace function billing.put_claims(p_claims billing.record[], p_grace_ms bigint, p_now timestamptz)
returns setof billing.fate language plpgsql as $$
declare
    v_decided uuid[];
begin
    insert into billing.claim (generation_id, execution, lease_id, lease_ids, record, received_at, due_at)
    select r.generation_id, r.execution, r.lease_ids[1], r.lease_ids, to_jsonb(r), p_now,
        p_now + p_grace_ms * interval '1 millisecond'
    from unnest(p_claims) r
    order by 1, 2
    on conflict do nothing;
    select array_agg(distinct r.generation_id) into v_decided from unnest(p_claims) r
    where exists (select from billing.settlement s where s.generation_id = r.generation_id)
        or exists (select from billing.witness w where w.generation_id = r.generation_id)
        or exists (select from billing.lease l
            where l.lease_id = any (r.lease_ids) and billing.has_ended(l, p_now));
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
create or replace function billing.put_witnesses(p_witnesses jsonb, p_grace_ms bigint) returns setof billing.fate
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_ids uuid[] := array(select (j.value ->> 'generation_id')::uuid from jsonb_array_elements(p_witnesses) j);
    v_settled uuid[] := array(select s.generation_id from billing.settlement s where s.generation_id = any (v_ids));
    v_new uuid[];
begin
    if cardinality(v_settled) = cardinality(v_ids) then
        return;
    end if;
    with told as (
        select e as r, j.value ->> 'outcome' as outcome
        from jsonb_array_elements(p_witnesses) j
        cross join lateral jsonb_populate_record(null::billing.record, j.value) e
        where e.generation_id <> all (v_settled)
    ), latest as (
        select distinct on ((t.r).generation_id) t.r, t.outcome from told t
        order by (t.r).generation_id, (t.r).execution desc
    ), put as (
        insert into billing.witness as w
            (generation_id, execution, outcome, lease_id, lease_ids, record, received_at, due_at)
        select (l.r).generation_id, (l.r).execution, l.outcome, (l.r).lease_ids[1], (l.r).lease_ids, to_jsonb(l.r),
            v_now, v_now + p_grace_ms * interval '1 millisecond'
        from latest l order by 1
        on conflict (generation_id) do update
            set execution = excluded.execution, outcome = excluded.outcome, record = excluded.record,
                lease_id = excluded.lease_id, lease_ids = excluded.lease_ids
            where w.execution <= excluded.execution
        returning w.generation_id)
    select array_agg(p.generation_id) into v_new from put p;
    if v_new is not null then
        return query select * from billing.resolve(v_new, false, v_now);
    end if;
end
$$;

-- Decides generations by their claims and the edge's word: the highest execution settles, a record before the
-- edge's word on the same one, and completed by it where the worker was lost. Without `p_force` only what the edge's
-- word or an ended lease decides. Leases that the edge returned say that nothing is owed.
create or replace function billing.resolve(p_generations uuid[], p_force boolean, p_now timestamptz)
returns setof billing.fate language plpgsql as $$
declare
    v_chosen billing.record[];
    v_settled billing.settlement[];
begin
    with asked as (
        select distinct g.generation_id from unnest(p_generations) g(generation_id)
    ), best as (
        select distinct on (c.generation_id) c.generation_id, c.execution, c.record, c.lease_ids
        from billing.claim c where c.generation_id = any (p_generations)
        order by c.generation_id, c.execution desc
    ), decided as (
        select
            case
                when s.generation_id is not null then b.record
                when w.outcome = 'nothing_owed' or w.generation_id is null and l.are_returned
                    then coalesce(b.record, w.record) || jsonb_build_object(
                        'charge', 0, 'absorbed', 0, 'waived', coalesce(b.record, w.record) -> 'due')
                when x.is_behind then billing.complete(b.record, w.record)
                when b.execution >= w.execution then b.record
                when not p_force and w.generation_id is not null then null
                when w.generation_id is not null then w.record
                when p_force or l.has_ended then b.record
            end as record,
            case when b.record is null or (w.execution > b.execution and w.outcome <> 'nothing_owed') then 'edge'
                when s.generation_id is null and x.is_behind then 'both'
                else 'claim' end as evidence
        from asked
        left join best b using (generation_id)
        left join billing.witness w using (generation_id)
        left join (select * from billing.settlement s where s.generation_id = any (p_generations)) s
            using (generation_id)
        cross join lateral (
            select bool_and(l.single and coalesce(l.reason = 'returned', false)) as are_returned,
                bool_or(billing.has_ended(l, p_now)) as has_ended
            from billing.lease l where l.lease_id = any (b.lease_ids)) l
        cross join lateral (select w.outcome = 'lost' and b.execution = w.execution
            and (w.record ->> 'deltas')::bigint > (b.record ->> 'deltas')::bigint as is_behind) x
        where b.generation_id is not null or w.generation_id is not null
    )
    select array_agg(e order by e.generation_id) into v_chosen
    from decided d
    cross join lateral jsonb_populate_record(
        null::billing.record, d.record || jsonb_build_object('evidence', d.evidence)) e
    where d.record is not null;
    if v_chosen is not null then
        return query select * from billing.book(v_chosen, p_now);
    end if;

    -- What came after its generation had settled.
    v_settled := array(select s from billing.settlement s where s.generation_id = any (p_generations));
    if exists (select from billing.claim c
        where c.generation_id = any (array(select s.generation_id from unnest(v_settled) s)))
    then
        perform billing.lose(array(
            select e from unnest(v_settled) s
            join billing.claim c on s.generation_id = c.generation_id and s.execution <> c.execution
            cross join lateral jsonb_populate_record(null::billing.record, c.record) e), billing.open_period(), p_now);
        return query
        with gone as (
            delete from billing.claim c using unnest(v_settled) s
            where s.generation_id = c.generation_id and c.generation_id = any (p_generations)
            returning c.generation_id, c.execution, s.execution as winner)
        select g.generation_id, g.execution, case when g.execution = g.winner then 'duplicate' else 'lost' end,
            0::bigint, 0::bigint
        from gone g;
    end if;
    delete from billing.witness w
    where w.generation_id = any (array(select s.generation_id from unnest(v_settled) s));
end
$$;

-- Decides what is due: claims and witnesses past their time or whose lease is past its grace; and those whose
-- counterpart was written at the same moment.
create or replace function billing.resolve_due(p_limit integer) returns setof billing.fate
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_ended uuid[];
    v_ready uuid[];
    v_due uuid[];
begin
    v_ended := array(select l.lease_id from billing.lease l
        where l.lease_id = any (billing.busy_leases()) and billing.has_ended(l, v_now));
    select array_agg(q.generation_id) into v_due from (
        select c.generation_id from billing.claim c where c.due_at <= v_now or c.lease_ids && v_ended
        union select w.generation_id from billing.witness w where w.due_at <= v_now or w.lease_ids && v_ended
        limit p_limit) q;
    if v_due is not null then
        return query select * from billing.resolve(v_due, true, v_now);
        return;
    end if;
    select array_agg(q.generation_id) into v_ready from (
        select c.generation_id from billing.claim c join billing.witness w using (generation_id)
            where c.execution >= w.execution or w.outcome = 'nothing_owed'
        union select s.generation_id from billing.settlement s where s.generation_id = any (array(
            select c.generation_id from billing.claim c union select w.generation_id from billing.witness w))
        limit p_limit) q;
    if v_ready is not null then
        return query select * from billing.resolve(v_ready, false, v_now);
    end if;
end
$$;

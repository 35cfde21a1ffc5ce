-- Billing: what workers ship and edges say, and how it is decided. All of it ends in `billing.book`.
set lock_timeout = '5s';

-- Settles what workers ship (JSON list of `billing.record` with `confirmed`): confirmed records at once; the
-- others become claims, and settle when the edge's word is there or their lease has closed.
create function billing.settle(p_records jsonb, p_grace_ms bigint) returns setof billing.fate
language plpgsql set enable_seqscan = off set jit = off as $$
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

-- The claim of a worker that died in mid-stream, for all that the edge saw go by: a token for each delta after the
-- claim's last checkpoint, and where there was none the edge's account. Within the reservation, as any record.
create function billing.complete(p_claim jsonb, p_word jsonb) returns jsonb language plpgsql stable as $$
declare
    v_claim billing.record := jsonb_populate_record(null::billing.record, p_claim);
    v_word billing.record := jsonb_populate_record(null::billing.record, p_word);
    v_price billing.price_version;
begin
    if v_claim.price_version_id is null then
        v_claim.price_version_id := v_word.price_version_id;
        v_claim.units := v_word.units;
        v_claim.model := v_word.model;
        v_claim.provider := v_word.provider;
        v_claim.endpoint_id := v_word.endpoint_id;
    else
        v_claim.units[5] := v_claim.units[5] + v_word.deltas - v_claim.deltas;
    end if;
    select * into v_price from billing.price_version where price_version_id = v_claim.price_version_id;
    if not found then
        return p_claim;
    end if;
    v_claim.source := 'estimated';
    v_claim.deltas := v_word.deltas;
    v_claim.partial := true;
    v_claim.due := billing.charge(v_price.base, v_price.tiers, v_claim.units, v_claim.markup_bps);
    v_claim.charge := least(v_claim.due, v_claim.reserved);
    v_claim.absorbed := v_claim.due - v_claim.charge;
    v_claim.waived := 0;
    v_claim.provider_cost := billing.charge(v_price.base, v_price.tiers, v_claim.units, 0);
    return to_jsonb(v_claim);
end
$$;

-- Decides generations by their claims and the edge's word: the highest execution settles, a record before the
-- edge's word on the same one, and completed by it where the worker was lost. Without `p_force` only what the edge's word or a closed lease decides. A lease that
-- the edge returned says that nothing is owed.
create function billing.resolve(p_generations uuid[], p_force boolean, p_now timestamptz)
returns setof billing.fate language plpgsql as $$
declare
    v_chosen billing.record[];
    v_settled billing.settlement[];
begin
    with asked as (
        select distinct g.generation_id from unnest(p_generations) g(generation_id)
    ), best as (
        select distinct on (c.generation_id) c.generation_id, c.execution, c.record, c.lease_id
        from billing.claim c where c.generation_id = any (p_generations)
        order by c.generation_id, c.execution desc
    ), decided as (
        select
            case
                when s.generation_id is not null then b.record
                when w.outcome = 'nothing_owed' or w.generation_id is null and l.reason = 'returned'
                    then coalesce(b.record, w.record) || jsonb_build_object(
                        'charge', 0, 'absorbed', 0, 'waived', coalesce(b.record, w.record) -> 'due')
                when x.is_behind then billing.complete(b.record, w.record)
                when b.execution >= w.execution then b.record
                when not p_force and w.generation_id is not null then null
                when w.generation_id is not null then w.record
                when p_force or l.state = 'closed' then b.record
            end as record,
            case when b.record is null or (w.execution > b.execution and w.outcome <> 'nothing_owed') then 'edge'
                when s.generation_id is null and x.is_behind then 'both'
                else 'claim' end as evidence
        from asked
        left join best b using (generation_id)
        left join billing.witness w using (generation_id)
        left join (select * from billing.settlement s where s.generation_id = any (p_generations)) s
            using (generation_id)
        left join (select * from billing.lease l where l.lease_id = any (array(select lease_id from best))) l
            on l.lease_id = b.lease_id
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
create function billing.resolve_due(p_limit integer) returns setof billing.fate
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_ended uuid[];
    v_ready uuid[];
    v_due uuid[];
begin
    v_ended := array(select l.lease_id from billing.lease l
        where l.lease_id = any (array(
                select c.lease_id from billing.claim c union select w.lease_id from billing.witness w))
            and (l.state = 'closed' or l.closes_at <= v_now));
    select array_agg(q.generation_id) into v_due from (
        select c.generation_id from billing.claim c where c.due_at <= v_now or c.lease_id = any (v_ended)
        union select w.generation_id from billing.witness w where w.due_at <= v_now or w.lease_id = any (v_ended)
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

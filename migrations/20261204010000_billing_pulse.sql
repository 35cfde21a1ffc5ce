-- Billing: a grace runs only while somebody sweeps. What waits for its counterpart when billing or the database goes
-- away would otherwise be decided the moment they are back, before anybody could bring it.
set lock_timeout = '5s';

create table billing.pulse (
    only_row boolean primary key default true check (only_row),
    -- When billing last swept, and the longest pause that is none.
    beat_at timestamptz not null,
    pause interval not null default '15 seconds',
    -- It was away from then; what was not due by then is not due before `counts_from`, a whole grace after its return.
    away_from timestamptz not null default 'epoch',
    counts_from timestamptz not null default 'epoch'
) with (fillfactor = 10);
insert into billing.pulse (beat_at) values (billing.clock());

alter table billing.pulse enable row level security, force row level security;
create policy billing_all on billing.pulse to patchbay_billing using (true) with check (true);
grant select, update on billing.pulse to patchbay_billing;

-- Notes that billing sweeps. One that was away for longer than 15 s, or half of a shorter grace, gives everybody a
-- whole grace to bring what it missed. Away again before that is over, it was away all the while.
create function billing.beat(p_grace_ms bigint) returns void
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_grace interval := p_grace_ms * interval '1 millisecond';
    v_now timestamptz := billing.clock();
begin
    if exists (select from billing.pulse p where p.beat_at > v_now - interval '500 milliseconds') then
        return;
    end if;
    update billing.pulse p
    set beat_at = greatest(p.beat_at, v_now),
        pause = least(interval '15 seconds', v_grace / 2),
        away_from = case when v_now - p.beat_at <= p.pause or p.beat_at < p.counts_from then p.away_from
            else p.beat_at end,
        counts_from = case when v_now - p.beat_at <= p.pause then p.counts_from else v_now + v_grace end;
end
$$;

-- The moment by which something must have been due to be due at `p_now`: that moment, or when billing went away.
create function billing.due_by(p_now timestamptz) returns timestamptz language sql stable as $$
    select case when s.swept_at < p.counts_from then p.away_from else s.swept_at end
    from billing.pulse p
    cross join lateral (select case when p_now - p.beat_at <= p.pause then p_now else p.beat_at end as swept_at) s
$$;

-- Whether what waits under a lease is to wait no longer: its grace is over, or it served one generation and closed on
-- the word of somebody who knows what became of that. What a lease waits for that its edge is done with, and that
-- was freed for want of any use, comes by itself or is due.
create or replace function billing.has_ended(p_lease billing.lease, p_now timestamptz) returns boolean
language sql stable as $$
    select coalesce(not p_lease.is_done and p_lease.closes_at <= billing.due_by(p_now), false)
        or p_lease.state = 'closed' and p_lease.single and p_lease.reason is distinct from 'idle'
$$;

-- Fences what has ended: nothing more may be reserved from it, and its grace begins. How many leases. Apart from
-- `lease_free`, because it locks leases without their balances. Every sweep begins with it.
create or replace function billing.lease_fence(p_grace_ms bigint, p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_fenced bigint;
begin
    perform billing.beat(p_grace_ms);
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

-- Decides what is due: claims and witnesses past their time or whose lease is past its grace; and those whose
-- counterpart was written at the same moment.
create or replace function billing.resolve_due(p_limit integer) returns setof billing.fate
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_due_by timestamptz := billing.due_by(v_now);
    v_ended uuid[];
    v_ready uuid[];
    v_due uuid[];
begin
    v_ended := array(select l.lease_id from billing.lease l
        where l.lease_id = any (billing.busy_leases()) and billing.has_ended(l, v_now));
    select array_agg(q.generation_id) into v_due from (
        select c.generation_id from billing.claim c where c.due_at <= v_due_by or c.lease_ids && v_ended
        union select w.generation_id from billing.witness w where w.due_at <= v_due_by or w.lease_ids && v_ended
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

-- Frees leases past their grace that no claim and no witness waits under: how many. Before them those that were
-- granted after they had been returned, for which no statement runs long enough after a minute.
create or replace function billing.lease_free(p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_due_by timestamptz := billing.due_by(v_now);
    v_late uuid[] := array(select l.lease_id from billing.returned r join billing.lease l using (group_id)
        where l.state <> 'closed' limit p_limit);
begin
    if cardinality(v_late) > 0 then
        perform billing.lease_close(v_late, 'returned');
        return 0;
    end if;
    delete from billing.returned where returned_at < v_now - interval '1 minute';
    if not exists (
        select from billing.lease l where l.state = 'closing' and l.closes_at <= v_due_by and not l.is_done)
    then
        return 0;
    end if;
    return billing.lease_close(array(
        select l.lease_id from billing.lease l
        where l.state = 'closing' and l.closes_at <= v_due_by and not l.is_done
            and l.lease_id not in (select unnest(billing.busy_leases()))
        limit p_limit), 'expired');
end
$$;

-- Frees fenced leases of edges that are gone when every worker said, 2 s after the fence or later, that it has nothing
-- unsettled under them: how many. Where claims and edges' words wait under one, no counterpart comes any more: its grace
-- ends now, which decides them, and it is freed the next time. A worker that was not seen for `p_worker_ms` in which
-- it could be heard no longer counts. Where there is no worker nobody can tell.
create or replace function billing.lease_free_idle(p_limit integer, p_worker_ms bigint) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_due_by timestamptz := billing.due_by(v_now);
    v_since timestamptz := v_due_by - p_worker_ms * interval '1 millisecond';
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
    update billing.lease l set closes_at = v_due_by
    where l.lease_id = any (v_idle) and l.lease_id = any (v_busy) and l.state = 'closing' and l.closes_at > v_due_by;
    return v_freed;
end
$$;

-- Fits the windows of accounts whose limit was set lately: what was on its way then, past the new limit, is counted
-- once it has settled. What waited while billing was away settles as late as when time counts again. At most
-- `p_limit`, each every 10 s. How many.
create or replace function billing.refit(p_lately_ms bigint, p_limit integer) returns bigint language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_since timestamptz := billing.due_by(v_now - interval '1 minute') - p_lately_ms * interval '1 millisecond';
    v_account uuid;
    v_fitted bigint := 0;
begin
    for v_account in
        select a.account_id from billing.account a
        where a.kind in ('key_limit', 'budget') and a.changed_at > v_since
            and a.fitted_at < v_now - interval '10 seconds'
        order by a.fitted_at limit p_limit
    loop
        perform billing.fit_window(v_account);
        v_fitted := v_fitted + 1;
    end loop;
    return v_fitted;
end
$$;

-- Nothing waits past its time. What its edge is done with waits for claims and edges' words, which have a time of
-- their own.
create or replace function billing.invariant_10(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
declare
    -- Whether anybody sweeps is what this is to tell.
    v_due_by timestamptz := (
        select case when p_now < p.counts_from then p.away_from else p_now end from billing.pulse p);
begin
    return query
    select 'I10', format('lease %s: %s past its grace', l.lease_id, l.state)
    from billing.lease l
    left join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch
    where l.state = 'closing' and l.closes_at < v_due_by - interval '60 seconds'
            and (not l.is_done
                or not exists (select from billing.claim c where l.lease_id = any (c.lease_ids))
                    and not exists (select from billing.witness w where l.lease_id = any (w.lease_ids)))
        or l.state = 'active' and least(greatest(l.expires_at, coalesce(e.extended_until, l.expires_at)), l.ends_at)
            < p_now - interval '60 seconds'
    union all
    select 'I10', format('generation %s: its claim is past due', c.generation_id)
    from billing.claim c where c.due_at < v_due_by - interval '60 seconds'
    union all
    select 'I10', format('generation %s: the edge''s word is past due', w.generation_id)
    from billing.witness w where w.due_at < v_due_by - interval '60 seconds';
end
$$;

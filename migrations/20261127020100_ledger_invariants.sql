-- Billing: the invariants of the ledger, what each means, what the last checks found, and what follows from it.
set lock_timeout = '5s';

-- What must hold, as operators read it. A breach of one that `freezes` stops invoicing for its tenant.
create table billing.invariant (
    invariant text primary key,
    place integer not null unique,
    meaning text not null,
    freezes boolean not null default false,
    -- Whether every check looks at all of it, however far back it looks at records.
    is_sum boolean not null default false,
    -- Of the last check, and of the last one that looked at everything.
    checked_at timestamptz,
    whole_at timestamptz
);
insert into billing.invariant (place, invariant, freezes, meaning) values
    (1, 'I1', true, 'What a tenant''s credit was given and has spent is what its transfers come to.'),
    (2, 'I2', true, 'What is held of an account is what its open leases have left.'),
    (3, 'I3', true, 'Every usage has its transfers, of its charge and its provider cost.'),
    (4, 'I4', true, 'Every transfer for usage has its usage.'),
    (5, 'I5', true, 'Every settlement has its usage, and every usage its settlement.'),
    (6, 'I6', true, 'Nothing is charged above its reservation, and no credit is negative.'),
    (7, 'I7', false, 'Budgets and totals are what their usage comes to.'),
    (8, 'I8', false, 'Every charge is what its tokens come to at the pinned price and markup.'),
    (9, 'I9', false, 'Every finalised invoice is the sum of its period''s transfers, and its hash chain is whole.'),
    (10, 'I10', false, 'No lease, claim or edge''s word waits past its grace.'),
    (11, 'I11', false, 'Accounts that must clear hold nothing older than they may.'),
    (12, 'I12', false, 'No response of a provider is billed twice.'),
    (13, 'I13', false, 'The ledger''s hash chains are whole: nothing sealed was changed, removed or added to.');
update billing.invariant set is_sum = true where invariant in ('I1', 'I2', 'I10', 'I11');

-- What checks found. `seen_since` is how far back the latest check that saw it looked: one that looks as far and does not
-- see it any more ends it.
create table billing.breach (
    breach_id bigint generated always as identity primary key,
    invariant text not null,
    detail text not null,
    tenant_id uuid,
    account_id uuid,
    generation_id uuid,
    lease_id uuid,
    found_at timestamptz not null,
    seen_at timestamptz not null,
    seen_since timestamptz not null,
    ended_at timestamptz
);
create unique index breach_open on billing.breach (invariant, md5(detail)) where ended_at is null;
create index breach_found_at on billing.breach (found_at);

-- What an account has is what its transfers come to.
create or replace function billing.invariant_1(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    with ledger as (
        select s.account_id, s.credited - s.debited + s.spent as added, s.spent from billing.account_sums() s
    )
    select 'I1', format('credit account %s: added %s spent %s, its transfers say %s and %s',
        a.account_id, b.added, b.spent, coalesce(l.added, 0), coalesce(l.spent, 0))
    from billing.account a
    left join billing.balance b on b.account_id = a.account_id and b.window_start = 'epoch'
    left join ledger l on l.account_id = a.account_id
    where a.kind = 'credit'
        and (b.added is distinct from coalesce(l.added, 0) or b.spent is distinct from coalesce(l.spent, 0))
    union all
    select 'I1', format('account %s has transfers and does not exist', l.account_id)
    from ledger l where not exists (select from billing.account a where a.account_id = l.account_id);
end
$$;

-- How long an item may stay in an account that must clear.
create function billing.clears_within() returns interval language sql immutable parallel safe as $$
    select interval '45 days'
$$;

-- Money on its way from the payment provider must arrive, and what is owed to providers must be paid. Only where payouts, or
-- payments to that provider, are booked at all. Looks at what is sealed.
create function billing.invariant_11(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
declare
    v_young date := ((p_now - billing.clears_within()) at time zone 'UTC')::date;
begin
    return query
    select 'I11', format('account %s (%s): %s of its %s are older than %s', a.code, a.account_id,
        c.owed - coalesce(y.owed, 0), c.owed, billing.clears_within())
    from billing.account a
    join (select k.account_id, k.debited - k.credited as owed from billing.account_checkpoint k) k
        on k.account_id = a.account_id
    cross join lateral (select case when a.code = 'cash_clearing' then k.owed else -k.owed end as owed) c
    left join lateral (select sum(case when a.code = 'cash_clearing' then d.debited else d.credited end) as owed
        from billing.account_day d where d.account_id = a.account_id and d.day >= v_young) y on true
    where a.kind = 'platform' and c.owed > coalesce(y.owed, 0)
        and (a.code = 'cash_clearing' and exists (select from billing.account_checkpoint p
                where p.account_id = billing.platform_account('cash') and p.debited > 0)
            or a.code like 'payable:%' and exists (select from billing.account_checkpoint p
                where p.account_id = a.account_id and p.debited > 0));
end
$$;

-- No response of a provider is billed twice.
create or replace function billing.invariant_12(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I12', format('provider %s response %s billed %s times: generation %s', u.provider,
        u.provider_response_id, count(*),
        array_to_string((array_agg(u.generation_id::text order by u.generation_id))[1:3], ', generation '))
    from billing.usage u
    where u.settled_at >= p_since and u.provider_response_id <> '' and u.charge > 0
    group by u.provider, u.provider_response_id having count(*) > 1;
end
$$;

-- The hash chains are whole. Blocks that were sealed before `p_since` are walked by and by; see `billing.walk_seals`.
create function billing.invariant_13(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I13', f.fault
    from billing.seal s cross join lateral (select billing.seal_fault(s) as fault) f
    where s.sealed_at >= case when p_since = 'epoch' then p_since else greatest(p_since, p_now - interval '1 hour') end
        and f.fault is not null
    union all
    select 'I13', f.fault
    from (select e.tenant_id from billing.tenant e union select '00000000-0000-0000-0000-000000000000') t
    cross join lateral (select billing.unsealed(t.tenant_id) as fault) f
    where f.fault is not null
    union all
    select 'I13', format('transactions are numbered from %s and the ledger is sealed up to %s: this database was '
        'restored from a dump', pg_snapshot_xmax(pg_current_snapshot()), m.below)
    from billing.seal_mark m where pg_snapshot_xmax(pg_current_snapshot()) < m.below
    union all
    select 'I13', format('%s blocks of %s transfers were sealed, %s of %s are there', m.blocks, m.entries, s.blocks,
        s.entries)
    from billing.seal_mark m
    cross join lateral (select count(*) as blocks, coalesce(sum(x.entries), 0) as entries from billing.seal x) s
    where p_since = 'epoch' and (s.blocks, s.entries) is distinct from (m.blocks, m.entries);
end
$$;

-- Looks again at the next blocks of about `p_entries` transfers, and begins anew after the last one.
create function billing.walk_seals(p_entries bigint) returns table (invariant text, detail text)
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_mark billing.seal_mark;
    v_seal billing.seal;
    v_fault text;
    v_left bigint := p_entries;
begin
    if p_entries <= 0 then
        return;
    end if;
    select * into v_mark from billing.seal_mark where only_row for update skip locked;
    if not found then
        return;
    end if;
    for v_seal in select * from billing.seal s
        where (s.tenant_id, s.block) > (v_mark.walked_tenant, v_mark.walked_block) order by s.tenant_id, s.block
    loop
        v_fault := billing.seal_fault(v_seal);
        if v_fault is not null then
            invariant := 'I13';
            detail := v_fault;
            return next;
        end if;
        v_left := v_left - v_seal.entries;
        exit when v_left <= 0;
    end loop;
    if v_left > 0 then
        v_seal.tenant_id := '00000000-0000-0000-0000-000000000000';
        v_seal.block := 0;
    end if;
    update billing.seal_mark set walked_tenant = v_seal.tenant_id, walked_block = v_seal.block;
end
$$;

-- The invariants, each with the rows that break it. Sums of accounts are checked whole; single records only
-- when settled since `p_since`. Stable, so that all of it is one snapshot. Each is a function `invariant_N`; what
-- makes one fail is a breach of it, too. Usage that was dropped for its age is not missed.
create or replace function billing.invariants(p_since timestamptz default 'epoch') returns table (invariant text, detail text)
language plpgsql stable as $$
declare
    v_now timestamptz := billing.clock();
    v_since timestamptz := p_since;
    v_name text;
begin
    v_since := greatest(v_since, billing.kept_since());
    for v_name in select i.invariant from billing.invariant i order by i.place loop
        begin
            return query execute format('select * from billing.invariant_%s($1, $2)', substr(v_name, 2))
                using case when v_name = 'I13' then p_since else v_since end, v_now;
        exception when others then
            return query select v_name, format('it could not be checked: %s', sqlerrm);
        end;
    end loop;
end
$$;

-- What a breach is about, as far as its words name it.
create function billing.read_breach(p_invariant text, p_detail text)
returns table (invariant text, detail text, tenant_id uuid, account_id uuid, generation_id uuid, lease_id uuid)
language plpgsql stable as $$
declare
    c_id constant text := '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})';
begin
    invariant := p_invariant;
    detail := p_detail;
    generation_id := substring(p_detail from 'generation ' || c_id)::uuid;
    account_id := substring(p_detail from '(?:account|budget) (?:\S+ \()?' || c_id)::uuid;
    lease_id := substring(p_detail from 'lease ' || c_id)::uuid;
    tenant_id := coalesce(
        substring(p_detail from 'tenant ' || c_id)::uuid,
        (select a.tenant_id from billing.account a where a.account_id = read_breach.account_id),
        (select l.tenant_id from billing.lease l where l.lease_id = read_breach.lease_id),
        (select u.tenant_id from billing.usage u where u.generation_id = read_breach.generation_id
            and u.day = billing.uuid_day(read_breach.generation_id)),
        (select t.tenant_id from billing.transfer t where t.source_id = read_breach.generation_id limit 1),
        (select k.tenant_id from billing.key_usage k
            where k.key_id = substring(p_detail from 'key ' || c_id)::uuid limit 1));
    return next;
end
$$;

create type billing.finding as (invariant text, detail text, tenant_id uuid, account_id uuid, generation_id uuid,
    lease_id uuid, since timestamptz);

-- Checks records as far back as `p_since` and keeps what it found, of one invariant at most `p_rows`; looks again at about
-- `p_walk` sealed transfers on the way. Does nothing when a check as deep is younger than `p_every`. Freezes invoicing
-- where it must not go on.
create function billing.check_books(p_since timestamptz, p_whole boolean, p_every interval, p_walk bigint, p_rows integer)
returns void language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_found billing.finding[];
begin
    -- One at a time: replicas check by turns.
    perform pg_advisory_xact_lock(7305803385020);
    if exists (select from billing.invariant i where i.checked_at > v_now - p_every
        and (not p_whole or i.whole_at > v_now - p_every))
    then
        return;
    end if;
    v_found := array(select (x.invariant, x.detail, x.tenant_id, x.account_id, x.generation_id, x.lease_id,
            p_since)::billing.finding
        from (select b.*, row_number() over (partition by b.invariant) as n from billing.invariants(p_since) b) b
        cross join lateral billing.read_breach(b.invariant, b.detail) x
        where b.n <= p_rows);
    v_found := v_found || array(select (x.invariant, x.detail, x.tenant_id, x.account_id, x.generation_id, x.lease_id,
            'epoch'::timestamptz)::billing.finding
        from billing.walk_seals(p_walk) w cross join lateral billing.read_breach(w.invariant, w.detail) x);
    perform billing.keep_findings(v_found, p_since, p_rows, v_now);
    update billing.invariant set checked_at = v_now, whole_at = case when p_whole then v_now else whole_at end;
end
$$;

-- Keeps findings, ends what a check as deep did not find again, and freezes invoicing for what is new.
create function billing.keep_findings(p_found billing.finding[], p_since timestamptz, p_rows integer, p_now timestamptz)
returns void language plpgsql as $$
declare
    v_frozen record;
begin
    insert into billing.breach as b (invariant, detail, tenant_id, account_id, generation_id, lease_id, found_at, seen_at,
        seen_since)
    select f.invariant, f.detail, min(f.tenant_id::text)::uuid, min(f.account_id::text)::uuid,
        min(f.generation_id::text)::uuid, min(f.lease_id::text)::uuid, p_now, p_now, max(f.since)
    from unnest(p_found) f group by 1, 2 order by 1, 2
    on conflict (invariant, md5(detail)) where ended_at is null do update
        set seen_at = excluded.seen_at, seen_since = greatest(b.seen_since, excluded.seen_since);

    update billing.breach b set ended_at = p_now
    from billing.invariant i
    where i.invariant = b.invariant and b.ended_at is null and b.seen_at < p_now
        and (b.seen_since >= p_since or i.is_sum)
        and p_rows > (select count(*) from unnest(p_found) f where f.invariant = b.invariant);

    for v_frozen in
        select b.tenant_id, min(b.invariant || ': ' || b.detail) as reason
        from billing.breach b join billing.invariant i on i.invariant = b.invariant and i.freezes
        where b.found_at = p_now and b.ended_at is null and b.tenant_id is not null
        group by 1 order by 1
    loop
        perform billing.freeze_invoicing(v_frozen.tenant_id, v_frozen.reason);
    end loop;
end
$$;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['invariant', 'breach'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert, update on billing.%I to patchbay_billing', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
        execute format('grant select on billing.%I to patchbay_report', v_table);
    end loop;
end
$$;

create view report.breaches with (security_invoker = true) as
select b.breach_id, b.invariant, i.meaning, b.detail, b.tenant_id, b.account_id, b.generation_id, b.lease_id, b.found_at,
    b.seen_at, b.ended_at
from billing.breach b join billing.invariant i on i.invariant = b.invariant;
grant select on report.breaches to patchbay_report, patchbay_billing;

-- The record of changes is verified in the background: what is new at once, everything by and by.
set lock_timeout = '5s';

-- How far the chains are verified.
create table identity.audit_walk (
    only_row boolean primary key default true check (only_row),
    -- What was sealed below this was verified when it was new; so many entries.
    below xid8 not null default '0',
    entries bigint not null default 0,
    -- A lap reads all of that again: what lies below this was read, so many entries.
    lap_below xid8 not null default '0',
    lap_entries bigint not null default 0,
    -- Of the last look, and of the last lap that ended.
    checked_at timestamptz,
    whole_at timestamptz
);
insert into identity.audit_walk default values;

-- What a look found that no look has seen mended.
create table identity.audit_fault (
    id bigint generated always as identity primary key,
    -- Zeros = the platform's chain.
    tenant_id uuid not null,
    -- Null = what is wrong is not one entry.
    entry_id uuid,
    xid xid8,
    detail text not null,
    found_at timestamptz not null default now()
);
create unique index audit_fault_of_what on identity.audit_fault (tenant_id, coalesce(entry_id, identity.nobody()), md5(detail));

-- Verifies what was sealed from one transaction's number to below another: each entry with its link and the one before.
create function identity.audit_faults(from_xid xid8, to_xid xid8)
    returns table (tenant_id uuid, entry_id uuid, xid xid8, fault text)
    language sql stable
as $$
    select c.chain, c.id, c.xid, c.fault
    from (
        select coalesce(l.tenant_id, identity.nobody()) as chain, l.id, l.xid, case
            when k.entry_id is null then 'it was put in after its time was sealed'
            when k.position > 1 and p.sha256 is null then 'the links before it are missing'
            when identity.audit_sha256(coalesce(p.sha256, decode(repeat('00', 32), 'hex')), k.position, l) <> k.sha256
                then 'it is not what was sealed'
            when l.salt is null and not exists (select from identity.erasure e where e.tenant_id = l.tenant_id)
                then 'its details were taken away'
            when l.salt is not null and identity.audit_details_sha256(l.salt, l.details) <> l.details_sha256
                then 'its details are not what was written'
            end as fault
        from identity.audit_log l
        left join identity.audit_link k
            on k.entry_id = l.id and k.tenant_id = coalesce(l.tenant_id, identity.nobody())
        left join identity.audit_link p on p.tenant_id = k.tenant_id and p.position = k.position - 1
        where l.xid >= from_xid and l.xid < to_xid
    ) c
    where c.fault is not null
$$;

-- Verifies about `at_most` entries that are new and as many of the lap, in whole transactions. Answers how many; none while
-- another edge does, or where the last look was less than `rest` ago.
create function identity.walk_audit(at_most integer, rest interval) returns bigint
    language plpgsql
as $$
declare
    sealed identity.audit_mark;
    walk identity.audit_walk;
    part record;
    till xid8;
    count_of bigint;
    looked bigint := 0;
begin
    perform set_config('app.auditing', 'operators', true);
    select * into walk from identity.audit_walk where only_row for update skip locked;
    if not found or walk.checked_at > now() - rest then
        return 0;
    end if;
    select * into sealed from identity.audit_mark;
    for part in select * from (values (true, walk.below, sealed.below), (false, walk.lap_below, walk.below)) p (is_new, low, high)
    loop
        -- The whole of the last transaction that begins within the batch.
        select (f.xid::text::bigint + 1)::text::xid8 into till
        from (select l.xid from identity.audit_log l where l.xid >= part.low and l.xid < part.high
              order by l.xid offset at_most - 1 limit 1) f;
        till := coalesce(till, part.high);
        select count(*) into count_of from identity.audit_log l where l.xid >= part.low and l.xid < till;
        with found as (
            insert into identity.audit_fault (tenant_id, entry_id, xid, detail)
            select f.tenant_id, f.entry_id, f.xid, f.fault from identity.audit_faults(part.low, till) f
            on conflict do nothing
        )
        delete from identity.audit_fault d
        where d.xid >= part.low and d.xid < till and not exists (
            select from identity.audit_faults(part.low, till) f where f.entry_id = d.entry_id and f.fault = d.detail);
        looked := looked + count_of;
        if part.is_new then
            walk.below := till;
            walk.entries := walk.entries + count_of;
        else
            walk.lap_below := till;
            walk.lap_entries := walk.lap_entries + count_of;
        end if;
    end loop;
    if walk.below = sealed.below and walk.lap_below = walk.below then
        with missed as (
            select format('entries were sealed and are not there: %s', sealed.entries - walk.lap_entries) as detail
            where walk.lap_entries <> sealed.entries
            union all
            select 'the database was restored from a dump: its transactions begin anew'
            where pg_snapshot_xmax(pg_current_snapshot()) < sealed.below
        ), mended as (
            delete from identity.audit_fault d
            where d.entry_id is null and d.detail not in (select m.detail from missed m)
        )
        insert into identity.audit_fault (tenant_id, detail)
        select identity.nobody(), m.detail from missed m
        on conflict do nothing;
        walk.lap_below := '0';
        walk.lap_entries := 0;
        walk.whole_at := now();
    end if;
    update identity.audit_walk w
    set below = walk.below, entries = walk.entries, lap_below = walk.lap_below, lap_entries = walk.lap_entries,
        checked_at = now(), whole_at = walk.whole_at;
    return looked;
end
$$;

-- What is wrong as far as the last looks found, the oldest first.
create function identity.audit_found(at_most integer)
    returns table (id bigint, tenant_id uuid, entry_id uuid, detail text, found_at timestamptz)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.auditing', 'operators', true);
    return query
        select f.id, f.tenant_id, f.entry_id, f.detail, f.found_at from identity.audit_fault f order by f.id limit at_most;
end
$$;

alter table identity.audit_walk enable row level security;
alter table identity.audit_walk force row level security;
create policy everybody on identity.audit_walk to patchbay_identity using (true);

alter table identity.audit_fault enable row level security;
alter table identity.audit_fault force row level security;
create policy auditing on identity.audit_fault to patchbay_identity
    using ((select current_setting('app.auditing', true)) = 'operators');

grant select, update on identity.audit_walk to patchbay_identity;
grant select, insert, delete on identity.audit_fault to patchbay_identity;

-- The record of changes sealed in a hash chain per organisation, behind the transactions that write it.
set lock_timeout = '5s';

create function identity.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% rows are immutable', tg_table_name using errcode = 'restrict_violation';
end
$$;

-- What belongs to no organisation is chained under the organisation of zeros.
create function identity.nobody() returns uuid language sql immutable parallel safe as $$
    select '00000000-0000-0000-0000-000000000000'::uuid
$$;

alter table identity.audit_log
    add column xid xid8 not null default pg_current_xact_id(),
    -- What the details are committed to with. Taken away with them when the organisation is erased, so that nobody
    -- can find out by trying what they were.
    add column salt bytea,
    -- SHA-256 of the salt and the details: the chain holds this, and stays whole when the details are erased.
    add column details_sha256 bytea;

create function identity.audit_salt() returns bytea language sql volatile as $$
    select decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
$$;

create function identity.audit_details_sha256(salt bytea, details jsonb) returns bytea
    language sql stable parallel safe
as $$ select sha256(salt || convert_to(details::text, 'UTF8')) $$;

update identity.audit_log set salt = identity.audit_salt();
update identity.audit_log set details_sha256 = identity.audit_details_sha256(salt, details);
alter table identity.audit_log
    alter column details_sha256 set not null,
    add check (octet_length(salt) = 32),
    add check (octet_length(details_sha256) = 32);

create index audit_log_by_xid on identity.audit_log (xid);

-- Whoever writes does not say in which transaction, nor with which salt.
create function identity.audit_is_written() returns trigger language plpgsql as $$
begin
    new.xid := pg_current_xact_id();
    new.salt := identity.audit_salt();
    new.details_sha256 := identity.audit_details_sha256(new.salt, new.details);
    return new;
end
$$;

create trigger audit_log_is_written before insert on identity.audit_log
    for each row execute function identity.audit_is_written();

-- The place of a change in its organisation's chain.
create table identity.audit_link (
    tenant_id uuid not null,
    position bigint not null check (position > 0),
    entry_id uuid not null unique,
    -- Of the link before and this entry; see `identity.audit_sha256`. The first link follows 32 zeros.
    sha256 bytea not null check (octet_length(sha256) = 32),
    sealed_at timestamptz not null,
    primary key (tenant_id, position)
);

-- How far the record is sealed, and how many links that made.
create table identity.audit_mark (
    only_row boolean primary key default true check (only_row),
    below xid8 not null default '0',
    entries bigint not null default 0,
    sealed_at timestamptz not null default now()
);
insert into identity.audit_mark default values;

create trigger audit_link_is_immutable before update or delete on identity.audit_link
    for each row execute function identity.refuse_change();
create trigger audit_link_is_not_truncated before truncate on identity.audit_link
    for each statement execute function identity.refuse_change();
create trigger audit_log_is_not_truncated before truncate on identity.audit_log
    for each statement execute function identity.refuse_change();

-- SHA-256 of the hash before and the line `position|id|at|tenant|xid|actor|action|target|details_sha256` with a line
-- feed. The time is microseconds since 1970 UTC, `~` stands for no organisation; actor, action and target are
-- hexadecimal, so that no text can look like another field.
create function identity.audit_sha256(prev bytea, place bigint, entry identity.audit_log) returns bytea
    language sql stable parallel safe
as $$
    select sha256(prev || convert_to(concat_ws('|', place, entry.id,
        (extract(epoch from entry.at) * 1000000)::bigint, coalesce(entry.tenant_id::text, '~'), entry.xid,
        encode(convert_to(entry.actor, 'UTF8'), 'hex'), encode(convert_to(entry.action, 'UTF8'), 'hex'),
        encode(convert_to(entry.target, 'UTF8'), 'hex'), encode(entry.details_sha256, 'hex')) || E'\n', 'UTF8'))
$$;

-- Seals what is complete, about `at_most` changes at a time and always whole transactions. Answers how many it sealed;
-- none while another edge seals. Transactions below the oldest running one have ended, so what they wrote is all there.
create function identity.seal_audit(at_most integer) returns bigint
    language plpgsql
as $$
declare
    mark identity.audit_mark;
    oldest xid8;
    last_xid xid8;
    entry identity.audit_log;
    chain uuid;
    place bigint;
    head bytea;
    sealed bigint := 0;
begin
    perform set_config('app.auditing', 'operators', true);
    select * into mark from identity.audit_mark where only_row for update skip locked;
    if not found then
        return 0;
    end if;
    oldest := pg_snapshot_xmin(pg_current_snapshot());
    select f.xid into last_xid
    from (select l.xid from identity.audit_log l where l.xid >= mark.below and l.xid < oldest
          order by l.xid limit at_most) f
    order by f.xid desc limit 1;
    if last_xid is null then
        return 0;
    end if;
    for entry in
        select * from identity.audit_log l where l.xid >= mark.below and l.xid <= last_xid
        order by coalesce(l.tenant_id, identity.nobody()), l.xid, l.id
    loop
        if chain is distinct from coalesce(entry.tenant_id, identity.nobody()) then
            chain := coalesce(entry.tenant_id, identity.nobody());
            select k.position, k.sha256 into place, head from identity.audit_link k
            where k.tenant_id = chain order by k.position desc limit 1;
            place := coalesce(place, 0);
            head := coalesce(head, decode(repeat('00', 32), 'hex'));
        end if;
        place := place + 1;
        head := identity.audit_sha256(head, place, entry);
        insert into identity.audit_link (tenant_id, position, entry_id, sha256, sealed_at)
        values (chain, place, entry.id, head, now());
        sealed := sealed + 1;
    end loop;
    update identity.audit_mark
    set below = (last_xid::text::bigint + 1)::text::xid8, entries = entries + sealed, sealed_at = now();
    return sealed;
end
$$;

-- Organisations that are erased, or are being erased; see the migration after this one.
create table identity.erasure (
    tenant_id uuid primary key references identity.organisation (id),
    requested_at timestamptz not null default now(),
    requested_by text not null,
    -- Null = something is still on its way.
    finished_at timestamptz,
    -- Leases, and accounts of requests, that had not settled when it was last looked.
    unsettled bigint not null default 0
);

-- Verifies the chain of an organisation, of the platform (zeros), or with null all of them. A row for each chain that is
-- not whole, naming the first entry that is at fault; no row = whole.
create function identity.verify_audit(of_tenant uuid)
    returns table (tenant_id uuid, place bigint, entry_id uuid, fault text)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.auditing', 'operators', true);
    return query
    with chained as (
        select k.tenant_id, k.position, k.entry_id, k.sha256,
               lag(k.sha256, 1, decode(repeat('00', 32), 'hex')) over chain as prev,
               lag(k.position, 1, 0::bigint) over chain as before,
               l.id as found, l.salt, l.details, l.details_sha256,
               case when l.id is not null then
                   identity.audit_sha256(lag(k.sha256, 1, decode(repeat('00', 32), 'hex')) over chain, k.position, l)
               end as computed
        from identity.audit_link k
        left join identity.audit_log l
            on l.id = k.entry_id and coalesce(l.tenant_id, identity.nobody()) = k.tenant_id
        where of_tenant is null or k.tenant_id = of_tenant
        window chain as (partition by k.tenant_id order by k.position)
    ), faults as (
        select c.tenant_id, c.position, c.entry_id, case
            when c.before <> c.position - 1 then 'the links before it are missing'
            when c.found is null then 'it was removed'
            when c.computed <> c.sha256 then 'it is not what was sealed'
            when c.salt is null and not exists (select from identity.erasure e where e.tenant_id = c.tenant_id)
                then 'its details were taken away'
            when c.salt is not null
                and identity.audit_details_sha256(c.salt, c.details) <> c.details_sha256
                then 'its details are not what was written'
            end as fault
        from chained c
        union all
        select coalesce(l.tenant_id, identity.nobody()), null, l.id, 'it was put in after its time was sealed'
        from identity.audit_log l
        cross join identity.audit_mark m
        where l.xid < m.below
          and (of_tenant is null or coalesce(l.tenant_id, identity.nobody()) = of_tenant)
          and not exists (select from identity.audit_link k where k.entry_id = l.id)
        union all
        select identity.nobody(), null, null,
               format('%s entries were sealed and %s links are there', m.entries, s.links)
        from identity.audit_mark m
        cross join (select count(*) as links from identity.audit_link) s
        where of_tenant is null and m.entries <> s.links
        union all
        select identity.nobody(), null, null, 'the database was restored from a dump: its transactions begin anew'
        from identity.audit_mark m
        where of_tenant is null and pg_snapshot_xmax(pg_current_snapshot()) < m.below
    )
    select distinct on (f.tenant_id) f.tenant_id, f.position, f.entry_id, f.fault
    from faults f
    where f.fault is not null
    order by f.tenant_id, f.position nulls last, f.entry_id nulls last;
end
$$;

-- How much is sealed, how much is not yet, and since when.
create function identity.audit_sealing()
    returns table (sealed bigint, waiting bigint, sealed_at timestamptz)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.auditing', 'operators', true);
    return query
        select m.entries, (select count(*) from identity.audit_log l where l.xid >= m.below), m.sealed_at
        from identity.audit_mark m;
end
$$;

alter table identity.audit_link enable row level security;
alter table identity.audit_link force row level security;
create policy auditing on identity.audit_link to patchbay_identity
    using ((select current_setting('app.auditing', true)) = 'operators');

alter table identity.audit_mark enable row level security;
alter table identity.audit_mark force row level security;
create policy everybody on identity.audit_mark to patchbay_identity using (true);

alter table identity.erasure enable row level security;
alter table identity.erasure force row level security;
create policy by_tenant on identity.erasure to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy auditing on identity.erasure for select to patchbay_identity
    using ((select current_setting('app.auditing', true)) = 'operators');

grant select, insert on identity.audit_link to patchbay_identity;
grant select, update on identity.audit_mark to patchbay_identity;
grant select, insert, update on identity.erasure to patchbay_identity;

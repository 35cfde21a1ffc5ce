-- Where organisations have traces of their generations sent, and the traces that wait to be sent.
set lock_timeout = '5s';

create table identity.destination (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    workspace_id uuid not null,
    kind text not null check (kind in ('langfuse', 'otel-collector', 's3', 'webhook')),
    name text not null check (length(name) between 1 and 200),
    enabled boolean not null default true,
    privacy_mode boolean not null default false,
    sends_cost boolean not null default false,
    sends_identity boolean not null default false,
    sends_request_context boolean not null default false,
    -- Of sessions; a generation without one is its own.
    sampling_rate double precision not null default 1 check (sampling_rate between 0.0001 and 1),
    -- Whose generations; null = every key's of the workspace.
    key_ids uuid[] check (cardinality(key_ids) between 1 and 100),
    filter_rules jsonb,
    -- Of the data regions that generations were made for; null = whichever.
    regions text[] check (regions <@ array['global', 'europe', 'us']),
    -- What of the configuration is shown. The whole is sealed, bound to tenant, kind, id and version.
    shown jsonb not null,
    version integer not null default 1 check (version > 0),
    key_version integer not null check (key_version > 0),
    sealed bytea not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    -- Whoever sends has it until then; nobody else sends to it.
    taken_until timestamptz not null default '-infinity',
    -- Failures since the last success, and when the next try is due.
    tries integer not null default 0,
    next_try_at timestamptz not null default '-infinity',
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id) on delete cascade
);

create index destination_by_tenant on identity.destination (tenant_id, workspace_id, created_at)
    where deleted_at is null;

-- One generation on its way to one destination; deleted once it is there.
create table identity.trace (
    destination_id uuid not null references identity.destination (id) on delete cascade,
    generation_id uuid not null,
    tenant_id uuid not null,
    -- Its settled record, as billing gave it.
    record bytea not null,
    queued_at timestamptz not null default now(),
    tries integer not null default 0,
    fault text not null default '',
    -- Given up then; somebody may have it tried again.
    failed_at timestamptz,
    primary key (destination_id, generation_id)
);

create index trace_waiting on identity.trace (destination_id, queued_at) where failed_at is null;
create index trace_failed on identity.trace (destination_id, failed_at) where failed_at is not null;
create index trace_failed_at on identity.trace (failed_at) where failed_at is not null;

-- How far settlements are queued. Whoever reads on has the row until then.
create table identity.trace_mark (
    only_row boolean primary key default true check (only_row),
    mark text not null default '',
    taken_until timestamptz not null default '-infinity'
);
insert into identity.trace_mark default values;

alter table identity.destination enable row level security;
alter table identity.destination force row level security;
create policy by_tenant on identity.destination to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy broadcast on identity.destination to patchbay_identity
    using ((select current_setting('app.traces', true)) = 'queue');

alter table identity.trace enable row level security;
alter table identity.trace force row level security;
create policy by_tenant on identity.trace to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy broadcast on identity.trace to patchbay_identity
    using ((select current_setting('app.traces', true)) = 'queue');

-- It belongs to nobody: a place among settlements.
alter table identity.trace_mark enable row level security;
alter table identity.trace_mark force row level security;
create policy everybody on identity.trace_mark to patchbay_identity using (true);

-- Where to read on, and for whom. No row while somebody else reads.
create function identity.take_trace_mark(rest interval) returns table (mark text, tenants uuid[])
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.traces', 'queue', true);
    return query
        update identity.trace_mark m set taken_until = now() + rest
        where m.only_row in (select t.only_row from identity.trace_mark t where t.taken_until <= now()
                             for update skip locked)
        returning m.mark, array(select distinct d.tenant_id from identity.destination d
                                where d.enabled and d.deleted_at is null);
    perform set_config('app.traces', '', true);
end
$$;

-- Queues a page for every destination that wants it, and moves the mark: whether it still was where the page began.
-- `places` lie from 0 to below 1: sessions below a destination's rate are sampled.
create function identity.queue_traces(from_mark text, to_mark text, tenants uuid[], workspaces uuid[], keys uuid[],
    generations uuid[], places double precision[], records bytea[]) returns boolean
    language plpgsql
as $$
declare
    moved boolean;
begin
    update identity.trace_mark set mark = to_mark, taken_until = now() where mark = from_mark;
    moved := found;
    if moved and cardinality(generations) > 0 then
        perform set_config('app.traces', 'queue', true);
        insert into identity.trace (destination_id, generation_id, tenant_id, record)
        select d.id, r.generation_id, r.tenant_id, r.record
        from rows from (unnest(tenants), unnest(workspaces), unnest(keys), unnest(generations), unnest(places),
                        unnest(records)) r(tenant_id, workspace_id, key_id, generation_id, place, record)
        join identity.destination d on d.tenant_id = r.tenant_id and d.workspace_id = r.workspace_id
            and d.enabled and d.deleted_at is null and r.place < d.sampling_rate
            and (d.key_ids is null or r.key_id = any (d.key_ids))
            and (d.regions is null or 'global' = any (d.regions))
        on conflict do nothing;
        perform set_config('app.traces', '', true);
    end if;
    return moved;
end
$$;

-- Destinations that something waits for, each the caller's alone for `rest`. What waited longer than `patience` is
-- given up, and what was given up longer ago than `memory` is forgotten.
create function identity.take_destinations(at_most integer, wait interval, rest interval, patience interval,
    memory interval) returns table (id uuid, tenant_id uuid)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.traces', 'queue', true);
    update identity.trace t set failed_at = now(), fault = 'it waited too long; last: ' || t.fault
    where t.failed_at is null and t.queued_at < now() - patience;
    delete from identity.trace t where t.failed_at < now() - memory;
    return query
        update identity.destination d set taken_until = now() + rest
        where d.id in (
            select w.id from identity.destination w
            where w.enabled and w.deleted_at is null and w.taken_until <= now() and w.next_try_at <= now()
              and exists (select from identity.trace t where t.destination_id = w.id and t.failed_at is null
                          and t.queued_at <= now() - wait)
            order by w.next_try_at, w.id limit at_most for update skip locked)
        returning d.id, d.tenant_id;
    perform set_config('app.traces', '', true);
end
$$;

grant select, insert, update, delete on identity.destination, identity.trace to patchbay_identity;
grant select, update on identity.trace_mark to patchbay_identity;

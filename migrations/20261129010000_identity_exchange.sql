-- What was sent to models and what came back, where a workspace asked for that to be kept.
set lock_timeout = '5s';

create table identity.exchange (
    tenant_id uuid not null references identity.organisation (id),
    generation_id uuid not null,
    workspace_id uuid not null,
    key_id uuid not null,
    created_at timestamptz not null default now(),
    -- Kept for the organisation itself; else only until it was handed on.
    is_logged boolean not null,
    kept_until timestamptz not null,
    -- Of `tenant_key`. No foreign key: a key may be deleted before what it opens.
    key_version integer not null check (key_version > 0),
    -- AES-256-GCM under a key that follows from the tenant's and from tenant and generation.
    sealed_input bytea not null,
    sealed_output bytea not null,
    primary key (tenant_id, generation_id)
);

create index exchange_by_end on identity.exchange (kept_until);
create index exchange_by_key on identity.exchange (tenant_id, key_version);

alter table identity.exchange enable row level security;
alter table identity.exchange force row level security;
create policy by_tenant on identity.exchange to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
-- What is over is nobody's any more.
create policy sweeping_sees on identity.exchange for select to patchbay_identity
    using (kept_until <= now() and (select current_setting('app.sweeping', true)) = 'exchanges');
create policy sweeping on identity.exchange for delete to patchbay_identity
    using (kept_until <= now() and (select current_setting('app.sweeping', true)) = 'exchanges');

-- Deletes exchanges whose time is over. How many.
create function identity.sweep_exchanges(at_most integer) returns bigint
    language plpgsql
as $$
declare
    swept bigint;
begin
    perform set_config('app.sweeping', 'exchanges', true);
    delete from identity.exchange e
    where (e.tenant_id, e.generation_id) in (
        select old.tenant_id, old.generation_id from identity.exchange old where old.kept_until <= now()
        order by old.kept_until limit at_most
    ) and e.kept_until <= now();
    get diagnostics swept = row_count;
    return swept;
end
$$;

grant select, insert, update, delete on identity.exchange to patchbay_identity;

-- What the operator turns on and off, for everybody or for one organisation.
set lock_timeout = '5s';

create table identity.flag (
    -- As the service declares it.
    name text not null check (name ~ '^[a-z][a-z_]{0,62}$'),
    -- Zeros = everybody without a row of their own.
    tenant_id uuid not null,
    is_on boolean not null,
    changed_by text not null,
    changed_at timestamptz not null default now(),
    primary key (name, tenant_id)
);

create index flag_by_tenant on identity.flag (tenant_id);

alter table identity.flag enable row level security;
alter table identity.flag force row level security;
create policy by_tenant on identity.flag to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy of_everybody on identity.flag for select to patchbay_identity
    using (tenant_id = '00000000-0000-0000-0000-000000000000');
create policy by_operators on identity.flag to patchbay_identity
    using ((select current_setting('app.flags', true)) = 'operators');

-- Turns a flag on or off for everybody (null) or an organisation, or with null leaves it to who decides for more.
-- Every edge hears of it.
create function identity.put_flag(flag_name text, of_tenant uuid, turned boolean, by_actor text) returns void
    language plpgsql
as $$
begin
    perform set_config('app.flags', 'operators', true);
    if turned is null then
        delete from identity.flag f where f.name = flag_name and f.tenant_id = coalesce(of_tenant, identity.nobody());
    else
        insert into identity.flag (name, tenant_id, is_on, changed_by)
        values (flag_name, coalesce(of_tenant, identity.nobody()), turned, by_actor)
        on conflict (name, tenant_id) do update
            set is_on = excluded.is_on, changed_by = excluded.changed_by, changed_at = now();
    end if;
    if of_tenant is null then
        -- As when the terms of all change: everything that is known of keys is looked up anew.
        perform pg_notify('patchbay_terms', '');
    else
        perform identity.tenant_changed(of_tenant);
    end if;
    perform set_config('app.flags', '', true);
end
$$;

grant select, insert, update, delete on identity.flag to patchbay_identity;

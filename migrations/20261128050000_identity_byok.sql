-- The organisations' own credentials for providers, and the keys that they are sealed under.
set lock_timeout = '5s';

-- The data keys of a tenant, wrapped under a key that is not in the database. Whoever deletes a tenant's rows here
-- makes everything that is sealed under them unreadable for ever.
create table identity.tenant_key (
    tenant_id uuid not null references identity.organisation (id),
    version integer not null check (version > 0),
    wrapped bytea not null,
    -- Names the key that it is wrapped under.
    wrapped_by text not null,
    created_at timestamptz not null default now(),
    rewrapped_at timestamptz,
    primary key (tenant_id, version)
);

create index tenant_key_by_wrapper on identity.tenant_key (wrapped_by, tenant_id);

create table identity.provider_credential (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    -- Null = every workspace.
    workspace_id uuid,
    -- A slug of the catalogue, which is the router's.
    provider text not null check (provider <> ''),
    name text check (length(name) <= 255),
    -- The masked form that is shown.
    label text not null,
    -- How often the credential was exchanged for another, from 1.
    version integer not null default 1 check (version > 0),
    -- Of `tenant_key`. No foreign key: a key may be deleted before what it opens.
    key_version integer not null check (key_version > 0),
    -- Bound to tenant, provider, id and version.
    sealed bytea not null,
    disabled boolean not null default false,
    -- Tried after the platform's own endpoints instead of before.
    is_fallback boolean not null default false,
    -- The platform's own endpoints of the provider are not used: for the models that the credential serves, or for any.
    is_required boolean not null default false,
    is_byok_only boolean not null default false,
    -- What the organisation says of its account with the provider.
    declared_zdr boolean,
    declared_region text check (declared_region in ('global', 'europe', 'us')),
    sort_order integer not null check (sort_order >= 0),
    -- Null = no restriction.
    allowed_models text[] check (cardinality(allowed_models) <= 100),
    allowed_key_hashes bytea[] check (cardinality(allowed_key_hashes) between 1 and 100),
    allowed_person_ids uuid[] check (cardinality(allowed_person_ids) <= 100),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id) on delete cascade,
    check (not (is_fallback and is_byok_only))
);

create index provider_credential_by_tenant on identity.provider_credential (tenant_id, provider, sort_order);

alter table identity.tenant_key enable row level security;
alter table identity.tenant_key force row level security;
create policy by_tenant on identity.tenant_key to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy listing on identity.tenant_key for select to patchbay_identity
    using ((select current_setting('app.listing', true)) = 'tenant_keys');

alter table identity.provider_credential enable row level security;
alter table identity.provider_credential force row level security;
create policy by_tenant on identity.provider_credential to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

-- Tenants with keys that are wrapped under another than the named one, in the order of their ids.
create function identity.tenants_wrapped_otherwise(wrapper text, known uuid, at_most integer) returns setof uuid
    language plpgsql
as $$
begin
    perform set_config('app.listing', 'tenant_keys', true);
    return query
        select distinct k.tenant_id
        from identity.tenant_key k
        where k.wrapped_by <> wrapper and k.tenant_id > known
        order by k.tenant_id
        limit at_most;
end
$$;

grant select, insert, update, delete on identity.tenant_key, identity.provider_credential to patchbay_identity;

-- Presets: settings of requests under a name, kept in versions of which one is in force.
set lock_timeout = '5s';

create table identity.preset (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    workspace_id uuid not null,
    slug text not null check (slug ~ '^[a-z0-9_-]{1,64}$'),
    name text not null check (length(name) between 1 and 200),
    description text,
    status text not null default 'active' check (status in ('active', 'disabled', 'archived')),
    status_updated_at timestamptz,
    -- The version that requests get. Null only while the first one is written.
    designated_version_id uuid,
    -- Who made it, as the record of changes names whoever changed something: `key:<id>`.
    creator text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, workspace_id, slug),
    unique (tenant_id, id),
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id)
);

create index preset_by_workspace on identity.preset (tenant_id, workspace_id, updated_at desc, id desc);

-- Insert-only: whoever wants another configuration writes another version.
create table identity.preset_version (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    preset_id uuid not null,
    version integer not null check (version > 0),
    -- Members of a chat request. Not jsonb: models answer in the order that a schema lists its properties in.
    config json not null check (json_typeof(config) = 'object'),
    system_prompt text,
    creator text not null,
    created_at timestamptz not null default now(),
    unique (preset_id, version),
    unique (preset_id, id),
    foreign key (tenant_id, preset_id) references identity.preset (tenant_id, id)
);

alter table identity.preset
    add foreign key (id, designated_version_id) references identity.preset_version (preset_id, id);

alter table identity.preset enable row level security;
alter table identity.preset force row level security;
create policy by_tenant on identity.preset to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

alter table identity.preset_version enable row level security;
alter table identity.preset_version force row level security;
create policy by_tenant on identity.preset_version to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

grant select, insert, update on identity.preset to patchbay_identity;
grant select, insert on identity.preset_version to patchbay_identity;

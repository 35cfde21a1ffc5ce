-- Guardrails: what an organisation forbids its own keys and members, and to whom each is assigned.
set lock_timeout = '5s';

create table identity.guardrail (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    -- Null = the organisation's policy, which stands above all others. A workspace's default guardrail goes by an id
    -- that is derived from the workspace's.
    workspace_id uuid,
    name text not null check (length(name) between 1 and 200),
    description text check (length(description) <= 1000),
    -- What billing enforces, kept here to be shown. Nano-USD.
    limit_nanos bigint check (limit_nanos > 0),
    reset_interval text check (reset_interval in ('daily', 'weekly', 'monthly')),
    counts_own_keys boolean not null default false,
    -- What routing and the content filters enforce, in the API's own names.
    rules jsonb not null default '{}' check (jsonb_typeof(rules) = 'object'),
    creator text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Counts the changes, so that none is made on top of what somebody else has changed meanwhile.
    revision bigint not null default 1,
    unique (tenant_id, id),
    check (workspace_id is not null or limit_nanos is null),
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id) on delete cascade
);

create unique index guardrail_policy on identity.guardrail (tenant_id) where workspace_id is null;
create index guardrail_by_workspace on identity.guardrail (tenant_id, workspace_id, created_at);

-- One guardrail a key, one a member.
create table identity.guardrail_key (
    id uuid primary key,
    tenant_id uuid not null,
    guardrail_id uuid not null,
    key_id uuid not null unique references identity.api_key (id) on delete cascade,
    -- Null = a key assigned it.
    assigned_by uuid references identity.person (id) on delete set null,
    created_at timestamptz not null default now(),
    foreign key (tenant_id, guardrail_id) references identity.guardrail (tenant_id, id) on delete cascade
);

create index guardrail_key_by_guardrail on identity.guardrail_key (tenant_id, guardrail_id);

create table identity.guardrail_member (
    id uuid primary key,
    tenant_id uuid not null,
    guardrail_id uuid not null,
    person_id uuid not null,
    assigned_by uuid references identity.person (id) on delete set null,
    created_at timestamptz not null default now(),
    unique (tenant_id, person_id),
    foreign key (tenant_id, guardrail_id) references identity.guardrail (tenant_id, id) on delete cascade,
    foreign key (tenant_id, person_id) references identity.member (tenant_id, person_id) on delete cascade
);

create index guardrail_member_by_guardrail on identity.guardrail_member (tenant_id, guardrail_id);

alter table identity.guardrail enable row level security;
alter table identity.guardrail force row level security;
create policy by_tenant on identity.guardrail to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

alter table identity.guardrail_key enable row level security;
alter table identity.guardrail_key force row level security;
create policy by_tenant on identity.guardrail_key to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

alter table identity.guardrail_member enable row level security;
alter table identity.guardrail_member force row level security;
create policy by_tenant on identity.guardrail_member to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

grant select, insert, update, delete on identity.guardrail, identity.guardrail_key, identity.guardrail_member
    to patchbay_identity;

-- Who may call: organisations, their workspaces and keys, operators, and the record of what was changed.
set lock_timeout = '5s';

create table identity.organisation (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null check (length(name) between 1 and 200),
    created_at timestamptz not null default now()
);

-- Keys, budgets and guardrails of an organisation are grouped by workspace; each has a default one.
create table identity.workspace (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null check (length(name) between 1 and 200),
    is_default boolean not null default false,
    created_at timestamptz not null default now(),
    unique (tenant_id, slug),
    unique (tenant_id, id)
);

create unique index workspace_one_default on identity.workspace (tenant_id) where is_default;

create table identity.api_key (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    workspace_id uuid not null,
    -- SHA-256 of the whole key, which is also its public name. The key itself is never stored.
    hash bytea not null unique check (octet_length(hash) = 32),
    kind text not null check (kind in ('inference', 'management')),
    -- The masked form that lists show.
    label text not null,
    name text not null check (length(name) between 1 and 200),
    disabled boolean not null default false,
    -- Requests per minute; null = the platform's default.
    rate_limit_rpm integer check (rate_limit_rpm > 0),
    -- What billing enforces, kept here to be shown. Nano-USD; null = no limit.
    limit_nanos bigint check (limit_nanos >= 0),
    limit_reset text check (limit_reset in ('daily', 'weekly', 'monthly')),
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_used_at timestamptz,
    deleted_at timestamptz,
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id)
);

create index api_key_by_tenant on identity.api_key (tenant_id, created_at);

-- The bearer tokens of operators.
create table identity.operator_token (
    id uuid primary key,
    hash bytea not null unique check (octet_length(hash) = 32),
    name text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- Every change that an operator or a management key made. Insert-only.
create table identity.audit_log (
    id uuid primary key,
    at timestamptz not null default now(),
    -- Null for what belongs to the platform, such as the catalogue.
    tenant_id uuid,
    actor text not null,
    action text not null,
    target text not null,
    -- What was asked for, without secrets.
    details jsonb not null default '{}'
);

create index audit_log_by_tenant on identity.audit_log (tenant_id, at);

-- Changes to keys in the order of their commits: edges that hear no notification read here what they missed.
create table identity.key_revision (
    singleton boolean primary key default true check (singleton),
    value bigint not null
);

insert into identity.key_revision (value) values (0);

create table identity.key_change (
    revision bigint primary key,
    hash bytea not null
);

create function identity.key_changed() returns trigger
    language plpgsql
as $$
declare
    new_revision bigint;
begin
    -- The row lock lasts until the commit, so revisions become visible in their order, without gaps.
    update identity.key_revision set value = value + 1 returning value into new_revision;
    insert into identity.key_change (revision, hash) values (new_revision, new.hash);
    delete from identity.key_change where revision <= new_revision - 10000;
    perform pg_notify('patchbay_keys', encode(new.hash, 'hex'));
    return new;
end
$$;

create trigger api_key_changed
    after insert or update of workspace_id, disabled, rate_limit_rpm, limit_nanos, limit_reset, expires_at, deleted_at, name
    on identity.api_key
    for each row execute function identity.key_changed();

-- Row-level security is the second wall. A session sees the rows of the tenant it is bound to, and beyond
-- them the one row whose secret it can name: that is how a bearer key is looked up before its tenant is
-- known. Both bindings last for one transaction.
create function identity.bound_tenant() returns uuid
    language sql stable
as $$ select nullif(current_setting('app.tenant', true), '')::uuid $$;

create function identity.named_hash() returns bytea
    language sql stable
as $$ select decode(nullif(current_setting('app.hash', true), ''), 'hex') $$;

alter table identity.organisation enable row level security;
alter table identity.organisation force row level security;
create policy by_tenant on identity.organisation to patchbay_identity
    using (id = (select identity.bound_tenant()));
create policy listing on identity.organisation for select to patchbay_identity
    using ((select current_setting('app.listing', true)) = 'organisations');

alter table identity.workspace enable row level security;
alter table identity.workspace force row level security;
create policy by_tenant on identity.workspace to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

alter table identity.api_key enable row level security;
alter table identity.api_key force row level security;
create policy by_tenant on identity.api_key to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy by_hash on identity.api_key for select to patchbay_identity
    using (hash = (select identity.named_hash()));
create policy reporting on identity.api_key for select to patchbay_report
    using (true);

alter table identity.operator_token enable row level security;
alter table identity.operator_token force row level security;
create policy by_hash on identity.operator_token to patchbay_identity
    using (hash = (select identity.named_hash()));

alter table identity.audit_log enable row level security;
alter table identity.audit_log force row level security;
create policy by_tenant on identity.audit_log for select to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy writing on identity.audit_log for insert to patchbay_identity
    with check (tenant_id is null or tenant_id = (select identity.bound_tenant()));

-- These two hold no tenant's data.
alter table identity.key_revision enable row level security;
alter table identity.key_revision force row level security;
create policy everybody on identity.key_revision to patchbay_identity using (true);

alter table identity.key_change enable row level security;
alter table identity.key_change force row level security;
create policy everybody on identity.key_change to patchbay_identity using (true);

-- A bearer key by its hash, in one round trip.
create function identity.key_by_hash(wanted bytea)
    returns table (
        id uuid, tenant_id uuid, workspace_id uuid, kind text, label text, name text, disabled boolean,
        rate_limit_rpm integer, limit_nanos bigint, limit_reset text, expires_at timestamptz,
        created_at timestamptz
    )
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    return query
        select k.id, k.tenant_id, k.workspace_id, k.kind, k.label, k.name, k.disabled, k.rate_limit_rpm,
               k.limit_nanos, k.limit_reset, k.expires_at, k.created_at
        from identity.api_key k
        where k.hash = wanted and k.deleted_at is null;
end
$$;

-- Organisations in the order of their ids, for operators.
create function identity.organisations_after(known uuid, at_most integer)
    returns table (id uuid, slug text, name text, created_at timestamptz)
    language plpgsql
as $$
begin
    perform set_config('app.listing', 'organisations', true);
    return query
        select o.id, o.slug, o.name, o.created_at
        from identity.organisation o
        where o.id > known
        order by o.id
        limit at_most;
end
$$;

-- An operator's name by the hash of a token that is in force.
create function identity.operator_by_hash(wanted bytea) returns text
    language plpgsql
as $$
declare
    found_name text;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select t.name into found_name
    from identity.operator_token t
    where t.hash = wanted and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
    return found_name;
end
$$;

-- Makes an operator token known; one that is known stays as it is.
create function identity.put_operator_token(token_id uuid, token_hash bytea, token_name text) returns void
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(token_hash, 'hex'), true);
    insert into identity.operator_token (id, hash, name) values (token_id, token_hash, token_name)
    on conflict (hash) do nothing;
end
$$;

grant select, insert, update on identity.organisation, identity.workspace, identity.api_key,
    identity.operator_token to patchbay_identity;
grant select, insert on identity.audit_log to patchbay_identity;
grant select, update on identity.key_revision to patchbay_identity;
grant select, insert, delete on identity.key_change to patchbay_identity;

create view report.keys with (security_invoker = true) as
select encode(k.hash, 'hex') as hash, k.id as key_id, k.tenant_id, k.workspace_id, k.kind, k.label, k.name,
       k.disabled, k.rate_limit_rpm, k.limit_nanos, k.limit_reset, k.expires_at, k.created_at, k.last_used_at,
       k.deleted_at
from identity.api_key k;

grant usage on schema identity to patchbay_report;
grant select (hash, id, tenant_id, workspace_id, kind, label, name, disabled, rate_limit_rpm, limit_nanos,
    limit_reset, expires_at, created_at, last_used_at, deleted_at) on identity.api_key to patchbay_report;
grant select on report.keys to patchbay_report;

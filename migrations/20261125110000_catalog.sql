-- The catalogue: providers and their credentials, models and their names, endpoints and their prices.
-- Every change raises `catalog.version` in its own transaction, so that a version names one state.
set lock_timeout = '5s';

grant create on schema catalog to patchbay_catalog;
set role patchbay_catalog;

-- One row. Writers lock it first, which puts all changes in one order.
create table catalog.version (
    single boolean primary key default true check (single),
    number bigint not null check (number >= 0),
    changed_at timestamptz not null default now()
);
insert into catalog.version (number) values (0);

create table catalog.provider (
    slug text primary key check (slug ~ '^[a-z0-9][a-z0-9.-]*$'),
    name text not null check (name <> ''),
    dialect text not null check (dialect <> ''),
    base_url text not null check (base_url ~ '^https?://'),
    -- The environment variable that holds the credential of a provider shipped with the catalogue.
    credential_env text,
    -- Without a credential its endpoints are not used.
    credential_required boolean not null,
    quirks jsonb not null default '{}' check (jsonb_typeof(quirks) = 'object'),
    cancel_stops_billing boolean not null,
    -- Whether it keeps prompts for training; null = unknown, which counts as yes.
    collects_data boolean,
    zero_data_retention boolean not null default false,
    simulated boolean not null default false,
    disabled boolean not null default false,
    connect_ms integer check (connect_ms > 0),
    first_token_ms integer check (first_token_ms > 0),
    stall_ms integer check (stall_ms > 0),
    total_ms integer check (total_ms > 0),
    -- What the last seed wrote, so that the next one tells an operator's edit from its own.
    seeded jsonb
);

-- Sealed under the master key, bound to `id`. The newest row of a provider is the one in use.
create table catalog.credential (
    id uuid primary key,
    provider text not null references catalog.provider (slug),
    sealed bytea not null,
    -- For operators to tell credentials apart: the last four characters.
    hint text not null,
    -- `seed`, or the operator who set it.
    source text not null,
    created_at timestamptz not null default clock_timestamp()
);
create index credential_provider on catalog.credential (provider, created_at desc);

create table catalog.model (
    slug text primary key check (slug ~ '^[^/\s]+/[^/\s]+$'),
    canonical_slug text not null unique,
    name text not null check (name <> ''),
    created bigint not null check (created >= 0),
    context_length bigint not null check (context_length > 0),
    max_output bigint check (max_output > 0),
    input_modalities text[] not null,
    output_modalities text[] not null check (cardinality(output_modalities) > 0),
    supported_parameters text[] not null,
    tokenizer text not null default 'Other',
    hugging_face_id text,
    quirks jsonb not null default '{}' check (jsonb_typeof(quirks) = 'object'),
    first_token_ms integer check (first_token_ms > 0),
    disabled boolean not null default false,
    seeded jsonb
);

create table catalog.alias (
    alias text primary key check (alias ~ '^[^/\s]+/[^/\s]+$'),
    model text not null references catalog.model (slug)
);

create table catalog.endpoint (
    id uuid primary key,
    model text not null references catalog.model (slug),
    provider text not null references catalog.provider (slug),
    provider_model text not null check (provider_model <> ''),
    -- The routing slug: the provider's, or one with `/variant` behind it.
    tag text not null check (tag ~ '^[a-z0-9][a-z0-9./-]*$'),
    -- Where it differs from the provider's.
    dialect text,
    context_length bigint not null check (context_length > 0),
    max_output bigint check (max_output > 0),
    quantization text,
    quirks jsonb not null default '{}' check (jsonb_typeof(quirks) = 'object'),
    deprecation_date date,
    disabled boolean not null default false,
    connect_ms integer check (connect_ms > 0),
    first_token_ms integer check (first_token_ms > 0),
    stall_ms integer check (stall_ms > 0),
    total_ms integer check (total_ms > 0),
    seeded jsonb,
    unique (model, tag)
);

-- Immutable price lists: rates in pico-USD per unit. The latest that is in effect is the one in use.
create table catalog.price (
    id uuid primary key,
    endpoint_id uuid not null references catalog.endpoint (id),
    book jsonb not null,
    -- `catalogue`, or the operator who set it.
    source text not null,
    effective_at timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp()
);
create index price_endpoint on catalog.price (endpoint_id, effective_at desc, created_at desc);
create index price_effective on catalog.price (effective_at);

-- Who changed what. Secrets never appear.
create table catalog.change (
    id bigint generated always as identity primary key,
    version bigint not null,
    actor text not null,
    action text not null,
    subject text not null,
    before jsonb,
    after jsonb,
    at timestamptz not null default now()
);

create function catalog.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of %.% are immutable', tg_table_schema, tg_table_name using errcode = '23001';
end
$$;
create trigger immutable before update or delete on catalog.price
    for each row execute function catalog.refuse_change();
create trigger immutable before update or delete on catalog.change
    for each row execute function catalog.refuse_change();

-- Routers listen; a lost notice costs them one poll.
create function catalog.announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('patchbay_catalog', new.number::text);
    return null;
end
$$;
create trigger announce after update on catalog.version
    for each row execute function catalog.announce();

do $$
declare
    wanted text;
begin
    foreach wanted in array array['version', 'provider', 'credential', 'model', 'alias', 'endpoint', 'price', 'change']
    loop
        execute format('alter table catalog.%I enable row level security', wanted);
        execute format('alter table catalog.%I force row level security', wanted);
        execute format('create policy owner on catalog.%I to patchbay_catalog using (true) with check (true)', wanted);
    end loop;
end
$$;

reset role;
revoke create on schema catalog from patchbay_catalog;

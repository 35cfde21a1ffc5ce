-- Routing decisions with what they were made from, so that they can be explained and made again.
set lock_timeout = '5s';

grant create on schema catalog to patchbay_catalog;
set role patchbay_catalog;

-- The catalogue that decisions were made from: its tables as JSON, compressed, without credentials. Several
-- may have one version, because a price may take effect later than the version that holds it.
create table catalog.snapshot (
    -- Follows from the content.
    id uuid primary key,
    version bigint not null check (version >= 0),
    tables bytea not null,
    written_at timestamptz not null default now()
);

create table catalog.decision (
    generation_id uuid primary key,
    -- Null where the request named none.
    tenant_id uuid,
    -- By the router's clock.
    at timestamptz not null,
    catalogue_version bigint not null,
    snapshot_id uuid not null references catalog.snapshot (id),
    -- Of the first attempt; of a refusal, the first name that was asked for.
    model text not null,
    -- Of the first attempt; null = refused.
    provider text,
    -- Why there was no plan: a code of the public vocabulary; null = there was one.
    refused text,
    -- Protobuf: the request without secrets; what the router added to it; what came of it.
    request bytea not null,
    inputs bytea not null,
    outcome bytea not null,
    check ((provider is null) = (refused is not null))
);
create index decision_at on catalog.decision (at, generation_id);
create index decision_tenant on catalog.decision (tenant_id, at, generation_id);
create index decision_snapshot on catalog.decision (snapshot_id);

do $$
declare
    wanted text;
begin
    foreach wanted in array array['snapshot', 'decision']
    loop
        execute format('alter table catalog.%I enable row level security', wanted);
        execute format('alter table catalog.%I force row level security', wanted);
        execute format('create policy owner on catalog.%I to patchbay_catalog using (true) with check (true)', wanted);
    end loop;
end
$$;

reset role;
revoke create on schema catalog from patchbay_catalog;

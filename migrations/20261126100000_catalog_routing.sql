-- What the routing language asks of the catalogue beyond prices and limits: where data go, what may be done
-- with answers, service tiers, families, and scores.
set lock_timeout = '5s';

grant create on schema catalog to patchbay_catalog;
set role patchbay_catalog;

alter table catalog.provider
    -- ISO 3166-1 alpha-2 country codes.
    add column headquarters text,
    add column datacenters text[] not null default '{}',
    add column privacy_policy_url text,
    add column terms_of_service_url text,
    add column status_page_url text;

alter table catalog.model
    -- The family within its author's models that `~author/family-latest` names; null = none.
    add column family text check (family ~ '^[a-z0-9][a-z0-9.-]*$'),
    -- Whether the author lets answers train other models; null = unknown, which counts as no.
    add column distillable boolean,
    add column knowledge_cutoff date,
    add column default_parameters jsonb,
    -- By kind (`intelligence`, `coding`, `agentic`), 0 to 1; an absent one is estimated from the market price.
    add column scores jsonb not null default '{}' check (jsonb_typeof(scores) = 'object'),
    -- Where the scores come from.
    add column scores_source text;

alter table catalog.endpoint
    -- Null = the provider's usual service.
    add column service_tier text check (service_tier in ('flex', 'priority')),
    -- The data region that requests stay in: `eu`, `us`; null = not promised.
    add column region text check (region ~ '^[a-z]{2}$'),
    -- Where they differ from the provider's.
    add column collects_data boolean,
    add column zero_data_retention boolean,
    -- What it takes where that differs from the model's.
    add column supported_parameters text[],
    -- Whether prompts are cached without being asked to.
    add column implicit_caching boolean not null default false;

reset role;
revoke create on schema catalog from patchbay_catalog;

-- Billing: what a member used of each model has a rollup of its own, without the keys that it was used by.
set lock_timeout = '5s';

-- In the order of folds, which take the mark first: they wait, and do not meet us half-way.
lock table billing.usage_fold in access exclusive mode;

create table billing.usage_by_member_hourly (
    at timestamptz not null, tenant_id uuid not null, user_id uuid not null, model text not null, provider text not null,
    provider_name text not null, is_byok boolean not null,
    requests bigint not null, errors bigint not null, partials bigint not null, cancelled bigint not null,
    streamed bigint not null, attempts bigint not null, input bigint not null, cache_read bigint not null,
    cache_write_5m bigint not null, cache_write_1h bigint not null, output bigint not null, reasoning bigint not null,
    audio_input bigint not null, audio_output bigint not null, image bigint not null, request bigint not null,
    image_input bigint not null, image_output bigint not null, picture bigint not null, "character" bigint not null,
    second bigint not null, search_unit bigint not null, charge bigint not null, absorbed bigint not null,
    waived bigint not null, provider_cost bigint not null, upstream_cost bigint not null, latency_ms bigint not null,
    generation_time_ms bigint not null,
    primary key (tenant_id, user_id, at, model, provider, provider_name, is_byok)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create table billing.usage_by_member_daily (like billing.usage_by_member_hourly including indexes)
    with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index on billing.usage_by_member_hourly (at);
create index on billing.usage_by_member_daily (at);
alter table billing.usage_by_member_hourly enable row level security, force row level security;
alter table billing.usage_by_member_daily enable row level security, force row level security;
create policy billing_all on billing.usage_by_member_hourly to patchbay_billing using (true) with check (true);
create policy billing_all on billing.usage_by_member_daily to patchbay_billing using (true) with check (true);
grant select, insert, update, delete on billing.usage_by_member_hourly, billing.usage_by_member_daily to patchbay_billing;

-- The rollups, the smallest first, and what each tells apart. Each is two tables: `NAME_hourly` and `NAME_daily`.
create or replace function billing.usage_rollups() returns table (name text, dimensions text[])
language sql immutable parallel safe rows 8 as $$
    values
        ('usage_by_provider', array['provider', 'provider_name', 'is_byok']),
        ('usage_by_tenant', array['tenant_id', 'is_byok']),
        ('usage_by_key', array['tenant_id', 'key_id', 'user_id', 'workspace_id', 'is_byok']),
        ('usage_by_endpoint', array['endpoint_id', 'model', 'provider', 'provider_name', 'is_byok']),
        ('usage_by_model', array['tenant_id', 'endpoint_id', 'model', 'provider', 'provider_name', 'workspace_id', 'is_byok']),
        ('usage_by_member', array['tenant_id', 'user_id', 'model', 'provider', 'provider_name', 'is_byok']),
        ('usage_by_app', array['tenant_id', 'app_title', 'app_referer', 'workspace_id', 'is_byok']),
        ('usage', array['tenant_id', 'key_id', 'endpoint_id', 'model', 'provider', 'provider_name', 'workspace_id', 'user_id', 'is_byok'])
$$;

-- The lean rollups of what was there before are made again, with the new one among them.
update billing.usage_fold set lean_from = 'infinity'
where exists (select from billing.usage_daily) or exists (select from billing.settlement);

-- What an erasure does with each table of a tenant. One that is new belongs here.
create or replace function billing.erasure_plan() returns table (name text, fate text, because text)
language sql immutable as $$
    values
        ('account', 'kept', 'The books: accounts go by ids.'),
        ('attempt', 'kept', 'Which provider was tried, by ids; dropped when usage is.'),
        ('bill_difference', 'kept', 'A comparison of a provider''s bill, by ids.'),
        ('billing_profile', 'blanked', 'Country and tax stay, for the invoice of the last period.'),
        ('breach', 'kept', 'What checks of the books found, by ids.'),
        ('credit_note', 'kept', 'A document that the law wants kept.'),
        ('document', 'kept', 'Invoices, receipts and credit notes as they were issued: the law wants them kept, unchanged.'),
        ('invoice', 'kept', 'The books, by ids.'),
        ('invoice_payment', 'kept', 'The books, by references of payments.'),
        ('invoicing_freeze', 'kept', 'Why no invoice is issued, as the operator wrote it.'),
        ('key_usage', 'kept', 'Sums, by ids of keys.'),
        ('lease', 'kept', 'What is open settles first; sums, by ids.'),
        ('notice', 'blanked', 'What it said goes, that there was one stays.'),
        ('notice_settings', 'blanked', 'Where notices went, and the secret that signed them.'),
        ('payer', 'blanked', 'The customer at the payment processor, and the card.'),
        ('payment', 'kept', 'The books: the processor''s references of payments.'),
        ('plan_move', 'kept', 'The books, by ids.'),
        ('promotion', 'kept', 'The books: why credit was given, as the operator wrote it.'),
        ('reversal', 'kept', 'The books: why money went back, as the operator wrote it.'),
        ('seal', 'kept', 'The chain of the books.'),
        ('subject_usage', 'kept', 'Sums, by ids of workspaces, members and guardrails.'),
        ('tenant', 'kept', 'The plan, by ids.'),
        ('transfer', 'kept', 'The ledger is never changed.'),
        ('usage', 'blanked', 'What clients said of their users and of themselves goes; counts and charges stay.'),
        ('usage_by_app_daily', 'blanked', 'Sums; the names of apps go.'),
        ('usage_by_app_hourly', 'blanked', 'Sums; the names of apps go.'),
        ('usage_by_key_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_key_hourly', 'kept', 'Sums, by ids.'),
        ('usage_by_member_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_member_hourly', 'kept', 'Sums, by ids.'),
        ('usage_by_model_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_model_hourly', 'kept', 'Sums, by ids.'),
        ('usage_by_tenant_daily', 'kept', 'Sums, by ids.'),
        ('usage_by_tenant_hourly', 'kept', 'Sums, by ids.'),
        ('usage_daily', 'kept', 'Sums, by ids.'),
        ('usage_hourly', 'kept', 'Sums, by ids.')
$$;

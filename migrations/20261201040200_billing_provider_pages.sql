-- Billing: pages of single generations by who served them.
set lock_timeout = '5s';

-- A provider that a tenant uses seldom, or not at all, is looked for among all that it used.
create index usage_tenant_provider on billing.usage (tenant_id, provider_name, generation_id);

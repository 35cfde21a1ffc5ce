-- What keys and organisations may: requests and tokens per minute, and requests at once. Null = the platform's default.
set lock_timeout = '5s';

alter table identity.api_key
    add column rate_limit_tpm integer check (rate_limit_tpm > 0),
    add column max_concurrent integer check (max_concurrent > 0);

-- Of all keys together.
alter table identity.organisation
    add column rate_limit_rpm integer check (rate_limit_rpm > 0),
    add column rate_limit_tpm integer check (rate_limit_tpm > 0),
    add column max_concurrent integer check (max_concurrent > 0);

drop trigger api_key_changed on identity.api_key;
create trigger api_key_changed
    after insert or update of workspace_id, disabled, rate_limit_rpm, rate_limit_tpm, max_concurrent, limit_nanos, limit_reset,
        expires_at, deleted_at, name, label, secret_hash, previous_hash, previous_until, allowed_ips
    on identity.api_key
    for each row execute function identity.key_changed();

create or replace view report.keys with (security_invoker = true) as
select encode(k.hash, 'hex') as hash, k.id as key_id, k.tenant_id, k.workspace_id, k.kind, k.label, k.name,
       k.disabled, k.rate_limit_rpm, k.limit_nanos, k.limit_reset, k.expires_at, k.created_at, k.last_used_at,
       k.deleted_at, k.creator_person_id, k.creator, k.rotated_at, k.previous_until, k.allowed_ips, k.rate_limit_tpm,
       k.max_concurrent
from identity.api_key k;

grant select (rate_limit_tpm, max_concurrent) on identity.api_key to patchbay_report;
